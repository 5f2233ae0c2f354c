/** Judges expected runs: what the records say of each slot, and whether its outcome became known in a period. */
import type { Action, ActionKind } from './action.ts';
import type { ApplyRecord } from './apply-record.ts';
import { expectedRuns, isSuspendedAt, latestFinish, latestStart, type ExpectedRun } from './expected-runs.ts';
import { describePause, pauseAt, type PauseSpan } from './pauses.ts';
import type { RunSummary } from './run-history.ts';

/**
 * What became of an expected run. `attention`: it did its work, and found what needs attention, or proved nothing. `skipped`: the run before it was still going on. `suspended`: the policy said so. `paused`: an operator did.
 * `cancelled` counts as failed in the figures.
 */
export type ExpectedState =
  | 'succeeded'
  | 'attention'
  | 'failed'
  | 'cancelled'
  | 'missed'
  | 'skipped'
  | 'suspended'
  | 'paused';

export interface AuditedRun {
  actionId: string;
  kind: ActionKind;
  policy?: string;
  target: string;
  /** The nominal time, ISO. */
  expectedAt: string;
  state: ExpectedState;
  /** It began later than its slot, jitter and a grace of five minutes. */
  late: boolean;
  startedAt?: string;
  finishedAt?: string;
  workflowId?: string;
  runId?: string;
  /** Of a failed run the error; of one with findings the worst; of a suspended or paused one the reason; of a skipped one what was in its way. */
  reason?: string;
}

export interface SlotEvidence {
  runs: ReadonlyMap<string, RunSummary[]>;
  /** By action id. */
  pauses: ReadonlyMap<string, readonly PauseSpan[]>;
}

/** Judges each slot whose outcome became known in the period (from, to]; one that may still run is not judged yet. */
export function judgeSlots(
  applies: readonly ApplyRecord[],
  { runs, pauses }: SlotEvidence,
  slotsFrom: Date,
  from: Date,
  to: Date,
): AuditedRun[] {
  const byAction = new Map<string, Map<number, RunSummary>>();
  for (const [actionId, own] of runs) byAction.set(actionId, indexBySlot(own));
  const audited: AuditedRun[] = [];
  for (const expected of expectedRuns(applies, slotsFrom, to)) {
    const { action, slot } = expected;
    const recorded = byAction.get(action.id)?.get(seconds(slot));
    const judged =
      recorded === undefined
        ? judgeAbsence(expected, runs.get(action.id) ?? [], pauseAt(pauses.get(action.id), slot), to)
        : { ...judgeRecord(action, slot, recorded), knownAt: new Date(recorded.finishedAt) };
    if (judged === undefined || judged.knownAt <= from || judged.knownAt > to) continue;
    const { knownAt: _, ...outcome } = judged;
    audited.push({
      actionId: action.id,
      kind: action.kind,
      ...(action.policy === undefined ? {} : { policy: action.policy }),
      target: action.target,
      expectedAt: slot.toISOString(),
      ...outcome,
    });
  }
  return audited;
}

/** Nominal times are whole seconds. Of several runs of one slot the last one counts. */
function indexBySlot(runs: readonly RunSummary[]): Map<number, RunSummary> {
  const index = new Map<number, RunSummary>();
  for (const run of runs.toSorted((a, b) => Date.parse(a.finishedAt) - Date.parse(b.finishedAt))) {
    if (run.scheduledAt !== undefined) index.set(seconds(new Date(run.scheduledAt)), run);
  }
  return index;
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}

type Judgement = Pick<AuditedRun, 'state' | 'late' | 'startedAt' | 'finishedAt' | 'workflowId' | 'runId' | 'reason'>;

function judgeRecord(action: Action, slot: Date, run: RunSummary): Judgement {
  const isFlawed = run.outcome === 'succeeded' && (run.attention > 0 || !run.good);
  const reason = run.error === undefined ? run.worst : `${run.error.code}: ${run.error.message}`;
  return {
    state: isFlawed ? 'attention' : run.outcome,
    late: new Date(run.startedAt) > latestStart(action, slot),
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    workflowId: run.workflowId,
    runId: run.runId,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Undefined while the run may still be going on, or when its schedule was only just made. */
function judgeAbsence(
  { action, slot, settling }: ExpectedRun,
  runs: readonly RunSummary[],
  pause: PauseSpan | undefined,
  to: Date,
): (Judgement & { knownAt: Date }) | undefined {
  // A slot on the border of two periods belongs to the later one.
  const atOnce = new Date(slot.getTime() + 1);
  if (isSuspendedAt(action, slot))
    return { state: 'suspended', late: false, reason: action.suspended!.reason, knownAt: atOnce };
  if (pause !== undefined) return { state: 'paused', late: false, reason: describePause(pause), knownAt: atOnce };
  if (settling) return undefined;
  const inTheWay = runs.find((run) => isDuring(slot, action, run));
  if (inTheWay !== undefined) {
    const reason = `the run of ${inTheWay.startedAt} was still going on`;
    return { state: 'skipped', late: false, reason, knownAt: new Date(inTheWay.finishedAt) };
  }
  // Runs of one action never overlap: when a later slot has run, this one will not.
  const later = runs
    .filter((run) => run.scheduledAt !== undefined && seconds(new Date(run.scheduledAt)) > seconds(slot))
    .reduce((earliest, run) => Math.min(earliest, Date.parse(run.finishedAt)), Number.POSITIVE_INFINITY);
  const knownAt = new Date(Math.min(later, latestFinish(action, slot).getTime()));
  return knownAt > to ? undefined : { state: 'missed', late: false, knownAt };
}

function isDuring(slot: Date, action: Action, run: RunSummary): boolean {
  const finished = Date.parse(run.finishedAt);
  return (
    Date.parse(run.startedAt) <= latestStart(action, slot).getTime() &&
    finished > slot.getTime() &&
    startedBefore(run, slot)
  );
}

/** A run that began after the slot, but for a later one, was not in its way. */
function startedBefore(run: RunSummary, slot: Date): boolean {
  return Date.parse(run.scheduledAt ?? run.startedAt) <= slot.getTime();
}
