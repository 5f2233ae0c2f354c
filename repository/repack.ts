/** Putting blobs of a repository's packs into new packs, by threads that verify each: for prune, repairs and copies. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { IntegrityError, NotFoundError } from '../common/errors.ts';
import { readBatch, type PlannedBatch } from './blob-batches.ts';
import type { FinishedPack } from './open-packs.ts';
import type { BlobBatch, BlobProblem } from './reader-messages.ts';
import type { ReaderPool } from './reader-pool.ts';
import type { IndexedPack, Repository } from './repository.ts';
import { writePack } from './write-pack.ts';

export interface Repacking {
  source: Repository;
  /** Of the source; its target is the repository that gets the packs. */
  pool: ReaderPool;
  /** Writes a finished pack. */
  savePack: (pack: IndexedPack, content: Uint8Array) => Promise<void>;
  signal?: AbortSignal | undefined;
  /** Also where that saves nothing. */
  compressAll?: boolean;
}

/** Returns what could not be read whole; a pack that is not there at all is a problem of each of its blobs. */
export async function repackBatch(repacking: Repacking, batch: PlannedBatch): Promise<BlobProblem[]> {
  const { source, pool, signal, compressAll } = repacking;
  let read: BlobBatch;
  try {
    read = await readBatch(source.storage, batch, signal);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return batch.blobs.map(({ id, type }) => ({
      id,
      message: `${type} blob ${id} lies in the missing pack ${batch.packId}`,
    }));
  }
  const { finished, problems } = await pool.run('repack', compressAll === true ? { ...read, compressAll } : read);
  await save(repacking, finished);
  return problems;
}

/** Has the packs saved that the threads have begun. */
export async function finishRepacking(repacking: Repacking): Promise<void> {
  for (const { finished } of await repacking.pool.runInAll('finish-repack', {})) await save(repacking, finished);
}

async function save({ savePack }: Repacking, finished: readonly FinishedPack[]): Promise<void> {
  for (const { pack, content } of finished) {
    await savePack(pack, content);
    // Its memory is freed at once, not when the collector comes by.
    (content.buffer as ArrayBuffer).transfer(0);
  }
}

/**
 * Stores the batches' blobs again in the repository they are in. Returns the new packs, which no index names yet. Throws
 * IntegrityError unless each blob is in one of them: the old packs may be about to be deleted.
 */
export async function storeAgain(
  repository: Repository,
  batches: Iterable<PlannedBatch>,
  pool: ReaderPool,
  options: Pick<Repacking, 'signal' | 'compressAll'> & { onBatch?: (batch: PlannedBatch) => void },
): Promise<IndexedPack[]> {
  const { signal, onBatch, ...rest } = options;
  const written: IndexedPack[] = [];
  const savePack = async (pack: IndexedPack, content: Uint8Array): Promise<void> => {
    await writePack(repository.storage, pack.id, content, signal);
    written.push(pack);
  };
  const repacking: Repacking = { source: repository, pool, savePack, signal, ...rest };
  let expected = 0;
  await forEachConcurrently(batches, pool.concurrency, async (batch) => {
    const [problem] = await repackBatch(repacking, batch);
    if (problem !== undefined)
      throw new IntegrityError(problem.message, { hint: 'Run "holdfast check --read-data": nothing was removed yet.' });
    expected += batch.blobs.length;
    onBatch?.(batch);
  });
  await finishRepacking(repacking);
  const blobs = written.reduce((sum, pack) => sum + pack.blobs.length, 0);
  if (blobs !== expected)
    throw new IntegrityError(`only ${blobs} of ${expected} blobs could be stored again; nothing was removed`, {
      hint: 'Run the command again; when it fails again, look at the storage.',
    });
  return written;
}
