/** Salvages what is whole of damaged packs: into new packs, before the damaged ones are removed. */
import { HoldfastError, ifThere, IntegrityError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import { silentProgress, type Progress } from '../common/progress.ts';
import { planBatches } from './blob-batches.ts';
import type { BlobIndex } from './blob-index.ts';
import { prepareKey } from './crypto.ts';
import { loadIndexFiles } from './index-loading.ts';
import { listIds, packName, PACK_PREFIX } from './object-names.ts';
import { readPackHeader } from './pack.ts';
import { ReaderPool } from './reader-pool.ts';
import type { IndexedBlob, IndexedPack, Repository } from './repository.ts';
import { storeAgain } from './repack.ts';
import { removeObjects, rewriteIndex, type IndexFile } from './rewrite-index.ts';

export interface RepairPacksOptions {
  signal?: AbortSignal;
  progress?: Progress;
  /** Gets each pack as it is stored, before anything is changed; not called for one that is not there. */
  saveAside?: (packId: string, content: Uint8Array) => Promise<void>;
}

export interface PackSalvage {
  packId: string;
  /** Whether there is anything stored of it. */
  stored: boolean;
  /** What is whole. */
  salvaged: IndexedBlob[];
  /** What is not; `elsewhere`: the index names another pack that holds it. */
  lost: { blob: IndexedBlob; message: string; elsewhere: boolean }[];
}

export interface PreparedPackRepair {
  readonly packs: readonly PackSalvage[];
  readonly index: BlobIndex;
  readonly obsolete: readonly IndexFile[];
}

/**
 * The ids of packs, from unique beginnings of them; a pack may be stored, or only named by the index. Throws NotFound
 * or Usage.
 */
export async function resolvePackIds(
  repository: Repository,
  wanted: readonly string[],
  signal?: AbortSignal,
): Promise<string[]> {
  const known = new Set<string>();
  for await (const { id } of listIds(repository.storage, PACK_PREFIX, signal)) known.add(id);
  for (const { id } of repository.indexedPacks()) known.add(id);
  const ids = wanted.map((prefix) => {
    const matching = /^[0-9a-f]{1,64}$/.test(prefix) ? [...known].filter((id) => id.startsWith(prefix)) : [];
    if (matching.length === 1) return matching[0]!;
    if (matching.length === 0)
      throw new NotFoundError(`no pack has an id that begins with "${prefix}"`, {
        hint: 'Give an id as "holdfast check --read-data" tells it.',
      });
    throw new HoldfastError('Usage', `the ids of ${matching.length} packs begin with "${prefix}"`, {
      hint: 'Type more digits.',
    });
  });
  return [...new Set(ids)];
}

/**
 * Reads the packs whole, and verifies every blob that the index or the pack's own header places in them. Changes
 * nothing. The caller holds the exclusive lock until the plan is executed; for a dry run a shared one will do.
 */
export async function preparePackRepair(
  repository: Repository,
  packIds: readonly string[],
  options: RepairPacksOptions = {},
): Promise<PreparedPackRepair> {
  const { signal, progress = silentProgress } = options;
  const wanted = new Set(packIds);
  const files = new Map<string, IndexFile>();
  const { index } = await loadIndexFiles(repository, {
    signal,
    onPack(pack, id) {
      const file = files.get(id) ?? { id, packIds: [] };
      files.set(id, file);
      file.packIds.push(pack.id);
      return true;
    },
  });
  const pool = new ReaderPool(repository, { signal });
  try {
    const packs: PackSalvage[] = [];
    for (const packId of wanted) {
      packs.push(await examinePack(repository, index, packId, wanted, pool, options));
      progress.report({ phase: 'reading packs', files: packs.length, totalFiles: wanted.size });
    }
    const obsolete = [...files.values()].filter((file) => file.packIds.some((id) => wanted.has(id)));
    return { packs, index, obsolete };
  } finally {
    await pool.close();
  }
}

async function examinePack(
  repository: Repository,
  index: BlobIndex,
  packId: string,
  wanted: ReadonlySet<string>,
  pool: ReaderPool,
  options: RepairPacksOptions,
): Promise<PackSalvage> {
  const { signal } = options;
  throwIfAborted(signal);
  const indexed = index.pack(packId)?.blobs ?? [];
  const content = await readStored(repository, packId, signal);
  if (content !== undefined) await options.saveAside?.(packId, content);
  // The index may place a blob wrongly, or not at all; the header may be damaged.
  const byHeader = content === undefined ? [] : headerOf(repository, packId, content);
  const salvaged = new Map<string, IndexedBlob>();
  const failed = new Map<string, { blob: IndexedBlob; message: string }>();
  for (const blobs of [indexed, byHeader]) {
    const open = blobs.filter((blob) => !salvaged.has(keyOf(blob)));
    const messages = await verify(packId, open, content, pool);
    for (const [position, blob] of open.entries()) {
      const message = messages[position];
      if (message === undefined) salvaged.set(keyOf(blob), blob);
      else if (!failed.has(keyOf(blob))) failed.set(keyOf(blob), { blob, message });
    }
  }
  const lost = [...failed].filter(([key]) => !salvaged.has(key)).map(([, entry]) => entry);
  return {
    packId,
    stored: content !== undefined,
    salvaged: [...salvaged.values()],
    lost: lost.map((entry) => ({ ...entry, elsewhere: isElsewhere(index, entry.blob, wanted) })),
  };
}

async function readStored(
  repository: Repository,
  packId: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  return ifThere(repository.storage.read(packName(packId), undefined, signal === undefined ? {} : { signal }));
}

function headerOf(repository: Repository, packId: string, content: Uint8Array): IndexedBlob[] {
  try {
    return readPackHeader(prepareKey(repository.key), content, packId);
  } catch (error) {
    if (error instanceof IntegrityError) return [];
    throw error;
  }
}

/** What is wrong with each blob; undefined: nothing. A copy of the content goes to the thread. */
async function verify(
  packId: string,
  blobs: IndexedBlob[],
  content: Uint8Array | undefined,
  pool: ReaderPool,
): Promise<(string | undefined)[]> {
  if (content === undefined)
    return blobs.map(({ id, type }) => `${type} blob ${id} lies in the missing pack ${packId}`);
  if (blobs.length === 0) return [];
  const answer = await pool.run('verify-pack', { packId, indexed: blobs, content: new Uint8Array(content) });
  const messages = new Map(answer.blobs.map(({ id, message }) => [id, message]));
  return blobs.map(({ id }) => messages.get(id));
}

function isElsewhere(index: BlobIndex, { type, id }: IndexedBlob, wanted: ReadonlySet<string>): boolean {
  const entry = index.entryOf(type, id);
  return (
    entry >= 0 && index.copiesOf(entry).some((copy) => !wanted.has(index.packIdAt(index.entryAt(copy).packNumber)))
  );
}

function keyOf({ type, id }: IndexedBlob): string {
  return `${type}/${id}`;
}

/**
 * Under the exclusive lock under which the packs were examined. New packs come first, then an index that names them and
 * not the damaged ones, then the old index files go, the damaged packs last. Throws IntegrityError, with nothing
 * removed, when not all that was whole could be stored again.
 */
export async function executePackRepair(
  repository: Repository,
  { packs, index, obsolete }: PreparedPackRepair,
  options: Pick<RepairPacksOptions, 'signal'> = {},
): Promise<void> {
  const { signal } = options;
  const added = await storeSalvaged(repository, packs, signal);
  const gone = new Set(packs.map(({ packId }) => packId));
  await rewriteIndex(repository, { index, obsolete, gone, added }, signal);
  const stored = packs.filter((pack) => pack.stored);
  await removeObjects(
    repository,
    stored.map(({ packId }) => packName(packId)),
    { signal },
  );
  await repository.loadIndex({ ...(signal === undefined ? {} : { signal }), reload: true });
}

async function storeSalvaged(
  repository: Repository,
  packs: readonly PackSalvage[],
  signal: AbortSignal | undefined,
): Promise<IndexedPack[]> {
  const batches = packs.flatMap(({ packId, salvaged }) => planBatches(packId, salvaged));
  const pool = new ReaderPool(repository, { signal, threads: 1 });
  try {
    return await storeAgain(repository, batches, pool, { signal });
  } finally {
    await pool.close();
  }
}
