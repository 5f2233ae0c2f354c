/** What of an audit needs attention: missed, failed and late runs, what the last runs found, and missed objectives, as findings. */
import type { Action } from './action.ts';
import type { ApplyRecord } from './apply-record.ts';
import type { AuditedAction } from './audit.ts';
import type { Finding } from './finding.ts';
import type { AuditedRun } from './judge-slots.ts';
import { rpoFinding, rtoFinding, type ObjectiveReport } from './objectives.ts';
import type { RunHistory } from './run-history.ts';

/** By action: missed, failed and late runs, and what its last run found; then objectives. What was missed but has been good since weighs less. */
export function auditFindings(
  audited: readonly AuditedRun[],
  actions: readonly AuditedAction[],
  objectives: readonly ObjectiveReport[],
  latest: ApplyRecord | undefined,
  history: RunHistory,
  to: Date,
): Finding[] {
  const findings: Finding[] = [];
  const inForce = new Map(latest?.actions.map((action) => [action.id, action]));
  const byAction = Map.groupBy(audited, (run) => run.actionId);
  for (const own of actions) {
    const runs = byAction.get(own.actionId) ?? [];
    const action = inForce.get(own.actionId);
    findings.push(...findingsOfAction(own, runs, action, history, to));
    const open = action && openFinding(action, runs, history);
    if (open !== undefined) findings.push(open);
  }
  for (const report of objectives) {
    const rpo = rpoFinding(report);
    if (rpo !== undefined)
      findings.push(isOffline(report.policy, inForce, history, to) ? { ...rpo, severity: 'notice' } : rpo);
    const { estimatedSeconds, seconds: rtoSeconds } = report.rto;
    const rto = estimatedSeconds === undefined ? undefined : rtoFinding(report.policy, estimatedSeconds, rtoSeconds);
    if (rto !== undefined) findings.push(rto);
  }
  return findings;
}

function findingsOfAction(
  own: AuditedAction,
  runs: readonly AuditedRun[],
  action: Action | undefined,
  history: RunHistory,
  to: Date,
): Finding[] {
  const findings: Finding[] = [];
  const lastGood = own.lastGoodAt ?? '';
  for (const state of ['missed', 'failed'] as const) {
    const affected = runs.filter((run) => run.state === state || (state === 'failed' && run.state === 'cancelled'));
    const last = affected.at(-1);
    if (last === undefined) continue;
    const recovered = lastGood > last.expectedAt;
    const quiet = state === 'missed' && action !== undefined && isWithinTolerance(action, history, to);
    findings.push({
      code: `run/${state}`,
      severity: quiet ? 'notice' : recovered ? 'warning' : 'critical',
      subject: own.actionId,
      message: sentence(own, affected, state, recovered),
      hint: `Look at ${own.policy === undefined ? 'holdfast runs' : `holdfast runs ${own.policy}`}${state === 'missed' ? ', and whether engine and worker were running' : ''}.`,
    });
  }
  if (own.late > 0) {
    const message = `${own.late} of ${own.expected} expected runs of ${own.actionId} began late`;
    findings.push({ code: 'run/late', severity: 'notice', subject: own.actionId, message });
  }
  return findings;
}

/**
 * What the last run of an action in force found is open until a later run finds it no more, however it was started. One
 * finding tells the worst, under a code of the audit's own: an audit that repeats a damaged pack is no damaged audit.
 */
function openFinding(action: Action, runs: readonly AuditedRun[], history: RunHistory): Finding | undefined {
  const { last, lastFindings = [] } = history.of(action.id);
  // An audit repeats what others found, and objectives are judged anew.
  if (last === undefined || action.kind === 'audit') return undefined;
  const isTold = runs.some((run) => run.runId === last.runId && run.state === 'failed');
  const open = isTold ? [] : lastFindings.filter(({ code }) => !code.startsWith('objective/'));
  const worst = open.find(({ severity }) => severity === 'critical') ?? open[0];
  if (worst === undefined) return undefined;
  const failed = last.outcome !== 'succeeded';
  const more = open.length === 1 ? '' : `, and ${open.length - 1} more`;
  return {
    code: failed ? 'run/failed' : 'run/findings',
    severity: worst.severity,
    subject: action.id,
    message: `the last run of ${action.id}, at ${last.startedAt}, ${failed ? 'failed' : 'found'}: ${worst.message}${more}`,
    hint: worst.hint ?? `Look at ${action.policy === undefined ? 'holdfast runs' : `holdfast runs ${action.policy}`}.`,
  };
}

function sentence(
  own: AuditedAction,
  affected: readonly AuditedRun[],
  state: 'missed' | 'failed',
  recovered: boolean,
): string {
  const last = affected.at(-1)!;
  const what = state === 'missed' ? 'did not happen' : 'failed';
  const cause = last.reason === undefined ? '' : ` (${last.reason})`;
  const since = recovered ? '; a later run was good' : '';
  return `${affected.length} of ${own.expected} expected runs of ${own.actionId} ${what}, the last at ${last.expectedAt}${cause}${since}`;
}

/** A host that may sleep is missed only after it has been silent for longer than its policy tolerates. */
function isWithinTolerance(action: Action, history: RunHistory, to: Date): boolean {
  const tolerated = action.offlineToleranceSeconds * 1000;
  const last = history.of(action.id).last;
  return tolerated > 0 && last !== undefined && to.getTime() - Date.parse(last.finishedAt) <= tolerated;
}

function isOffline(policy: string, inForce: ReadonlyMap<string, Action>, history: RunHistory, to: Date): boolean {
  const backups = [...inForce.values()].filter((action) => action.policy === policy && action.kind === 'backup');
  return backups.some((action) => isWithinTolerance(action, history, to));
}
