/** Brings blobs of a repository's packs into new packs: read pack by pack, verified, and never compressed a second time. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { NotFoundError } from '../common/errors.ts';
import { planBatches, readBatch, type PlannedBatch } from './blob-batches.ts';
import type { BlobIndex } from './blob-index.ts';
import type { FinishedPack } from './open-packs.ts';
import type { BlobProblem } from './reader-messages.ts';
import type { ReaderPool } from './reader-pool.ts';
import type { BlobType, IndexedBlob, IndexedPack, Repository } from './repository.ts';

export interface RewriteOptions {
  /** Writes a finished pack. */
  savePack: (pack: IndexedPack, content: Uint8Array) => Promise<void>;
  signal?: AbortSignal | undefined;
  /** Stored bytes that were read of the wanted blobs, so far. */
  onProgress?: (bytes: number) => void;
}

export interface RewriteResult {
  /** Blobs in the new packs, and the bytes of these packs. */
  blobs: number;
  storedBytes: number;
  /** Those of which no copy could be read whole, by entry number of the index. */
  unreadable: Map<number, string>;
}

/**
 * Each wanted blob is tried in all packs that hold it. Memory is bounded by the pool's threads: a batch and the open
 * packs of each. The packs are written when this returns; no index names them yet.
 *
 * @param isWanted By entry number of the index; of a blob with several copies the first one is asked for.
 * @param pool Of the repository that is read; its target is the one that gets the packs.
 */
export async function rewriteBlobs(
  source: Repository,
  index: BlobIndex,
  isWanted: (entry: number) => boolean,
  pool: ReaderPool,
  options: RewriteOptions,
): Promise<RewriteResult> {
  const result: RewriteResult = { blobs: 0, storedBytes: 0, unreadable: new Map() };
  const write = async (finished: readonly FinishedPack[]): Promise<void> => {
    for (const { pack, content } of finished) {
      const { length } = content;
      await options.savePack(pack, content);
      // Its memory is freed at once, not when the collector comes by.
      (content.buffer as ArrayBuffer).transfer(0);
      result.blobs += pack.blobs.length;
      result.storedBytes += length;
    }
  };
  let bytes = 0;
  // One after the other: they go into packs of their own, and each thread keeps only those of one kind open.
  for (const type of ['data', 'tree'] as const) {
    const failed: BlobProblem[] = [];
    await forEachConcurrently(wantedBatches(index, type, isWanted), pool.concurrency, async (batch) => {
      const { finished, problems } = await repack(source, batch, pool, options.signal);
      await write(finished);
      failed.push(...problems);
      bytes += batch.blobs.reduce((sum, blob) => sum + blob.length, 0);
      options.onProgress?.(bytes);
    });
    for (const { id, message } of failed) {
      const entry = index.entryOf(type, id);
      const finished = await repackElsewhere(source, index, entry, pool, options.signal);
      if (finished === undefined) result.unreadable.set(entry, message);
      else await write(finished);
    }
    for (const { finished } of await pool.runInAll('finish-repack', {})) await write(finished);
  }
  return result;
}

function* wantedBatches(
  index: BlobIndex,
  type: BlobType,
  isWanted: (entry: number) => boolean,
): Iterable<PlannedBatch> {
  for (let packNumber = 0; packNumber < index.packCount; packNumber++) {
    const wanted: IndexedBlob[] = [];
    const { start, end } = index.entriesOfPack(packNumber);
    for (let entry = start; entry < end; entry++) {
      const blob = isWanted(entry) ? index.entryAt(entry).blob : undefined;
      if (blob?.type === type) wanted.push(blob);
    }
    if (wanted.length > 0) yield* planBatches(index.packIdAt(packNumber), wanted);
  }
}

/** A pack that is not there at all is a problem of each of its blobs. */
async function repack(
  source: Repository,
  batch: PlannedBatch,
  pool: ReaderPool,
  signal: AbortSignal | undefined,
): Promise<{ finished: FinishedPack[]; problems: BlobProblem[] }> {
  try {
    return await pool.run('repack', await readBatch(source.storage, batch, signal));
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    const problems = batch.blobs.map(({ id, type }) => ({
      id,
      message: `${type} blob ${id} lies in the missing pack ${batch.packId}`,
    }));
    return { finished: [], problems };
  }
}

/** Tries the blob's other copies; undefined when none is whole. */
async function repackElsewhere(
  source: Repository,
  index: BlobIndex,
  entry: number,
  pool: ReaderPool,
  signal: AbortSignal | undefined,
): Promise<FinishedPack[] | undefined> {
  for (const copy of index.copiesOf(entry)) {
    if (copy === entry) continue;
    const { blob, packNumber } = index.entryAt(copy);
    for (const batch of planBatches(index.packIdAt(packNumber), [blob])) {
      const { finished, problems } = await repack(source, batch, pool, signal);
      if (problems.length === 0) return finished;
    }
  }
  return undefined;
}
