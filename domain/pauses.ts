/** Operators' pauses, from their records: who kept an action from running, since when, and why. */
import type { Action } from './action.ts';
import { formerIds, renamedIds } from './former-names.ts';
import type { PauseRecord } from './pause-record.ts';
import type { ScheduleState } from './plan.ts';

/** One pause of one action: from `since` to before `until`, ISO; absent: it goes on. */
export interface PauseSpan {
  since: string;
  until?: string;
  by: string;
  reason: string;
  resumedBy?: string;
}

/** Schedules are resumed one after another, a moment after the record is dated: what is due in between cannot run. */
const RESUMING_SECONDS = 10;

/** By action id, oldest first. `records`: oldest first. `renamed`: present ids by former ones, whose pauses are theirs. */
export function pauseSpans(
  records: readonly PauseRecord[],
  renamed: ReadonlyMap<string, string> = new Map(),
): Map<string, PauseSpan[]> {
  const spans = new Map<string, PauseSpan[]>();
  for (const { step, at, by, reason = '', actions } of records) {
    for (const recorded of actions) {
      const id = renamed.get(recorded) ?? recorded;
      const own = spans.get(id) ?? [];
      const last = own.at(-1);
      // Paused once more: from then on it is for the new reason.
      if (last !== undefined && last.until === undefined) {
        last.until = at;
        if (step === 'resume') last.resumedBy = by;
      }
      if (step === 'pause') own.push({ since: at, by, reason });
      spans.set(id, own);
    }
  }
  return spans;
}

/** The pauses that go on, by action id. */
export function openPauses(
  records: readonly PauseRecord[],
  renamed: ReadonlyMap<string, string> = new Map(),
): Map<string, PauseSpan> {
  const open = new Map<string, PauseSpan>();
  for (const [id, spans] of pauseSpans(records, renamed)) {
    const last = spans.at(-1);
    if (last !== undefined && last.until === undefined) open.set(id, last);
  }
  return open;
}

/** The pause for which a slot at this time did not run. */
export function pauseAt(spans: readonly PauseSpan[] | undefined, time: Date): PauseSpan | undefined {
  return spans?.findLast(
    ({ since, until }) =>
      Date.parse(since) <= time.getTime() &&
      (until === undefined || time.getTime() < Date.parse(until) + RESUMING_SECONDS * 1000),
  );
}

/** The note of the schedule: what a person reads in Temporal. */
export function pauseNote({ since, by, reason }: Pick<PauseSpan, 'since' | 'by' | 'reason'>): string {
  return `paused by ${by} at ${since}: ${reason}`;
}

/** `paused by alice@app-01 since 2026-11-23T01:47:30.000Z: moving the disk`. */
export function describePause({ since, by, reason }: Pick<PauseSpan, 'since' | 'by' | 'reason'>): string {
  return `paused by ${by} since ${since}: ${reason}`;
}

/**
 * Notes of the pauses that schedules must get which are made anew, by action id: for an action under a new name, and
 * in an engine that starts afresh. What the engine still has under a former name decides, else the records do.
 */
export function pausesToKeep(
  actions: readonly Action[],
  records: readonly PauseRecord[],
  schedules: ReadonlyMap<string, ScheduleState>,
): Map<string, string> {
  const open = openPauses(records, renamedIds(actions));
  const notes = new Map<string, string>();
  for (const action of actions) {
    const former = formerIds(action).find((id) => schedules.has(id));
    const pause = open.get(action.id);
    const note = former === undefined ? pause && pauseNote(pause) : schedules.get(former)!.pausedByOperator;
    if (note !== undefined) notes.set(action.id, note);
  }
  return notes;
}
