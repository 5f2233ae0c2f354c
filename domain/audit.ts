/** The audit: what should have run against what the records say, the objectives, and what needs attention. */
import type { Action, ActionKind, PolicyCommit } from './action.ts';
import type { AdoptionRecord } from './adoption-record.ts';
import type { ApplyRecord } from './apply-record.ts';
import { auditFindings } from './audit-findings.ts';
import { isSuspendedAt, latestFinish } from './expected-runs.ts';
import type { Finding } from './finding.ts';
import { renamedIds } from './former-names.ts';
import { judgeSlots, type AuditedRun } from './judge-slots.ts';
import { inWords, reportObjectives, type ObjectiveReport } from './objectives.ts';
import { longestGapSeconds } from './schedule-gaps.ts';
import type { PauseRecord } from './pause-record.ts';
import { openPauses, pauseSpans, type PauseSpan } from './pauses.ts';
import { createRunHistory, summarizeRun, type RunHistory, type RunSummary } from './run-history.ts';
import type { AuditFigures, RunRecord } from './run-record.ts';
import { suspensionsOf, type Suspension, type Suspensions } from './suspensions.ts';

/** One action's counts over the period. */
export interface AuditedAction {
  actionId: string;
  kind: ActionKind;
  policy?: string;
  target: string;
  expected: number;
  /** Good ones: what they found needs no attention. */
  succeeded: number;
  /** Done, with findings that need attention, or without the proof that a restore test is for. */
  attention: number;
  failed: number;
  missed: number;
  late: number;
  skipped: number;
  suspended: number;
  /** By an operator. */
  paused: number;
  /** Runs that no schedule asked for: by hand, or once. */
  extra: number;
  /** End of the last good run, ISO. */
  lastGoodAt?: string;
  /** Switched off, or its policy is suspended, at the end of the period. */
  suspendedBy?: Suspension;
  /** An operator has paused it, at the end of the period. */
  pausedBy?: PauseSpan;
}

export interface Audit {
  format: 'holdfast-audit/1';
  /** The period, ISO: a slot counts in the one period in which its outcome became known. */
  from: string;
  to: string;
  /** The policy commit in force at the end; absent: nothing was ever applied. */
  commit?: PolicyCommit;
  applyId?: string;
  figures: AuditFigures;
  actions: AuditedAction[];
  /** Operators' pauses that were in force at some time of the period. */
  pauses: AuditedPause[];
  /** Snapshots that policies took in within the period, oldest first. */
  adoptions: AuditedAdoption[];
  /** Expected runs that did not simply succeed on time, oldest first, at most 1,000. */
  exceptions: AuditedRun[];
  exceptionsLeftOut: number;
  objectives: ObjectiveReport[];
  findings: Finding[];
}

export interface AuditedPause extends PauseSpan {
  actionId: string;
}

export interface AuditedAdoption extends Pick<AdoptionRecord, 'adoptedAt' | 'adoptedBy' | 'policy' | 'repository'> {
  /** Name of the record: it lists the snapshots with their ids before and after. */
  record: string;
  snapshots: number;
}

const MAX_EXCEPTIONS = 1000;

export interface AuditInput {
  /** Oldest first; those in force at some time since `auditReach(…)` suffice. */
  applies: readonly ApplyRecord[];
  /** In any order, read once; those that finished since `auditReach(…).runsFrom`. */
  runs: AsyncIterable<RunRecord> | Iterable<RunRecord>;
  /** Oldest first. Absent: none. */
  pauses?: readonly PauseRecord[];
  /** In any order. Absent: none. */
  adoptions?: readonly AdoptionRecord[];
  /** As of all records to the end of the period. Absent: of `applies`. */
  suspensions?: Suspensions;
  from: Date;
  to: Date;
}

/** How far back records matter for an audit that begins at `from`. */
export function auditReach(applies: readonly ApplyRecord[], from: Date): { slotsFrom: Date; runsFrom: Date } {
  let deadline = 0;
  let lookback = 35 * 86_400_000;
  for (const action of applies.flatMap((apply) => apply.actions)) {
    const own = latestFinish(action, from).getTime() - from.getTime();
    deadline = Math.max(deadline, own);
    const interval = longestGapSeconds(action.schedule) * 1000;
    lookback = Math.max(lookback, 2 * interval + own, (action.objectives?.rpoSeconds ?? 0) * 1000);
  }
  return { slotsFrom: new Date(from.getTime() - deadline), runsFrom: new Date(from.getTime() - lookback) };
}

