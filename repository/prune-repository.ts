/** Planning of prune: finds what no snapshot needs; changes nothing. */
import { IntegrityError } from '../common/errors.ts';
import { silentProgress, type Progress } from '../common/progress.ts';
import { planPrune, type PackUsage, type PrunePlan, type PruneRules } from '../domain/prune-plan.ts';
import type { BlobIndex } from './blob-index.ts';
import { loadIndexFiles } from './index-loading.ts';
import { markBlobs, throwMarkProblem, type BlobMarks } from './mark-blobs.ts';
import { listIds, PACK_PREFIX } from './object-names.ts';
import { ReaderPool } from './reader-pool.ts';
import type { IndexedBlob, Repository } from './repository.ts';
import type { IndexFile } from './rewrite-index.ts';

export interface PruneOptions extends PruneRules {
  /** Root trees of snapshots forgotten a short time ago: what of them still exists is spared. */
  keepTrees?: readonly string[];
  signal?: AbortSignal;
  progress?: Progress;
}

/** The plan, and what its execution needs to know of the repository as it was read. */
export interface PreparedPrune {
  readonly plan: PrunePlan;
  readonly index: BlobIndex;
  readonly marks: BlobMarks;
  readonly indexFiles: readonly CountedIndexFile[];
  /** What is rewritten is compressed even where that saves nothing, so that it is not rewritten again. */
  readonly compressAll: boolean;
}

export interface CountedIndexFile extends IndexFile {
  blobs: number;
}

/**
 * Reads snapshots, index and trees, and plans; changes nothing. The caller holds an exclusive lock until the plan is
 * executed (for a dry run a shared one will do). Throws IntegrityError when anything that a snapshot needs is damaged
 * or missing: over such damage nothing must be deleted.
 */
export async function preparePrune(repository: Repository, options: PruneOptions): Promise<PreparedPrune> {
  const { signal, progress = silentProgress } = options;
  const snapshots = await repository.listSnapshots(signal === undefined ? {} : { signal });
  const stored = new Map<string, number>();
  for await (const { id, sizeBytes } of listIds(repository.storage, PACK_PREFIX, signal)) stored.set(id, sizeBytes);
  const { index, indexFiles } = await loadPresentIndex(repository, stored, signal);
  const pool = new ReaderPool(repository, { signal });
  try {
    const onProgress = (files: number): void => progress.report({ phase: 'finding used data', files });
    const roots = new Set(snapshots.map(({ tree }) => tree));
    const marks = await markBlobs(repository, index, roots, pool, { signal, onProgress, onProblem: throwMarkProblem });
    // Whatever of a forgotten snapshot is gone already is no loss.
    await markBlobs(repository, index, options.keepTrees ?? [], pool, { signal, onProgress, onProblem() {}, marks });
    const unindexed = [...stored].filter(([id]) => !index.hasPack(id)).map(([id, sizeBytes]) => ({ id, sizeBytes }));
    const packs = [...packUsage(index, marks, stored)];
    // Format version 1 knows no compression.
    if (repository.config.version < 2) for (const pack of packs) pack.isUncompressed = false;
    const plan = planPrune(packs, unindexed, options);
    return { plan, index, marks, indexFiles, compressAll: options.repackUncompressed === true };
  } finally {
    await pool.close();
  }
}

/** The index without packs that are gone: what only they hold is missing, and found so by the marking. */
async function loadPresentIndex(
  repository: Repository,
  stored: ReadonlyMap<string, number>,
  signal: AbortSignal | undefined,
): Promise<{ index: BlobIndex; indexFiles: CountedIndexFile[] }> {
  const files = new Map<string, CountedIndexFile>();
  const { index, fileIds } = await loadIndexFiles(repository, {
    signal,
    onPack(pack, id) {
      const file = files.get(id) ?? { id, packIds: [], blobs: 0 };
      files.set(id, file);
      file.packIds.push(pack.id);
      file.blobs += pack.blobCount;
      return stored.has(pack.id);
    },
  });
  return { index, indexFiles: fileIds.map((id) => files.get(id) ?? { id, packIds: [], blobs: 0 }) };
}

/** Throws IntegrityError for a needed pack whose length is not what the index says: something in it is lost. */
function* packUsage(index: BlobIndex, marks: BlobMarks, stored: ReadonlyMap<string, number>): Iterable<PackUsage> {
  for (let packNumber = 0; packNumber < index.packCount; packNumber++) {
    const usage = usageOf(index, marks, packNumber, stored.get(index.packIdAt(packNumber)) ?? 0);
    const expected = index.packSizeBytes(packNumber);
    if (usage.usedBlobs > 0 && usage.sizeBytes !== expected) {
      throw new IntegrityError(`pack ${usage.id} has ${usage.sizeBytes} bytes, but must have ${expected}`, {
        hint: 'Run "holdfast check" to see all damage before anything is deleted.',
      });
    }
    yield usage;
  }
}

function usageOf(index: BlobIndex, marks: BlobMarks, packNumber: number, sizeBytes: number): PackUsage {
  const id = index.packIdAt(packNumber);
  const usage: PackUsage = {
    id,
    type: 'data',
    usedBytes: 0,
    unusedBytes: 0,
    usedBlobs: 0,
    unusedBlobs: 0,
    duplicateBytes: 0,
    duplicateBlobs: 0,
    isUncompressed: false,
    sizeBytes,
  };
  const { start, end } = index.entriesOfPack(packNumber);
  const types = new Set<IndexedBlob['type']>();
  for (let entry = start; entry < end; entry++) {
    const { blob } = index.entryAt(entry);
    types.add(blob.type);
    if (blob.uncompressedLength === undefined) usage.isUncompressed = true;
    if (marks.has(entry)) {
      usage.usedBlobs++;
      usage.usedBytes += blob.length;
      continue;
    }
    usage.unusedBlobs++;
    usage.unusedBytes += blob.length;
    // Of several copies the first is marked.
    if (!marks.has(index.entryOf(blob.type, blob.id))) continue;
    usage.duplicateBlobs++;
    usage.duplicateBytes += blob.length;
  }
  return { ...usage, type: types.size > 1 ? 'mixed' : types.has('tree') ? 'tree' : 'data' };
}
