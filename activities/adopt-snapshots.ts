/** Use case: gives snapshots the tags of a policy, as restic's `tag` does: a new file first, and when it is durable the old one goes. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import { asAdopted, type PlannedAdoption } from '../domain/adoption.ts';
import type { AdoptedSnapshot } from '../domain/adoption-record.ts';
import type { Repository } from '../repository/repository.ts';
import type { CallContext } from './dependencies.ts';

const CONCURRENT_FILES = 8;

export interface AdoptionResult {
  /** In the order of the plan. */
  adopted: AdoptedSnapshot[];
  /** Old ids whose files are still there, because this identity may not delete. */
  left: string[];
}

/**
 * No data is read or written but the snapshot files. The caller holds the exclusive lock. An interruption leaves some
 * snapshots twice, which the next adoption finds (`finish`) and makes good.
 *
 * @param onSaved Told of all, with their new ids, before the first old file goes: the place to record them.
 */
export async function adoptSnapshots(
  repository: Repository,
  plan: readonly PlannedAdoption[],
  policyName: string,
  onSaved: (adopted: readonly AdoptedSnapshot[]) => Promise<void>,
  { signal, progress }: CallContext,
): Promise<AdoptionResult> {
  const due = plan.filter(({ step }) => step === 'adopt' || step === 'finish');
  const newIds = new Map<string, string>();
  await forEachConcurrently(due, CONCURRENT_FILES, async ({ snapshot, successor }) => {
    throwIfAborted(signal);
    const newId = successor?.id ?? (await repository.saveSnapshot(asAdopted(snapshot, policyName), { signal }));
    newIds.set(snapshot.id, newId);
    progress.report({ phase: 'saving snapshots', files: newIds.size, totalFiles: due.length });
  });
  const adopted = due.map(({ snapshot }) => ({
    oldId: snapshot.id,
    newId: newIds.get(snapshot.id)!,
    time: snapshot.time,
    hostname: snapshot.hostname,
    paths: snapshot.paths,
  }));
  if (adopted.length > 0) await onSaved(adopted);
  const left = await removeOld(
    repository,
    adopted.map(({ oldId }) => oldId),
    { signal, progress },
  );
  return { adopted, left };
}

/** Stops asking once it is told that it may not; returns what is left. */
async function removeOld(
  repository: Repository,
  ids: readonly string[],
  { signal, progress }: CallContext,
): Promise<string[]> {
  for (const [index, id] of ids.entries()) {
    throwIfAborted(signal);
    progress.report({ phase: 'removing old snapshot files', files: index, totalFiles: ids.length });
    try {
      await repository.removeSnapshot(id, { signal });
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      if (error.code === 'AccessDenied') return ids.slice(index);
      if (error.code !== 'NotFound') throw error;
    }
  }
  return [];
}
