/** Brings blobs of a repository's packs into new packs: read pack by pack, verified, and never compressed a second time. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { planBatches, type PlannedBatch } from './blob-batches.ts';
import type { BlobIndex } from './blob-index.ts';
import type { BlobProblem } from './reader-messages.ts';
import type { ReaderPool } from './reader-pool.ts';
import { finishRepacking, repackBatch, type Repacking } from './repack.ts';
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
  const savePack = async (pack: IndexedPack, content: Uint8Array): Promise<void> => {
    const { length } = content;
    await options.savePack(pack, content);
    result.blobs += pack.blobs.length;
    result.storedBytes += length;
  };
  const repacking: Repacking = { source, pool, savePack, signal: options.signal };
  let bytes = 0;
  // One after the other: they go into packs of their own, and each thread keeps only those of one kind open.
  for (const type of ['data', 'tree'] as const) {
    const failed: BlobProblem[] = [];
    await forEachConcurrently(wantedBatches(index, type, isWanted), pool.concurrency, async (batch) => {
      failed.push(...(await repackBatch(repacking, batch)));
      bytes += batch.blobs.reduce((sum, blob) => sum + blob.length, 0);
      options.onProgress?.(bytes);
    });
    for (const { id, message } of failed) {
      const entry = index.entryOf(type, id);
      if (!(await repackElsewhere(repacking, index, entry))) result.unreadable.set(entry, message);
    }
    await finishRepacking(repacking);
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

/** Tries the blob's other copies; false: none is whole. */
async function repackElsewhere(repacking: Repacking, index: BlobIndex, entry: number): Promise<boolean> {
  for (const copy of index.copiesOf(entry)) {
    if (copy === entry) continue;
    const { blob, packNumber } = index.entryAt(copy);
    for (const batch of planBatches(index.packIdAt(packNumber), [blob])) {
      if ((await repackBatch(repacking, batch)).length === 0) return true;
    }
  }
  return false;
}