/** Pure: the same records, period and end give the same audit. `to` is also the time at which objectives are judged. */
export async function buildAudit(input: AuditInput): Promise<Audit> {
  const { applies, from, to, suspensions = suspensionsOf(applies) } = input;
  const latest = applies.findLast((apply) => Date.parse(apply.appliedAt) <= to.getTime());
  const renamed = renamedIds(latest?.actions ?? []);
  const history = createRunHistory(renamed);
  const runs = new Map<string, RunSummary[]>();
  const { slotsFrom } = auditReach(applies, from);
  for await (const record of input.runs) {
    if (record.dryRun || Date.parse(record.finishedAt) > to.getTime()) continue;
    history.add(record);
    if (Date.parse(record.finishedAt) < slotsFrom.getTime()) continue;
    const own = runs.get(record.actionId) ?? [];
    own.push(summarizeRun(record));
    runs.set(record.actionId, own);
  }
  const records = (input.pauses ?? []).filter(({ at }) => Date.parse(at) <= to.getTime());
  const pauses = pauseSpans(records, renamed);
  const audited = judgeSlots(applies, { runs, pauses }, slotsFrom, from, to);
  const objectives = reportObjectives(latest?.actions ?? [], history, to, (id) => inForceSince(applies, id, renamed));
  const actions = countActions(audited, runs, suspensions, latest, history, from, to);
  for (const own of actions) {
    const pause = openPauses(records, renamed).get(own.actionId);
    if (pause !== undefined) own.pausedBy = pause;
  }
  const exceptions = audited
    .filter((run) => run.state !== 'succeeded' || run.late)
    .toSorted((a, b) => (a.expectedAt < b.expectedAt ? -1 : a.expectedAt > b.expectedAt ? 1 : 0));
  return {
    format: 'holdfast-audit/1',
    from: from.toISOString(),
    to: to.toISOString(),
    ...(latest === undefined ? {} : { commit: latest.commit, applyId: latest.id }),
    figures: totals(actions, objectives),
    actions,
    pauses: pausesWithin(pauses, from),
    adoptions: adoptionsWithin(input.adoptions ?? [], from, to),
    exceptions: exceptions.slice(0, MAX_EXCEPTIONS),
    exceptionsLeftOut: Math.max(0, exceptions.length - MAX_EXCEPTIONS),
    objectives,
    findings: auditFindings(audited, actions, objectives, latest, history, to),
  };
}

function adoptionsWithin(records: readonly AdoptionRecord[], from: Date, to: Date): AuditedAdoption[] {
  return records
    .filter(({ adoptedAt }) => Date.parse(adoptedAt) > from.getTime() && Date.parse(adoptedAt) <= to.getTime())
    .toSorted((a, b) => (a.adoptedAt < b.adoptedAt ? -1 : 1))
    .map(({ id, adoptedAt, adoptedBy, policy, repository, snapshots }) => ({
      record: id,
      adoptedAt,
      adoptedBy,
      policy,
      repository,
      snapshots: snapshots.length,
    }));
}

function pausesWithin(pauses: ReadonlyMap<string, readonly PauseSpan[]>, from: Date): AuditedPause[] {
  return [...pauses].flatMap(([actionId, spans]) =>
    spans
      .filter(({ until }) => until === undefined || Date.parse(until) > from.getTime())
      .map((span) => ({ actionId, ...span })),
  );
}

/** Under its present name, or a former one. */
function inForceSince(
  applies: readonly ApplyRecord[],
  actionId: string,
  renamed: ReadonlyMap<string, string>,
): Date | undefined {
  const first = applies.find(({ actions }) => actions.some(({ id }) => (renamed.get(id) ?? id) === actionId));
  return first === undefined ? undefined : new Date(first.appliedAt);
}

function countActions(
  audited: readonly AuditedRun[],
  runs: ReadonlyMap<string, RunSummary[]>,
  suspensions: Suspensions,
  latest: ApplyRecord | undefined,
  history: RunHistory,
  from: Date,
  to: Date,
): AuditedAction[] {
  const counts = new Map<string, AuditedAction>();
  for (const action of latest?.actions ?? []) counts.set(action.id, emptyCounts(action.id, action));
  for (const run of audited) {
    const own = counts.get(run.actionId) ?? emptyCounts(run.actionId, run);
    counts.set(run.actionId, own);
    own.expected++;
    if (run.late) own.late++;
    if (run.state === 'cancelled') own.failed++;
    else own[run.state]++;
  }
  for (const own of counts.values()) {
    own.extra = (runs.get(own.actionId) ?? []).filter((run) => isExtra(run, from, to)).length;
    const good = history.of(own.actionId).lastGood;
    if (good !== undefined) own.lastGoodAt = good.finishedAt;
  }
  for (const action of latest?.actions ?? []) {
    const suspension = suspensions.get(action.id);
    if (suspension !== undefined && isSuspendedAt(action, to)) counts.get(action.id)!.suspendedBy = suspension;
  }
  return [...counts.values()];
}

function isExtra(run: RunSummary, from: Date, to: Date): boolean {
  const finished = Date.parse(run.finishedAt);
  return run.trigger !== 'schedule' && finished > from.getTime() && finished <= to.getTime();
}

function emptyCounts(actionId: string, of: Pick<Action, 'kind' | 'policy' | 'target'>): AuditedAction {
  return {
    actionId,
    kind: of.kind,
    ...(of.policy === undefined ? {} : { policy: of.policy }),
    target: of.target,
    expected: 0,
    succeeded: 0,
    attention: 0,
    failed: 0,
    missed: 0,
    late: 0,
    skipped: 0,
    suspended: 0,
    paused: 0,
    extra: 0,
  };
}

function totals(actions: readonly AuditedAction[], objectives: readonly ObjectiveReport[]): AuditFigures {
  const sum = (
    field: 'expected' | 'succeeded' | 'attention' | 'failed' | 'missed' | 'late' | 'suspended' | 'paused',
  ): number => actions.reduce((total, action) => total + action[field], 0);
  const states = objectives.flatMap(({ rpo, rto }) => [rpo.state, rto.state]);
  return {
    kind: 'audit',
    expected: sum('expected'),
    succeeded: sum('succeeded'),
    attention: sum('attention'),
    failed: sum('failed'),
    missed: sum('missed'),
    late: sum('late'),
    suspended: sum('suspended'),
    paused: sum('paused'),
    objectivesMissed: states.filter((state) => state === 'missed').length,
  };
}

/** The period in words, for reports. */
export function auditPeriod(audit: Audit): string {
  return `${audit.from} to ${audit.to} (${inWords((Date.parse(audit.to) - Date.parse(audit.from)) / 1000)})`;
}
