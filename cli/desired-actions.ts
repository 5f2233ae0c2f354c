/** What is to be in force: what the policies compile to, and what goes on of policies that are gone. */
import { hash } from 'node:crypto';
import type { Action } from '../domain/action.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import { expiringActions, isExpiring, type PresentPolicies } from '../domain/expiring-policies.ts';
import type { RunRecord } from '../domain/run-record.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';

export interface CompiledActions extends PresentPolicies {
  actions: Action[];
}

/** `latest`: the apply record in force. */
export async function desiredActions(
  compiled: CompiledActions,
  latest: ApplyRecord | undefined,
  evidence: EvidenceStore,
): Promise<Action[]> {
  const expiring = expiringActions(latest?.actions ?? [], compiled, (text) => hash('sha256', text));
  if (expiring.length === 0) return compiled.actions;
  const done = await findDone(expiring, latest!, evidence);
  return [...compiled.actions, ...expiring.filter(({ id }) => !done.has(id))];
}

/** Those of which the last run since that apply left nothing. */
async function findDone(
  expiring: readonly Action[],
  latest: ApplyRecord,
  evidence: EvidenceStore,
): Promise<Set<string>> {
  const actionId = latest.actions
    .filter(isExpiring)
    .map(({ id }) => id)
    .filter((id) => expiring.some((action) => action.id === id));
  const done = new Set<string>();
  if (actionId.length === 0) return done;
  for await (const run of evidence.readRuns({ from: new Date(latest.appliedAt), actionId })) {
    if (leftNothing(run)) done.add(run.actionId);
  }
  return done;
}

function leftNothing({ dryRun, outcome, figures, findings }: RunRecord): boolean {
  if (dryRun || outcome !== 'succeeded' || figures?.kind !== 'retention') return false;
  return figures.kept === 0 && !findings.some(({ code }) => code === 'retention/postponed');
}
