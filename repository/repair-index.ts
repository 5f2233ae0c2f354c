/** Makes the index fit the packs again: by their own headers, for all or for those that it does not know rightly. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { IntegrityError, NotFoundError } from '../common/errors.ts';
import { silentProgress, type Progress } from '../common/progress.ts';
import type { BlobIndex } from './blob-index.ts';
import { ENTRY_WORDS, LENGTH, OFFSET } from './blob-table.ts';
import { prepareKey } from './crypto.ts';
import { loadIndexFiles } from './index-loading.ts';
import { listIds, PACK_PREFIX } from './object-names.ts';
import { packSizeBytes } from './pack.ts';
import { packEntries, type PackEntries } from './pack-entries.ts';
import { readStoredHeader } from './read-pack-header.ts';
import type { Repository } from './repository.ts';
import { rewriteIndex, type IndexFile } from './rewrite-index.ts';

const CONCURRENT_READS = 8;

export interface RepairIndexOptions {
  /** Trusts no index file: every pack's header is read. */
  readAllPacks?: boolean;
  signal?: AbortSignal;
  progress?: Progress;
}

export interface IndexRepairPlan {
  /** Packs that no index file names, or none as long as they are, and whose header was read. */
  added: string[];
  /** Named, but not there. */
  missing: string[];
  /** Index files that cannot be read. */
  damagedFiles: { id: string; message: string }[];
  /** Packs whose header cannot be read. `kept`: what the index says of it stays, as far as it lies within the pack. */
  unreadable: { id: string; message: string; kept: boolean }[];
  /** Index files that are replaced. */
  filesReplaced: number;
  packs: number;
  blobs: number;
}

/** The plan, and what its execution needs to know. */
export interface PreparedIndexRepair {
  readonly plan: IndexRepairPlan;
  readonly index: BlobIndex;
  readonly obsolete: readonly IndexFile[];
  readonly added: readonly PackEntries[];
  /** Named by the index otherwise than they are: no file is to name them so any more, but as `added` has them. */
  readonly gone: ReadonlySet<string>;
}

/** Changes nothing. The caller holds the exclusive lock until the plan is executed; for a dry run a shared one will do. */
export async function prepareIndexRepair(
  repository: Repository,
  options: RepairIndexOptions = {},
): Promise<PreparedIndexRepair> {
  const { signal, readAllPacks = false } = options;
  const stored = new Map<string, number>();
  for await (const { id, sizeBytes } of listIds(repository.storage, PACK_PREFIX, signal)) stored.set(id, sizeBytes);
  const missing = new Set<string>();
  const damagedFiles: IndexRepairPlan['damagedFiles'] = [];
  const files = new Map<string, IndexFile>();
  const { index, fileIds } = await loadIndexFiles(repository, {
    signal,
    onError: (id, { message }) => damagedFiles.push({ id, message }),
    onPack(pack, fileId) {
      const file = files.get(fileId) ?? { id: fileId, packIds: [] };
      files.set(fileId, file);
      file.packIds.push(pack.id);
      if (!stored.has(pack.id)) missing.add(pack.id);
      return stored.has(pack.id);
    },
  });
  const { misfits, packs, blobs } = compareSizes(index, stored);
  const isKnown = (id: string): boolean => index.hasPack(id) && !misfits.has(id);
  const toRead = [...stored].filter(([id]) => readAllPacks || !isKnown(id));
  const { added, unreadable } = await readHeaders(repository, toRead, options);
  // Of a pack that was cut off, the index alone knows where the blobs lie that are left.
  const rests = unreadable.flatMap(({ id }) => (isKnown(id) ? [] : (restOf(index, id, stored.get(id)!) ?? [])));
  const rested = new Set(rests.map(({ id }) => id));
  const isSound = ({ packIds }: IndexFile): boolean =>
    packIds.length > 0 && !packIds.some((id) => missing.has(id) || misfits.has(id));
  const obsolete = fileIds
    .map((id) => files.get(id) ?? { id, packIds: [] })
    .filter((file) => readAllPacks || !isSound(file));
  const news = added.filter(({ id }) => !isKnown(id));
  const plan: IndexRepairPlan = {
    added: news.map(({ id }) => id),
    missing: [...missing],
    damagedFiles,
    unreadable: unreadable.map((pack) => ({ ...pack, kept: isKnown(pack.id) || rested.has(pack.id) })),
    filesReplaced: obsolete.length,
    packs: packs + news.length + rests.length,
    blobs: [...news, ...rests].reduce((sum, { words }) => sum + words.length / ENTRY_WORDS, blobs),
  };
  return { plan, index, obsolete, added: [...added, ...rests], gone: misfits };
}

/** What the index places within the pack's length; undefined: nothing. */
function restOf(index: BlobIndex, packId: string, sizeBytes: number): PackEntries | undefined {
  const { words = new Uint32Array() } = index.packEntries(packId) ?? {};
  const rest: number[] = [];
  for (let at = 0; at < words.length; at += ENTRY_WORDS) {
    if (words[at + OFFSET]! + words[at + LENGTH]! <= sizeBytes) rest.push(...words.subarray(at, at + ENTRY_WORDS));
  }
  return rest.length === 0 ? undefined : { id: packId, words: Uint32Array.from(rest) };
}

/** Packs that are not as long as the index says; and what the others hold. */
function compareSizes(
  index: BlobIndex,
  stored: ReadonlyMap<string, number>,
): { misfits: Set<string>; packs: number; blobs: number } {
  const misfits = new Set<string>();
  let blobs = 0;
  for (const pack of index.packs()) {
    if (packSizeBytes(pack.blobs) !== stored.get(pack.id)) misfits.add(pack.id);
    else blobs += pack.blobs.length;
  }
  return { misfits, packs: index.packCount - misfits.size, blobs };
}

async function readHeaders(
  repository: Repository,
  toRead: readonly [id: string, sizeBytes: number][],
  { signal, progress = silentProgress }: RepairIndexOptions,
): Promise<{ added: PackEntries[]; unreadable: { id: string; message: string }[] }> {
  const key = prepareKey(repository.key);
  const added: PackEntries[] = [];
  const unreadable: { id: string; message: string }[] = [];
  let files = 0;
  await forEachConcurrently(toRead, CONCURRENT_READS, async ([id, sizeBytes]) => {
    try {
      added.push(packEntries(await readStoredHeader(repository.storage, key, { id, sizeBytes }, signal)));
    } catch (error) {
      if (!(error instanceof IntegrityError || error instanceof NotFoundError)) throw error;
      // An index that knows where the blobs are is worth more than a header that is damaged.
      unreadable.push({ id, message: error.message });
    }
    progress.report({ phase: 'reading pack headers', files: ++files, totalFiles: toRead.length });
  });
  return { added, unreadable };
}

/** Whether the index is as the packs are: then the execution changes nothing. */
export function isIndexSound({ plan, obsolete, added }: PreparedIndexRepair): boolean {
  return obsolete.length === 0 && added.length === 0 && plan.damagedFiles.length === 0;
}

/** Under the exclusive lock under which the plan was made. The repository's index is read again at the end. */
export async function executeIndexRepair(
  repository: Repository,
  prepared: PreparedIndexRepair,
  signal?: AbortSignal,
): Promise<void> {
  if (!isIndexSound(prepared)) await rewriteIndex(repository, prepared, signal);
  await repository.loadIndex({ ...(signal === undefined ? {} : { signal }), reload: true });
}
