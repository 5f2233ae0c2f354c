/** What the run records say of a repository's snapshots: when they were made, and which a restore test has proved. */
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { EvidenceSettings } from '../domain/action.ts';
import { originOf } from '../domain/copy-plan.ts';
import type { SnapshotProof } from '../domain/retention.ts';
import type { RunRecord } from '../domain/run-record.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';
import type { CallContext, Dependencies } from './dependencies.ts';

/** A source's clock may have been ahead of the records' by this much. */
const CLOCK_SLACK_MS = 2 * 86_400_000;

export interface RepositoryRecords {
  proofs: SnapshotProof[];
  /** Start of the backup run that made a snapshot, or made what it is a copy of, by snapshot id. */
  recordedAt: Map<string, Date>;
}

/**
 * Reads the records of the policies (the present and former names of one) about these snapshots of the repository with
 * this id. Fails when the evidence cannot be read, and when it has never seen an apply: an evidence folder that is not
 * mounted must not look like one without proofs.
 */
export async function readRepositoryRecords(
  deps: Dependencies,
  settings: EvidenceSettings,
  policyNames: readonly string[],
  repositoryId: string,
  snapshots: readonly Snapshot[],
  context: CallContext,
): Promise<RepositoryRecords> {
  const records: RepositoryRecords = { proofs: [], recordedAt: new Map() };
  const copies = Map.groupBy(snapshots, originOf);
  if (snapshots.length === 0) return records;
  const oldest = Math.min(...snapshots.map((snapshot) => Date.parse(snapshot.time)));
  const evidence = await deps.openEvidence(settings);
  try {
    await requireEvidence(evidence);
    const from = new Date(oldest - CLOCK_SLACK_MS);
    for (const policy of policyNames) {
      for await (const run of evidence.readRuns({ from, policy, kinds: ['backup', 'restore-test'] })) {
        throwIfAborted(context.signal);
        context.progress.report({ phase: 'reading run records' });
        addRun(records, run, repositoryId, copies);
      }
    }
    return records;
  } finally {
    await evidence.close();
  }
}

/** A proof is of the bytes in one repository, a time of the data, wherever they are. */
function addRun(
  records: RepositoryRecords,
  run: RunRecord,
  repositoryId: string,
  copies: ReadonlyMap<string, readonly Snapshot[]>,
): void {
  const { snapshot, figures } = run;
  if (run.dryRun || run.outcome !== 'succeeded' || snapshot === undefined) return;
  if (run.kind === 'backup')
    for (const { id } of copies.get(snapshot.snapshotId) ?? []) records.recordedAt.set(id, new Date(run.startedAt));
  if (snapshot.repositoryId !== repositoryId) return;
  if (run.kind === 'backup') records.recordedAt.set(snapshot.snapshotId, new Date(run.startedAt));
  if (figures?.kind === 'restore-test' && figures.proven) {
    records.proofs.push({
      snapshotId: snapshot.snapshotId,
      run: `${run.workflowId}/${run.runId}`,
      provenAt: run.finishedAt,
    });
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
