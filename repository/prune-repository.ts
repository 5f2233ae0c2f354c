/** Prune: finds what no snapshot needs, and removes it so that a kill at any moment leaves a sound repository. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { IntegrityError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import { silentProgress, type Progress } from '../common/progress.ts';
import { planPrune, type PackUsage, type PrunePlan } from '../domain/prune-plan.ts';
import type { PruneFigures } from '../domain/run-record.ts';
import { planBatches, readBatch, type PlannedBatch } from './blob-batches.ts';
import type { BlobIndex } from './blob-index.ts';
import { encodeIndexFiles } from './index-file.ts';
import { loadIndexFiles } from './index-loading.ts';
import { markBlobs, throwMarkProblem, type BlobMarks } from './mark-blobs.ts';
import { listIds, packName, PACK_PREFIX, unpackedName } from './object-names.ts';
import type { FinishedPack } from './open-packs.ts';
import { ReaderPool } from './reader-pool.ts';
import type { IndexedBlob, IndexedPack, Repository } from './repository.ts';

const CONCURRENT_REMOVALS = 8;

/** Each run of each backup leaves an index file; those with fewer blobs are merged when prune writes one anyway. */
const SMALL_INDEX_BLOBS = 5000;

/** Each thread leaves half filled packs behind, so that a second one must be worth it. */
const BYTES_PER_THREAD = 256 * 1024 * 1024;

export interface PruneOptions {
  /** Share (0-1) of what remains that may stay unused. */
  maxUnusedShare: number;
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
  readonly indexFiles: readonly IndexFile[];
}

interface IndexFile {
  id: string;
  packIds: string[];
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
    const plan = planPrune(packUsage(index, marks, stored), unindexed, options);
    return { plan, index, marks, indexFiles };
  } finally {
    await pool.close();
  }
}

