/** The state of every policy now: last good runs, age against RPO, last measured restore against RTO, what is overdue. */
import { canonicalJson } from '../common/canonical-json.ts';
import type { Action, ActionKind, PolicyCommit } from './action.ts';
import type { ApplyRecord } from './apply-record.ts';
import { isSuspendedAt, latestStart, resumesAt } from './expected-runs.ts';
import { reportObjectives, type ObjectiveReport } from './objectives.ts';
import { renamedIds } from './former-names.ts';
import type { PauseRecord } from './pause-record.ts';
import { pauseSpans, type PauseSpan } from './pauses.ts';
import { createRunHistory, type ActionHistory, type RunSummary } from './run-history.ts';
import type { RunRecord } from './run-record.ts';
import { nextSlot, slotsBetween } from './schedule-slots.ts';
import { suspensionsOf, type Suspension, type Suspensions } from './suspensions.ts';

/** `never`: not yet due for the first time. `overdue` outranks `failed`, and both outrank `attention` (findings). */
export type ActionState = 'good' | 'never' | 'attention' | 'failed' | 'overdue' | 'suspended' | 'paused';

export interface ActionStatus {
  actionId: string;
  kind: ActionKind;
  target: string;
  state: ActionState;
  last?: RunSummary;
  lastGood?: RunSummary;
  /** Of a backup or a copy: when the data of its newest snapshot was read, ISO. A copy is as old as that, however late it ran. */
  dataAt?: string;
  /** Of a sync: when the oldest change of the source was made that its last good run could not bring over, ISO; absent: none. */
  pendingSince?: string;
  /** The slot that should have run and has not, ISO. */
  overdueSince?: string;
  /** ISO; absent: it has no more. */
  nextAt?: string;
  /** By its policy. */
  suspended?: Suspension;
  /** By an operator. */
  paused?: PauseSpan;
}

export interface PolicyStatus {
  policy: string;
  importance?: string;
  /** Absent: it has no backup, or no objectives. */
  objectives?: ObjectiveReport;
  actions: ActionStatus[];
  /** An action failed, is overdue or has findings, or an objective is missed. */
  failing: boolean;
}

export interface Status {
  format: 'holdfast-status/1';
  at: string;
  /** What is in force; absent: nothing was ever applied. */
  commit?: PolicyCommit;
  applyId?: string;
  appliedAt?: string;
  policies: PolicyStatus[];
  /** Work on repositories and the project. */
  others: ActionStatus[];
  failing: boolean;
}

export interface StatusInput {
  /** The latest apply record. */
  apply: ApplyRecord | undefined;
  /** Those in force before it, oldest first: applying again does not make an action new. Absent: none. */
  earlier?: readonly ApplyRecord[];
  /** In any order, read once; `auditReach([apply], now).runsFrom` says since when they matter. */
  runs: AsyncIterable<RunRecord> | Iterable<RunRecord>;
  /** Oldest first. Absent: none. */
  pauses?: readonly PauseRecord[];
  /** As of all apply records. Absent: of those that are given. */
  suspensions?: Suspensions;
  now: Date;
}

/** Pure: the same records and time give the same status. */
export async function buildStatus({ apply, earlier = [], runs, now, ...input }: StatusInput): Promise<Status> {
  const actions = apply?.actions ?? [];
  const renamed = renamedIds(actions);
  const history = createRunHistory(renamed);
  for await (const record of runs) history.add(record);
  const since = scheduledSince(apply, earlier);
  const pauses = pauseSpans(input.pauses ?? [], renamed);
  const suspensions = input.suspensions ?? suspensionsOf(apply === undefined ? [] : [...earlier, apply]);
  const statuses = new Map<string, ActionStatus>();
  for (const action of actions) {
    const silences = { pauses: pauses.get(action.id) ?? [], suspension: suspensions.get(action.id) };
    statuses.set(action.id, statusOf(action, history.of(action.id), silences, since.get(action.id)!, now));
  }
  const objectives = reportObjectives(actions, history, now, (id) => since.get(id));
  const policies = groupByPolicy(actions, statuses, objectives);
  const others = actions.filter((action) => action.policy === undefined).map((action) => statuses.get(action.id)!);
  return {
    format: 'holdfast-status/1',
    at: now.toISOString(),
    ...(apply === undefined ? {} : { commit: apply.commit, applyId: apply.id, appliedAt: apply.appliedAt }),
    policies,
    others,
    failing: policies.some((policy) => policy.failing) || others.some(isFailing),
  };
}

/** Since when each action has been in force with its schedule: what it owes is counted from then. */
function scheduledSince(apply: ApplyRecord | undefined, earlier: readonly ApplyRecord[]): Map<string, Date> {
  const since = new Map<string, Date>();
  let open = new Map<string, string>();
  for (const action of apply?.actions ?? []) {
    since.set(action.id, new Date(apply!.appliedAt));
    open.set(action.id, canonicalJson([action.schedule, action.suspended]));
  }
  for (const before of earlier.toReversed()) {
    const same = before.actions.filter(
      (action) => open.get(action.id) === canonicalJson([action.schedule, action.suspended]),
    );
    for (const { id } of same) since.set(id, new Date(before.appliedAt));
    open = new Map(same.map(({ id }) => [id, open.get(id)!]));
  }
  return since;
}

