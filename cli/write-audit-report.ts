/** Writes the audit of the last 30 days as files that can be handed to someone. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Audit } from '../domain/audit.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';
import { silentProgress } from '../common/progress.ts';
import type { CliContext } from './command.ts';
import type { PreparedPolicies } from './prepare-policies.ts';
import { stateDirectoryOf } from './state-folder.ts';

export interface AuditReport {
  /** Relative to the current folder: as a person would type them. */
  textPath: string;
  jsonPath: string;
  needsAttention: boolean;
}

const PERIOD_MS = 30 * 86_400_000;

/** `.holdfast/reports/audit-TIME.txt` and `.json`. */
export async function writeAuditReport(context: CliContext, policies: PreparedPolicies): Promise<AuditReport> {
  const [{ createDependencies }, { renderAudit }, { needsAttention }] = await Promise.all([
    import('../worker.ts'),
    import('../domain/audit-text.ts'),
    import('../domain/findings.ts'),
  ]);
  const to = context.now();
  const evidence = await createDependencies(policies.machine).openEvidence(policies.compiled.evidence);
  const audit = await auditAndClose(evidence, to, context.signal);
  const folder = join(stateDirectoryOf(context.directory), 'reports');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const stem = join(folder, `audit-${to.toISOString().replaceAll(/[-:]|\.\d+/g, '')}`);
  await writeFile(`${stem}.txt`, renderAudit(audit), { mode: 0o600 });
  await writeFile(`${stem}.json`, `${JSON.stringify(audit, undefined, 2)}\n`, { mode: 0o600 });
  return {
    textPath: relative(context.directory, `${stem}.txt`),
    jsonPath: relative(context.directory, `${stem}.json`),
    needsAttention: audit.findings.some(needsAttention),
  };
}

async function auditAndClose(evidence: EvidenceStore, to: Date, signal: AbortSignal): Promise<Audit> {
  const { auditEvidence } = await import('../activities/audit.ts');
  const from = new Date(to.getTime() - PERIOD_MS);
  try {
    return await auditEvidence(evidence, from, to, { signal, progress: silentProgress });
  } finally {
    await evidence.close();
  }
}