/** The index without packs that are gone: what only they hold is missing, and found so by the marking. */
async function loadPresentIndex(
  repository: Repository,
  stored: ReadonlyMap<string, number>,
  signal: AbortSignal | undefined,
): Promise<{ index: BlobIndex; indexFiles: IndexFile[] }> {
  const files = new Map<string, IndexFile>();
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

function* packUsage(index: BlobIndex, marks: BlobMarks, stored: ReadonlyMap<string, number>): Iterable<PackUsage> {
  for (let packNumber = 0; packNumber < index.packCount; packNumber++) {
    const id = index.packIdAt(packNumber);
    const usage = { id, usedBytes: 0, unusedBytes: 0, usedBlobs: 0, unusedBlobs: 0, sizeBytes: stored.get(id) ?? 0 };
    const { start, end } = index.entriesOfPack(packNumber);
    const types = new Set<IndexedBlob['type']>();
    for (let entry = start; entry < end; entry++) {
      const { blob } = index.entryAt(entry);
      types.add(blob.type);
      if (marks.has(entry)) {
        usage.usedBlobs++;
        usage.usedBytes += blob.length;
      } else {
        usage.unusedBlobs++;
        usage.unusedBytes += blob.length;
      }
    }
    yield { ...usage, type: types.size > 1 ? 'mixed' : types.has('tree') ? 'tree' : 'data' };
  }
}

export interface ExecutePruneOptions {
  signal?: AbortSignal;
  progress?: Progress;
  /** Default: 16 MiB. */
  packSizeBytes?: number;
}

/**
 * Executes a plan under the exclusive lock under which it was made. The order is the safety: new packs are written, then
 * an index that names them and what stays, then old index files go, then packs. After a kill at most data that nobody
 * needs is left over, which the next prune removes. The repository's index is read again at the end.
 */
export async function executePrune(
  repository: Repository,
  prepared: PreparedPrune,
  options: ExecutePruneOptions = {},
): Promise<PruneFigures> {
  const { signal, progress = silentProgress } = options;
  const { plan } = prepared;
  const call = signal === undefined ? {} : { signal };
  const newPacks = await repack(repository, prepared, options);
  const gone = new Set([...plan.repack, ...plan.remove]);
  const obsolete = obsoleteIndexFiles(prepared, gone);
  for (const document of encodeIndexFiles(remainingPacks(prepared, obsolete, gone, newPacks))) {
    await repository.saveUnpacked('index', document, call);
  }
  const removals = [
    obsolete.map(({ id }) => unpackedName('index', id)),
    [...gone, ...plan.removeUnindexed].map(packName),
  ];
  for (const names of removals) {
    let removed = 0;
    await forEachConcurrently(names, CONCURRENT_REMOVALS, async (name) => {
      await removeObject(repository, name, signal);
      progress.report({ phase: 'removing', files: ++removed, totalFiles: names.length });
    });
  }
  await repository.loadIndex({ ...call, reload: true });
  return {
    kind: 'prune',
    packsDeleted: gone.size + plan.removeUnindexed.length,
    packsRepacked: plan.repack.length,
    bytesFreed: plan.figures.bytesFreed,
    bytesUnused: plan.figures.bytesUnused,
    bytesTotal: plan.figures.bytesTotal,
  };
}

/** Copies the used blobs of the packs to be rewritten into new packs, verified on the way. */
async function repack(
  repository: Repository,
  { plan, index, marks }: PreparedPrune,
  { signal, progress = silentProgress, packSizeBytes }: ExecutePruneOptions,
): Promise<IndexedPack[]> {
  if (plan.repack.length === 0) return [];
  const written: IndexedPack[] = [];
  const toRepack = new Set(plan.repack);
  const threads = Math.ceil(plan.figures.bytesRepacked / BYTES_PER_THREAD);
  const pool = new ReaderPool(repository, { signal, packSizeBytes, ...(threads <= 1 ? { threads: 1 } : {}) });
  const write = async (finished: readonly FinishedPack[]): Promise<void> => {
    for (const { pack, content } of finished) {
      await repository.storage.write(packName(pack.id), content, signal === undefined ? {} : { signal });
      written.push(pack);
    }
  };
  let expected = 0;
  let bytes = 0;
  try {
    await forEachConcurrently(usedBatches(index, marks, toRepack), pool.concurrency, async (batch) => {
      const { finished, problems } = await pool.run('repack', await readBatch(repository.storage, batch, signal));
      if (problems[0] !== undefined) throw new IntegrityError(problems[0].message);
      await write(finished);
      expected += batch.blobs.length;
      bytes += batch.length;
      progress.report({ phase: 'rewriting packs', bytes, totalBytes: plan.figures.bytesRepacked });
    });
    for (const { finished } of await pool.runInAll('finish-repack', {})) await write(finished);
  } finally {
    await pool.close();
  }
  const blobs = written.reduce((sum, pack) => sum + pack.blobs.length, 0);
  // The old packs are about to be deleted: not one blob may be missing from the new ones.
  if (blobs !== expected) throw new IntegrityError(`prune rewrote ${blobs} of ${expected} blobs; nothing was deleted`);
  return written;
}

function* usedBatches(index: BlobIndex, marks: BlobMarks, packIds: ReadonlySet<string>): Iterable<PlannedBatch> {
  for (let packNumber = 0; packNumber < index.packCount; packNumber++) {
    const packId = index.packIdAt(packNumber);
    if (!packIds.has(packId)) continue;
    const used: IndexedBlob[] = [];
    const { start, end } = index.entriesOfPack(packNumber);
    for (let entry = start; entry < end; entry++) if (marks.has(entry)) used.push(index.entryAt(entry).blob);
    yield* planBatches(packId, used);
  }
}

/** Files that name a pack which goes, or which is gone already; and, once a file is written anyway, the small ones. */
function obsoleteIndexFiles(
  { index, indexFiles, plan }: PreparedPrune,
  gone: ReadonlySet<string>,
): readonly IndexFile[] {
  const outdated = (file: IndexFile): boolean =>
    file.packIds.length === 0 || file.packIds.some((id) => gone.has(id) || !index.hasPack(id));
  const small = indexFiles.filter((file) => file.blobs < SMALL_INDEX_BLOBS);
  const isMerged = plan.repack.length > 0 || small.length > 1;
  return indexFiles.filter((file) => outdated(file) || (isMerged && small.includes(file)));
}

/** The packs that the obsolete index files named and that stay, and the new ones. */
function* remainingPacks(
  { index }: PreparedPrune,
  obsolete: readonly IndexFile[],
  gone: ReadonlySet<string>,
  newPacks: readonly IndexedPack[],
): Iterable<IndexedPack> {
  const packIds = new Set(obsolete.flatMap((file) => file.packIds));
  for (const id of packIds) {
    const pack = gone.has(id) ? undefined : index.pack(id);
    if (pack !== undefined) yield pack;
  }
  yield* newPacks;
}

async function removeObject(repository: Repository, name: string, signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal);
  try {
    await repository.storage.remove(name, signal === undefined ? {} : { signal });
  } catch (error) {
    // An attempt that was thought dead was here before.
    if (!(error instanceof NotFoundError)) throw error;
  }
}
