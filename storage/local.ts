/** The local backend: objects are files below one folder, written durably and all at once. */
import { randomBytes } from 'node:crypto';
import { constants, type Dirent, type Stats } from 'node:fs';
import { link, mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { throwIfAborted } from '../common/errors.ts';
import { isOnLocalFileSystem } from '../files/local-file-systems.ts';
import { systemErrorCode, translateLocalError } from './local-errors.ts';
import { checkObjectName } from './object-name.ts';
import type { ByteRange, CallOptions, ObjectEntry, Storage, WriteOptions } from './storage.ts';

export interface LocalStorageOptions {
  /** Of new folders. Default: 0700. */
  directoryMode?: number;
  /** Of new files. Default: 0400, as restic leaves them: what is stored is never changed in place. */
  fileMode?: number;
}

/** Unfinished files are here, on the storage's own file system, so that renaming them is atomic; never listed. */
const TEMPORARY_FOLDER = '.holdfast-tmp';

/** A temporary file this old belongs to a process that was killed. */
const ABANDONED_MILLISECONDS = 24 * 60 * 60 * 1000;

/** What file systems answer that have none. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** What file systems answer whose folders cannot be synced. */
const NO_FOLDER_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EISDIR']);

/** A read asks the signal again after this many bytes. */
const READ_PIECE_BYTES = 16 * 1024 * 1024;

/**
 * The storage below `directory`. Nothing is created before the first write. A finished write has been synced with its
 * folder. A killed process leaves at most files in `.holdfast-tmp`, which the next writer removes when they are a day old.
 */
export function openLocalStorage(directory: string, options: LocalStorageOptions = {}): Storage {
  const root = resolve(directory);
  const { directoryMode = 0o700, fileMode = 0o400 } = options;
  let temporaryFolder: Promise<string> | undefined;

  function pathOf(name: string): string {
    checkObjectName(name);
    return join(root, name);
  }

  async function prepareTemporaryFolder(): Promise<string> {
    const folder = join(root, TEMPORARY_FOLDER);
    await makeFolders(folder, directoryMode);
    await removeAbandoned(folder);
    return folder;
  }

  async function write(name: string, content: Uint8Array | AsyncIterable<Uint8Array>, call: WriteOptions = {}) {
    const path = pathOf(name);
    throwIfAborted(call.signal);
    try {
      // A failure to prepare (a full or read-only disk) may pass, so that the next write tries again.
      temporaryFolder ??= prepareTemporaryFolder();
      const folder = await temporaryFolder.catch((error: unknown) => {
        temporaryFolder = undefined;
        throw error;
      });
      const temporary = join(folder, randomBytes(12).toString('hex'));
      try {
        await writeTemporary(temporary, content, fileMode, call.signal);
        throwIfAborted(call.signal);
        await makeFolders(dirname(path), directoryMode);
        await publish(temporary, path, call.existing ?? 'replace');
      } finally {
        await rm(temporary, { force: true });
      }
      await syncFolder(dirname(path));
    } catch (error) {
      throw translateLocalError(error, 'write', path);
    }
  }

  async function remove(name: string, call: CallOptions = {}): Promise<void> {
    const path = pathOf(name);
    throwIfAborted(call.signal);
    try {
      await rm(path);
      // Prune relies on it: an index file that came back after a crash would name packs that are gone.
      await syncFolder(dirname(path));
    } catch (error) {
      throw translateLocalError(error, 'remove', path);
    }
  }

  async function find(name: string, call: CallOptions = {}): Promise<ObjectEntry | undefined> {
    const path = pathOf(name);
    throwIfAborted(call.signal);
    try {
      return toEntry(name, await stat(path));
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw translateLocalError(error, 'read', path);
    }
  }

  return {
    description: `local:${root}`,
    capabilities: { atomicWrites: true, localDirectory: root, ...(listsAtOnce(root) ? { listsAtOnce: true } : {}) },
    list: (prefix, call) => listFolder(root, '', prefix, call?.signal),
    read: (name, range, call) => readFileAt(pathOf(name), range, call?.signal),
    openRead: (name, call) => openFile(pathOf(name), call?.signal),
    write,
    remove,
    stat: find,
    // The temporary folder stays: another process may be about to use it.
    async close() {},
  };
}

/** false for a folder that is yet to be made. */
function listsAtOnce(root: string): boolean {
  try {
    return isOnLocalFileSystem(root);
  } catch {
    return false;
  }
}

function toEntry(name: string, stats: Stats): ObjectEntry | undefined {
  return stats.isFile() ? { name, sizeBytes: stats.size, modifiedAt: stats.mtime } : undefined;
}

/** One folder's names at a time are in memory. Depth first, where a folder sorts as its name with the slash. */
async function* listFolder(
  root: string,
  folder: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncIterable<ObjectEntry> {
  throwIfAborted(signal);
  for (const name of await readNames(root, folder, prefix)) {
    throwIfAborted(signal);
    if (name.endsWith('/')) {
      yield* listFolder(root, name, prefix, signal);
      continue;
    }
    let entry: ObjectEntry | undefined;
    try {
      entry = toEntry(name, await stat(join(root, name)));
    } catch (error) {
      // Removed between the listing and the look at it.
      if (systemErrorCode(error) === 'ENOENT') continue;
      throw translateLocalError(error, 'list', join(root, name));
    }
    if (entry !== undefined) yield entry;
  }
}

/** The names below a folder that can still lead to the prefix, folders with a slash, in byte order. */
async function readNames(root: string, folder: string, prefix: string): Promise<string[]> {
  try {
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    const names: string[] = [];
    for (const entry of entries) {
      if (folder === '' && entry.name === TEMPORARY_FOLDER) continue;
      const name = `${folder}${entry.name}`;
      names.push((await leadsToFolder(entry, join(root, name))) ? `${name}/` : name);
    }
    return names
      .filter((name) => name.startsWith(prefix) || (name.endsWith('/') && prefix.startsWith(name)))
      .toSorted((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw translateLocalError(error, 'list', join(root, folder));
  }
}

/** People move `data` to another disk and leave a symbolic link. */
async function leadsToFolder(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const stats = await stat(path).catch(() => undefined);
  return stats?.isDirectory() ?? false;
}

async function readFileAt(path: string, range: ByteRange | undefined, signal: AbortSignal | undefined) {
  throwIfAborted(signal);
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const { size } = await handle.stat();
    const offset = Math.min(range?.offset ?? 0, size);
    const content = Buffer.allocUnsafeSlow(Math.min(range?.length ?? size, size - offset));
    let done = 0;
    while (done < content.length) {
      throwIfAborted(signal);
      const piece = Math.min(READ_PIECE_BYTES, content.length - done);
      const { bytesRead } = await handle.read(content, done, piece, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return content.subarray(0, done);
  } catch (error) {
    throw translateLocalError(error, 'read', path);
  } finally {
    await handle?.close();
  }
}

async function openFile(path: string, signal: AbortSignal | undefined): Promise<Readable> {
  throwIfAborted(signal);
  try {
    const handle = await open(path, 'r');
    // The stream closes the handle.
    return handle.createReadStream(signal === undefined ? {} : { signal });
  } catch (error) {
    throw translateLocalError(error, 'read', path);
  }
}

async function writeTemporary(
  path: string,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  mode: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const handle = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
  try {
    for await (const piece of content instanceof Uint8Array ? [content] : content) {
      throwIfAborted(signal);
      await writeFully(handle, piece);
    }
    throwIfAborted(signal);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeFully(handle: FileHandle, piece: Uint8Array): Promise<void> {
  let done = 0;
  while (done < piece.length) done += (await handle.write(piece, done)).bytesWritten;
}

async function publish(temporary: string, path: string, existing: 'replace' | 'refuse'): Promise<void> {
  if (existing === 'replace') return rename(temporary, path);
  // A hard link is the one call that creates the final name and fails when it is there already.
  try {
    await link(temporary, path);
  } catch (error) {
    if (!NO_HARD_LINKS.has(systemErrorCode(error) ?? '')) throw error;
    // Without hard links (FAT, some network mounts) two writers at the same instant are not told apart.
    await (await open(path, 'wx')).close();
    await rename(temporary, path);
  }
}

/** Makes a folder and its parents, and syncs the parents of those that are new. */
async function makeFolders(folder: string, mode: number): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode });
  if (first === undefined) return;
  for (let made = folder; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first || made === dirname(made)) return;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } catch (error) {
    if (!NO_FOLDER_SYNC.has(systemErrorCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined && Date.now() - stats.mtimeMs > ABANDONED_MILLISECONDS) await rm(path, { force: true });
  }
}
