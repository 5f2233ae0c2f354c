/** Execution of a prune plan, so that a kill at any moment leaves a sound repository. */
import { HoldfastError } from '../common/errors.ts';
import { silentProgress, type Progress } from '../common/progress.ts';
import type { PruneFigures } from '../domain/run-record.ts';
import { planBatches, type PlannedBatch } from './blob-batches.ts';
import type { BlobIndex } from './blob-index.ts';
import { encodeIndexFiles } from './index-file.ts';
import type { BlobMarks } from './mark-blobs.ts';
import { listIds, packName, unpackedName } from './object-names.ts';
import type { CountedIndexFile, PreparedPrune } from './prune-repository.ts';
import { ReaderPool } from './reader-pool.ts';
import { storeAgain } from './repack.ts';
import { removeObjects } from './rewrite-index.ts';
import type { IndexedBlob, IndexedPack, Repository } from './repository.ts';

/** Each run of each backup leaves an index file; those with fewer blobs are merged when prune writes one anyway. */
const SMALL_INDEX_BLOBS = 5000;

/** Each thread leaves half filled packs behind, so that a second one must be worth it. */
const BYTES_PER_THREAD = 256 * 1024 * 1024;

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
  const written = new Set<string>();
  for (const document of encodeIndexFiles(remainingPacks(prepared, obsolete, gone, newPacks))) {
    written.add(await repository.saveUnpacked('index', document, call));
  }
  await refuseUnknownIndexFiles(repository, prepared, written, signal);
  const removals = [
    obsolete.map(({ id }) => unpackedName('index', id)),
    [...gone, ...plan.removeUnindexed].map(packName),
  ];
  for (const names of removals) {
    const onRemoved = (files: number): void => progress.report({ phase: 'removing', files, totalFiles: names.length });
    await removeObjects(repository, names, { signal, onRemoved });
  }
  await repository.loadIndex({ ...call, reload: true });
  return {
    kind: 'prune',
    packsDeleted: gone.size + plan.removeUnindexed.length,
    packsRepacked: plan.repack.length,
    bytesFreed: plan.figures.bytes.freed,
    bytesUnused: plan.figures.bytes.remainingUnused,
    bytesTotal: plan.figures.bytes.stored,
  };
}

/**
 * A backup that is there in spite of the exclusive lock (with --no-lock, or after its own lock was thought dead) may rely on
 * what is about to go, or have written packs that were in no index when the plan was made.
 */
async function refuseUnknownIndexFiles(
  repository: Repository,
  { indexFiles }: PreparedPrune,
  written: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const known = new Set(indexFiles.map(({ id }) => id));
  for await (const { id } of listIds(repository.storage, 'index/', signal)) {
    if (known.has(id) || written.has(id)) continue;
    throw new HoldfastError(
      'RepositoryLocked',
      `another program wrote into ${repository.storage.description} while prune had it locked for itself; nothing was deleted`,
      { hint: 'Make sure that no backup runs without a lock, and prune again.' },
    );
  }
}

/** Copies the used blobs of the packs to be rewritten into new packs, verified on the way. */
async function repack(
  repository: Repository,
  { plan, index, marks, compressAll }: PreparedPrune,
  { signal, progress = silentProgress, packSizeBytes }: ExecutePruneOptions,
): Promise<IndexedPack[]> {
  if (plan.repack.length === 0) return [];
  const toRepack = new Set(plan.repack);
  const { repack: bytesRead, repackRemoved } = plan.figures.bytes;
  const usedBytes = bytesRead - repackRemoved;
  const threads = Math.ceil(usedBytes / BYTES_PER_THREAD);
  const pool = new ReaderPool(repository, { signal, packSizeBytes, ...(threads <= 1 ? { threads: 1 } : {}) });
  let bytes = 0;
  const onBatch = (batch: PlannedBatch): void => {
    bytes += batch.length;
    progress.report({ phase: 'rewriting packs', bytes, totalBytes: usedBytes });
  };
  try {
    return await storeAgain(repository, usedBatches(index, marks, toRepack), pool, { signal, compressAll, onBatch });
  } finally {
    await pool.close();
  }
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
): readonly CountedIndexFile[] {
  const outdated = (file: CountedIndexFile): boolean =>
    file.packIds.length === 0 || file.packIds.some((id) => gone.has(id) || !index.hasPack(id));
  const small = indexFiles.filter((file) => file.blobs < SMALL_INDEX_BLOBS);
  const isMerged = plan.repack.length > 0 || small.length > 1;
  return indexFiles.filter((file) => outdated(file) || (isMerged && small.includes(file)));
}

/** The packs that the obsolete index files named and that stay, and the new ones. */
function* remainingPacks(
  { index }: PreparedPrune,
  obsolete: readonly CountedIndexFile[],
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
