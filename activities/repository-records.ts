/** What the run records say of a repository's snapshots: when they were made, and which a restore test has proved. */
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { EvidenceSettings } from '../domain/action.ts';
import type { SnapshotProof } from '../domain/retention.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';
import type { CallContext, Dependencies } from './dependencies.ts';

/** A source's clock may have been ahead of the records' by this much. */
const CLOCK_SLACK_MS = 2 * 86_400_000;

export interface RepositoryRecords {
  proofs: SnapshotProof[];
  /** Start of the backup run that made a snapshot, by snapshot id. */
  recordedAt: Map<string, Date>;
}

/**
 * Reads the records about these snapshots of the repository with this id. Fails when the evidence cannot be read, and
 * when it has never seen an apply: an evidence folder that is not mounted must not look like one without proofs.
 */
export async function readRepositoryRecords(
  deps: Dependencies,
  settings: EvidenceSettings,
  repositoryId: string,
  snapshots: readonly Snapshot[],
  context: CallContext,
): Promise<RepositoryRecords> {
  const records: RepositoryRecords = { proofs: [], recordedAt: new Map() };
  if (snapshots.length === 0) return records;
  const oldest = Math.min(...snapshots.map((snapshot) => Date.parse(snapshot.time)));
  const evidence = await deps.openEvidence(settings);
  try {
    await requireEvidence(evidence);
    let count = 0;
    const query = { from: new Date(oldest - CLOCK_SLACK_MS), kinds: ['backup' as const, 'restore-test' as const] };
    for await (const run of evidence.readRuns(query)) {
      throwIfAborted(context.signal);
      context.progress.report({ phase: 'reading run records', files: ++count });
      const { snapshot, figures } = run;
      if (run.dryRun || run.outcome !== 'succeeded' || snapshot?.repositoryId !== repositoryId) continue;
      if (run.kind === 'backup') records.recordedAt.set(snapshot.snapshotId, new Date(run.startedAt));
      if (figures?.kind === 'restore-test' && figures.proven) {
        records.proofs.push({ snapshotId: snapshot.snapshotId, run: run.workflowId, provenAt: run.finishedAt });
      }
    }
    return records;
  } finally {
    await evidence.close();
  }
}

async function requireEvidence(evidence: EvidenceStore): Promise<void> {
  if ((await evidence.latestApply()) !== undefined) return;
  throw new HoldfastError(
    'StorageUnreachable',
    `there is no evidence at ${evidence.description}, so nothing is forgotten`,
    {
      hint: 'Check that the location of the evidence is mounted and holds its records.',
    },
  );
}
