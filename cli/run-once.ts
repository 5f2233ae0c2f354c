/** Every action once, in order, and the summary that a person reads at the end. */
import { ACTION_ORDER, type Action } from '../domain/action.ts';
import { isSuspendedAt } from '../domain/expected-runs.ts';
import type { RunRecord } from '../domain/run-record.ts';
import type { Applied } from './apply-actions.ts';
import type { CliContext } from './command.ts';
import type { EngineSession } from './engine-session.ts';
import { mergeStatuses, type ExitStatus } from './exit-status.ts';
import { followRun } from './follow-run.ts';
import { renderSummary, statusOfSummary, type OnceResult, type OnceSummary } from './once-summary.ts';
import type { PreparedPolicies } from './prepare-policies.ts';
import { requestFor } from './request-for.ts';
import { writeAuditReport } from './write-audit-report.ts';

/** What `start` put in force. */
export interface Started {
  applied: Applied;
  policies: PreparedPolicies;
  /** Where the policies are, as the person said; none: `policies/`. */
  paths: string[];
}

export async function runOnce(
  context: CliContext,
  session: EngineSession,
  { applied, policies, paths }: Started,
): Promise<ExitStatus> {
  const results: OnceResult[] = [];
  for (const action of inOrder(applied.record.actions)) {
    if (isSuspendedAt(action, context.now())) {
      results.push({ action, skipped: `suspended: ${action.suspended?.reason}`, suspended: true });
      continue;
    }
    if (action.host !== undefined && action.host !== policies.machine.hostname) {
      results.push({ action, skipped: `needs a worker of the host ${action.host}` });
      continue;
    }
    context.output.note(`${action.kind} of ${action.policy ?? action.target} …`);
    const request = requestFor(action, applied.record, policies.compiled.evidence, 'once');
    results.push({ action, record: await followRun(context, session, request) });
  }
  const report = await writeAuditReport(context, policies);
  const summary: OnceSummary = { results, report, commit: applied.record.commit, uiUrl: session.uiUrl };
  if (context.json) context.output.json({ ...summary, results: results.map(toDocument) });
  else for (const line of renderSummary(summary, context.output, paths)) context.output.line(line);
  return mergeStatuses([statusOfSummary(summary)]);
}

/** By kind, so that a backup comes before its restore test; as compiled within a kind. */
function inOrder(actions: Action[]): Action[] {
  return actions.toSorted((a, b) => ACTION_ORDER.indexOf(a.kind) - ACTION_ORDER.indexOf(b.kind));
}

function toDocument({ action, ...result }: OnceResult): { action: string; record?: RunRecord; skipped?: string } {
  return { action: action.id, ...result };
}
