/** The runs of one action on virtual time, as Temporal would start them. */
import type { Action } from './action.ts';
import { isSuspendedAt } from './expected-runs.ts';
import { slotTimes } from './schedule-slots.ts';
import { spread } from './turns.ts';

/** All times in milliseconds since the epoch. */
export interface SimulatedRun {
  slot: number;
  start: number;
  end: number;
  /** It could have ended as late as this, had its jitter been the longest. */
  latestEnd: number;
  /** It took longer than its schedule allows, and was ended. */
  timedOut: boolean;
}

/** Besides its runs. */
export interface RunCounts {
  /** The run before was still going on. */
  skipped: number;
  suspended: number;
}

/**
 * Calls `onRun` for each run with a slot in [from, to), in order. Each takes `runSeconds`; one whose predecessor is at
 * work is skipped, or waits for it with `missed: all`. A jitter is cut at the next slot, and chosen by a hash of the slot.
 */
export function simulateRuns(
  action: Action,
  from: number,
  to: number,
  runSeconds: number,
  onRun: (run: SimulatedRun) => void,
): RunCounts {
  const { schedule } = action;
  const counts: RunCounts = { skipped: 0, suspended: 0 };
  const length = Math.min(runSeconds, schedule.timeoutSeconds) * 1000;
  const timedOut = runSeconds > schedule.timeoutSeconds;
  let busyUntil = Number.NEGATIVE_INFINITY;
  for (const [slot, next] of withNext(slotTimes(schedule, from, to))) {
    if (action.suspended !== undefined && isSuspendedAt(action, new Date(slot))) {
      counts.suspended++;
      continue;
    }
    const jitter = Math.min(schedule.jitterSeconds * 1000, next - slot);
    const due = jitter === 0 ? slot : slot + Math.floor(jitter * spread(`${action.id}@${slot}`));
    if (due < busyUntil && schedule.missed !== 'all') {
      counts.skipped++;
      continue;
    }
    const start = Math.max(due, busyUntil);
    busyUntil = start + length;
    onRun({ slot, start, end: busyUntil, latestEnd: Math.max(busyUntil, slot + jitter + length), timedOut });
  }
  return counts;
}

/** Each with the one that follows it; after the last comes none. */
function* withNext(slots: Iterable<number>): Generator<[number, number]> {
  let previous: number | undefined;
  for (const slot of slots) {
    if (previous !== undefined) yield [previous, slot];
    previous = slot;
  }
  if (previous !== undefined) yield [previous, Number.POSITIVE_INFINITY];
}
