/** Objectives against facts: the age of a policy's recoverable data against its RPO, its last measured restore against its RTO. */
import type { Action } from './action.ts';
import type { Finding } from './finding.ts';
import { isSuspendedAt } from './expected-runs.ts';
import type { RunHistory } from './run-history.ts';

/** `pending`: too new to judge. `suspended`: its backups are. `unmeasured`: no restore test has run yet. */
export type ObjectiveState = 'met' | 'missed' | 'pending' | 'suspended' | 'unmeasured';

export interface ObjectiveReport {
  policy: string;
  importance?: string;
  rpo: {
    seconds: number;
    state: ObjectiveState;
    /** When the newest recoverable data was read, ISO; absent: nothing is recoverable. */
    dataAt?: string;
    ageSeconds?: number;
  };
  rto: {
    seconds: number;
    state: ObjectiveState;
    estimatedSeconds?: number;
    measuredAt?: string;
  };
  /** When a restore test last proved a snapshot, ISO. */
  provenAt?: string;
}

/**
 * One report for each policy that has backups and objectives, in the order of the actions (those in force now). A
 * backup in any of a policy's repositories counts for its RPO. `inForceSince` says since when an action id is known.
 */
export function reportObjectives(
  actions: readonly Action[],
  history: RunHistory,
  now: Date,
  inForceSince: (actionId: string) => Date | undefined,
): ObjectiveReport[] {
  const policies = Map.groupBy(actions, (action) => action.policy);
  const reports: ObjectiveReport[] = [];
  for (const [policy, own] of policies) {
    if (policy === undefined) continue;
    const backups = own.filter((action) => action.kind === 'backup');
    const objectives = backups.find((action) => action.objectives !== undefined)?.objectives;
    if (objectives === undefined) continue;
    const tests = own.filter((action) => action.kind === 'restore-test');
    const provenAt = newest(tests.map((action) => history.of(action.id).provenAt));
    const importance = backups[0]?.importance;
    reports.push({
      policy,
      ...(importance === undefined ? {} : { importance }),
      rpo: judgeRpo(objectives.rpoSeconds, backups, history, now, inForceSince),
      rto: judgeRto(objectives.rtoSeconds, tests, history),
      ...(provenAt === undefined ? {} : { provenAt: provenAt.toISOString() }),
    });
  }
  return reports;
}

function judgeRpo(
  seconds: number,
  backups: readonly Action[],
  history: RunHistory,
  now: Date,
  inForceSince: (actionId: string) => Date | undefined,
): ObjectiveReport['rpo'] {
  const dataAt = newest(backups.map((action) => history.of(action.id).dataAt));
  const suspended = backups.every((action) => isSuspendedAt(action, now));
  if (dataAt !== undefined) {
    const ageSeconds = Math.max(0, Math.round((now.getTime() - dataAt.getTime()) / 1000));
    const state = ageSeconds <= seconds ? 'met' : suspended ? 'suspended' : 'missed';
    return { seconds, state, dataAt: dataAt.toISOString(), ageSeconds };
  }
  if (suspended) return { seconds, state: 'suspended' };
  const since = backups.map((action) => inForceSince(action.id)).filter((time) => time !== undefined);
  const isNew = since.every((time) => now.getTime() - time.getTime() <= seconds * 1000);
  return { seconds, state: isNew ? 'pending' : 'missed' };
}

function judgeRto(seconds: number, tests: readonly Action[], history: RunHistory): ObjectiveReport['rto'] {
  const measured = tests
    .map((action) => history.of(action.id).restore)
    .filter((restore) => restore !== undefined)
    .toSorted((a, b) => b.measuredAt.getTime() - a.measuredAt.getTime())[0];
  if (measured === undefined) return { seconds, state: 'unmeasured' };
  const estimatedSeconds = measured.estimatedFullRestoreSeconds;
  const state = estimatedSeconds <= seconds ? 'met' : 'missed';
  return { seconds, state, estimatedSeconds, measuredAt: measured.measuredAt.toISOString() };
}

function newest(times: (Date | undefined)[]): Date | undefined {
  return times.reduce(
    (latest, time) => (latest === undefined || (time !== undefined && time > latest) ? time : latest),
    undefined,
  );
}

/** The finding that a restore would take longer than the RTO allows; undefined when it would not. */
export function rtoFinding(policy: string, estimatedSeconds: number, rtoSeconds: number): Finding | undefined {
  if (estimatedSeconds <= rtoSeconds) return undefined;
  return {
    code: 'objective/rto',
    severity: 'warning',
    subject: policy,
    message: `a full restore of ${policy} would take about ${inWords(estimatedSeconds)}, more than its RTO of ${inWords(rtoSeconds)}`,
    hint: 'Bring the repository nearer, give it faster storage, split the policy, or agree on a longer RTO.',
  };
}

/** The finding that a policy's newest recoverable data is older than its RPO allows, or missing. */
export function rpoFinding(report: ObjectiveReport): Finding | undefined {
  if (report.rpo.state !== 'missed') return undefined;
  const { ageSeconds, seconds } = report.rpo;
  return {
    code: 'objective/rpo',
    severity: 'critical',
    subject: report.policy,
    message:
      ageSeconds === undefined
        ? `no backup of ${report.policy} has succeeded yet; its RPO is ${inWords(seconds)}`
        : `the newest backup of ${report.policy} is ${inWords(ageSeconds)} old, older than its RPO of ${inWords(seconds)}`,
    hint: `Look at why its backups fail: holdfast runs ${report.policy}; then: holdfast run ${report.policy} backup`,
  };
}

const UNITS: readonly [string, number][] = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
];

/** The two largest units that are not zero: `3d4h`, `12m`, `0s`. */
export function inWords(seconds: number): string {
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join('') || '0s';
}
