/** The audit of a period, from the records. */
import { auditReach, buildAudit, type Audit } from '../domain/audit.ts';
import { appliesInForce } from '../domain/expected-runs.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';

export async function readAudit(evidence: EvidenceStore, from: Date, to: Date): Promise<Audit> {
  // How far back slots matter depends on the actions of the period itself.
  const ofPeriod = await appliesInForce(evidence.readApplies(), from, to);
  const { slotsFrom, runsFrom } = auditReach(ofPeriod, from);
  const applies = await appliesInForce(evidence.readApplies(), slotsFrom, to);
  return buildAudit({ applies, runs: evidence.readRuns({ from: runsFrom, to }), from, to });
}
