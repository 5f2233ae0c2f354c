/** Keeps aside what a sync replaces and removes, in a dated folder of the copy, and lets it go when its time is over. */
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import { isVersionsFolderExpired, VERSIONS_FOLDER, versionsFolderName } from '../domain/sync-versions.ts';
import { baseName, fromText, joinPath, toBytes } from '../files/byte-path.ts';
import type { FileEntry, FileTree } from '../files/file-tree.ts';

const ROOT = fromText(VERSIONS_FOLDER);
/** Where new content is written before it takes the old one's place; gone after each run that ends. Only the sync that has the target's lock writes here. */
const INCOMING = joinPath(ROOT, fromText('incoming'));

export interface SyncVersions {
  /** Moves the file or link at the path aside. */
  keep(path: ByteString): Promise<void>;
  /**
   * Runs `write` with the path to write to, and afterwards the path has the new content, and what was there is kept. When
   * `write` fails nothing has changed; between the two moves, which follow each other at once, the path is empty.
   */
  replace<Result>(path: ByteString, write: (at: ByteString) => Promise<Result>): Promise<Result>;
}

/** @param onKept Told each file that was put aside. */
export function openSyncVersions(tree: FileTree, now: Date, onKept: () => void): SyncVersions {
  let folder: Promise<ByteString> | undefined;
  let incoming = 0;
  const keep = async (path: ByteString): Promise<void> => {
    folder ??= makeFolder(tree, now);
    await tree.rename(path, joinPath(await folder, path));
    onKept();
  };
  return {
    keep,
    async replace(path, write) {
      const old = await tree.stat(path);
      if (old === undefined || old.type === 'dir') return write(path);
      folder ??= makeFolder(tree, now);
      await folder;
      const at = joinPath(INCOMING, fromText(String(++incoming)));
      let result;
      try {
        result = await write(at);
      } catch (error) {
        await removeQuietly(tree, at);
        throw error;
      }
      await keep(path);
      await tree.rename(at, path);
      return result;
    },
  };
}

async function makeFolder(tree: FileTree, now: Date): Promise<ByteString> {
  await tree.makeFolder(ROOT, { mode: 0o700 });
  await tree.makeFolder(INCOMING, { mode: 0o700 });
  for (let count = 1; ; count++) {
    const folder = joinPath(ROOT, fromText(versionsFolderName(now, count)));
    if ((await tree.stat(folder)) !== undefined) continue;
    await tree.makeFolder(folder, { mode: 0o700 });
    return folder;
  }
}

export interface ExpireOptions {
  /** `30d`, `1y6mo`. */
  period: string;
  now: Date;
  signal: AbortSignal;
}

/** Removes the dated folders older than the period, and what a killed run left. Returns how many files went. */
export async function expireSyncVersions(tree: FileTree, { period, now, signal }: ExpireOptions): Promise<number> {
  let removed = 0;
  for (const { path, type } of await entriesOf(tree, ROOT)) {
    if (type !== 'dir') continue;
    const isOver = isVersionsFolderExpired(toBytes(baseName(path)).toString('utf8'), period, now);
    if (!isOver && path !== INCOMING) continue;
    removed += await removeBelow(tree, path, signal);
    await removeEmpty(tree, path);
  }
  await removeEmpty(tree, ROOT);
  return removed;
}

/** The files removed. An absent folder has none; what is not the tree's own stays. */
async function removeBelow(tree: FileTree, folder: ByteString, signal?: AbortSignal): Promise<number> {
  let removed = 0;
  for (const { path, type } of await entriesOf(tree, folder)) {
    throwIfAborted(signal);
    if (type === 'dir') {
      removed += await removeBelow(tree, path, signal);
      await removeEmpty(tree, path);
    } else {
      await tree.remove(path);
      removed++;
    }
  }
  return removed;
}

async function entriesOf(tree: FileTree, folder: ByteString): Promise<FileEntry[]> {
  const entries: FileEntry[] = [];
  try {
    for await (const entry of tree.list(folder)) entries.push(entry);
    return entries;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'NotFound') return [];
    throw error;
  }
}

async function removeEmpty(tree: FileTree, folder: ByteString): Promise<void> {
  try {
    await tree.remove(folder);
  } catch (error) {
    const { code } = error as Partial<HoldfastError>;
    if (code !== 'AlreadyExists' && code !== 'NotFound') throw error;
  }
}

async function removeQuietly(tree: FileTree, path: ByteString): Promise<void> {
  try {
    await tree.remove(path);
  } catch {
    // It was never made; else the next run clears it away.
  }
}