function groupByPolicy(
  actions: readonly Action[],
  statuses: ReadonlyMap<string, ActionStatus>,
  objectives: readonly ObjectiveReport[],
): PolicyStatus[] {
  const policies = new Map<string, PolicyStatus>();
  const reports = new Map(objectives.map((report) => [report.policy, report]));
  for (const action of actions) {
    if (action.policy === undefined) continue;
    const report = reports.get(action.policy);
    const status = policies.get(action.policy) ?? {
      policy: action.policy,
      ...(action.importance === undefined ? {} : { importance: action.importance }),
      ...(report === undefined ? {} : { objectives: report }),
      actions: [],
      failing: report?.rpo.state === 'missed' || report?.rto.state === 'missed',
    };
    const own = statuses.get(action.id)!;
    status.actions.push(own);
    status.failing ||= isFailing(own);
    policies.set(action.policy, status);
  }
  return [...policies.values()];
}

function isFailing(status: ActionStatus): boolean {
  return status.state === 'failed' || status.state === 'overdue' || status.state === 'attention';
}

/** Why an action may have been silent: pauses oldest first. */
interface Silences {
  pauses: readonly PauseSpan[];
  suspension: Suspension | undefined;
}

function statusOf(
  action: Action,
  history: ActionHistory,
  { pauses, suspension }: Silences,
  since: Date,
  now: Date,
): ActionStatus {
  const { last, lastGood, dataAt, pending } = history;
  const suspended = isSuspendedAt(action, now) ? suspension : undefined;
  const lastPause = pauses.at(-1);
  const paused = lastPause?.until === undefined ? lastPause : undefined;
  const silent = suspended !== undefined || paused !== undefined;
  // What was not run in a pause is owed by nobody.
  const owedSince =
    lastPause?.until === undefined ? since : new Date(Math.max(since.getTime(), Date.parse(lastPause.until)));
  const overdueSince = silent ? undefined : findOverdue(action, last, owedSince, now);
  const next = paused === undefined ? nextRun(action, suspended !== undefined, now) : undefined;
  return {
    actionId: action.id,
    kind: action.kind,
    target: action.target,
    state:
      suspended !== undefined
        ? 'suspended'
        : paused === undefined
          ? stateOf(last, overdueSince !== undefined)
          : 'paused',
    ...(last === undefined ? {} : { last }),
    ...(lastGood === undefined ? {} : { lastGood }),
    ...(dataAt === undefined ? {} : { dataAt: dataAt.toISOString() }),
    ...(pending?.since === undefined ? {} : { pendingSince: pending.since.toISOString() }),
    ...(overdueSince === undefined ? {} : { overdueSince: overdueSince.toISOString() }),
    ...(next === undefined ? {} : { nextAt: next.toISOString() }),
    ...(suspended === undefined ? {} : { suspended }),
    ...(paused === undefined ? {} : { paused }),
  };
}

/** Of a suspended action the first one after it, when that is known. */
function nextRun(action: Action, isSuspended: boolean, now: Date): Date | undefined {
  if (!isSuspended) return nextSlot(action.schedule, now);
  const resumes = resumesAt(action);
  return resumes && nextSlot(action.schedule, new Date(resumes.getTime() - 1));
}

function stateOf(last: RunSummary | undefined, overdue: boolean): ActionState {
  if (overdue) return 'overdue';
  if (last === undefined) return 'never';
  if (last.outcome !== 'succeeded') return 'failed';
  return last.attention > 0 ? 'attention' : 'good';
}

/**
 * The oldest slot since the last run that should have ended by now. Whether a run is going on cannot be seen in the
 * records: it gets twice the time that the last one took. A host that may be offline gets what its policy tolerates.
 */
function findOverdue(action: Action, last: RunSummary | undefined, inForceSince: Date, now: Date): Date | undefined {
  const since = new Date(
    Math.max(
      inForceSince.getTime(),
      last === undefined ? 0 : Date.parse(last.startedAt) + 1,
      // Slots of a suspension that is over are owed by nobody.
      resumesAt(action)?.getTime() ?? 0,
    ),
  );
  const silentSince = last === undefined ? inForceSince : new Date(last.finishedAt);
  if (now.getTime() - silentSince.getTime() <= action.offlineToleranceSeconds * 1000) return undefined;
  const took = last === undefined ? 0 : Date.parse(last.finishedAt) - Date.parse(last.startedAt);
  const allowed = Math.min(action.schedule.timeoutSeconds * 1000, 2 * took);
  const slot = firstSlot(action, since, now);
  return slot !== undefined && latestStart(action, slot).getTime() + allowed < now.getTime() ? slot : undefined;
}

/** A run that started a little early of its slot cannot be: the first slot after the start is the one that it owes. */
function firstSlot(action: Action, since: Date, now: Date): Date | undefined {
  if (since >= now) return undefined;
  const next = nextSlot(action.schedule, since);
  if (next !== undefined) return next < now ? next : undefined;
  return slotsBetween(action.schedule, since, now)[0];
}
