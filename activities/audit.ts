/** Use case: compares what should have run with the run records, and leaves the report beside them. */
import { throwIfAborted } from '../common/errors.ts';
import type { ActionRequest } from '../domain/action.ts';
import type { AdoptionRecord } from '../domain/adoption-record.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import { auditReach, buildAudit, type Audit } from '../domain/audit.ts';
import { renderAudit } from '../domain/audit-text.ts';
import { appliesInForce } from '../domain/expected-runs.ts';
import { notingSuspensions, type Suspension } from '../domain/suspensions.ts';
import { limitFindings } from '../domain/findings.ts';
import { intervalSeconds } from '../domain/rotation.ts';
import type { ActionOutcome, RunRecord } from '../domain/run-record.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';
import type { CallContext, Dependencies } from './dependencies.ts';

/** An audit looks back at least this far: a report of some minutes says nothing. */
const SHORTEST_PERIOD_SECONDS = 86_400;

/**
 * Audits the time since the audit before, at least a day. The report is stored as `audits/TIME.json` and `.txt` beside
 * the records (a dry run stores none). Findings are missed, failed and late runs and missed objectives.
 */
export async function audit(deps: Dependencies, request: ActionRequest, context: CallContext): Promise<ActionOutcome> {
  const now = deps.clock();
  const period = Math.max(SHORTEST_PERIOD_SECONDS, intervalSeconds(request.action.schedule, now));
  const from = new Date(now.getTime() - period * 1000);
  const evidence = await deps.openEvidence(request.evidence);
  try {
    const report = await auditEvidence(evidence, from, now, context);
    const name = request.dryRun === true ? undefined : await store(deps, request, report);
    return {
      figures: name === undefined ? report.figures : { ...report.figures, report: name },
      findings: limitFindings(report.findings),
    };
  } finally {
    await evidence.close();
  }
}

/** Audits a period of the records in an evidence store: what the command `audit` does as well. */
export async function auditEvidence(
  evidence: EvidenceStore,
  from: Date,
  to: Date,
  context: CallContext,
): Promise<Audit> {
  throwIfAborted(context.signal);
  // Slots from before the period become known within it: applies are needed as far back as the longest of them.
  const suspensions = new Map<string, Suspension>();
  const all = await collectApplies(evidence, from, to, suspensions);
  const { runsFrom } = auditReach(all, from);
  const runs = watch(evidence.readRuns({ from: runsFrom, to }), context);
  const pauses = await evidence.readPauses();
  const adoptions: AdoptionRecord[] = [];
  for await (const record of evidence.readAdoptions()) adoptions.push(record);
  return buildAudit({ applies: all, runs, pauses, adoptions, suspensions, from, to });
}

/** Two passes, as the actions in force say how far back the applies are needed. */
async function collectApplies(
  evidence: EvidenceStore,
  from: Date,
  to: Date,
  suspensions: Map<string, Suspension>,
): Promise<ApplyRecord[]> {
  const inPeriod = await appliesInForce(notingSuspensions(evidence.readApplies(), suspensions, to), from, to);
  const { slotsFrom } = auditReach(inPeriod, from);
  return slotsFrom < from ? appliesInForce(evidence.readApplies(), slotsFrom, to) : inPeriod;
}

async function* watch(runs: AsyncIterable<RunRecord>, context: CallContext): AsyncGenerator<RunRecord> {
  let count = 0;
  for await (const run of runs) {
    throwIfAborted(context.signal);
    context.progress.report({ phase: 'reading run records', files: ++count });
    yield run;
  }
}

/** A repeated attempt leaves another report, with a later time; none is ever changed. */
async function store(deps: Dependencies, request: ActionRequest, report: Audit): Promise<string> {
  const { location, path } = request.evidence;
  const name = `audits/${report.to.slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  const storage = await deps.openStorage(location, path, 'writer');
  try {
    await storage.write(`${name}.json`, Buffer.from(`${JSON.stringify(report, null, 2)}\n`));
    await storage.write(`${name}.txt`, Buffer.from(renderAudit(report)));
  } finally {
    await storage.close();
  }
  return `${name}.txt`;
}
