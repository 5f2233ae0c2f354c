/** Which runs should have happened: the slots of every action in force, from the apply records alone. */
import type { Action } from './action.ts';
import type { ApplyRecord } from './apply-record.ts';
import { slotsBetween } from './schedule-slots.ts';

/** A start this much after its slot (and jitter) is not yet late: workers poll, engines restart. */
export const START_GRACE_SECONDS = 300;
/** Schedules are made a moment after the apply record is dated; a slot in between cannot be met. */
const SETTLING_SECONDS = 120;

export interface ExpectedRun {
  action: Action;
  applyId: string;
  /** The schedule's nominal time. */
  slot: Date;
  /** Its schedule was new or changed a moment before: when nothing ran, nothing was missed. */
  settling: boolean;
}

/** The latest time at which the run of a slot can still begin without being late. */
export function latestStart(action: Action, slot: Date): Date {
  return new Date(slot.getTime() + (action.schedule.jitterSeconds + START_GRACE_SECONDS) * 1000);
}

/** The time at which a run of the slot, with all its retries, must have ended: without a record it has then not happened. */
export function latestFinish(action: Action, slot: Date): Date {
  return new Date(latestStart(action, slot).getTime() + action.schedule.timeoutSeconds * 1000);
}

/**
 * Keeps of all apply records (oldest first) those in force at some time between `from` and `to`: the last one before
 * `from`, and all up to `to`. Bounded by the applies of the period, not by all of history.
 */
export async function appliesInForce(
  applies: AsyncIterable<ApplyRecord> | Iterable<ApplyRecord>,
  from: Date,
  to: Date,
): Promise<ApplyRecord[]> {
  let kept: ApplyRecord[] = [];
  for await (const apply of applies) {
    const appliedAt = Date.parse(apply.appliedAt);
    if (appliedAt > to.getTime()) break;
    if (appliedAt <= from.getTime()) kept = [];
    kept.push(apply);
  }
  return kept;
}

/**
 * The expected runs with slots in [from, to), by action in the order of the applies. An action's slots count from the
 * apply that put it in force to the next apply; suspended ones are included, with `action.suspended` set.
 */
export function* expectedRuns(applies: readonly ApplyRecord[], from: Date, to: Date): Generator<ExpectedRun> {
  for (const [index, apply] of applies.entries()) {
    const start = new Date(apply.appliedAt);
    const next = applies[index + 1];
    const end = next === undefined ? to : new Date(Math.min(Date.parse(next.appliedAt), to.getTime()));
    const before = new Map(applies[index - 1]?.actions.map((action) => [action.id, action.digest]));
    const settled = new Date(start.getTime() + SETTLING_SECONDS * 1000);
    for (const action of apply.actions) {
      const isNew = before.get(action.id) !== action.digest;
      for (const slot of slotsBetween(action.schedule, new Date(Math.max(start.getTime(), from.getTime())), end)) {
        yield { action, applyId: apply.id, slot, settling: isNew && slot < settled };
      }
    }
  }
}

/** Whether an action's runs count as suspended at this time. */
export function isSuspendedAt(action: Action, time: Date): boolean {
  if (action.suspended === undefined) return false;
  const end = resumesAt(action);
  return end === undefined || time < end;
}

/** When a suspension ends by itself: its date's beginning in UTC. Undefined without one, and without a suspension. */
export function resumesAt({ suspended }: Action): Date | undefined {
  const end = new Date(suspended?.until ?? Number.NaN);
  return Number.isNaN(end.getTime()) ? undefined : end;
}
