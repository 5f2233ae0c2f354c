/** The tree of a folder on this machine: the FileTree contract on local files. */
import {
  chmodSync,
  constants,
  fstatSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { ByteString } from '../common/byte-string.ts';
import { NotFoundError, throwIfAborted } from '../common/errors.ts';
import {
  baseName,
  displayPath,
  fromText,
  joinPath,
  parentPath,
  requireEntryPath,
  requireMove,
  requireRelativePath,
  toBytes,
} from './byte-path.ts';
import { errorCode, isAbsence, somethingThere, translateFileError } from './file-errors.ts';
import { toFileEntry } from './file-entry.ts';
import type { CopyTold, EntryMetadata, FileEntry, FileTree, TreeCopier } from './file-tree.ts';
import { LocalCopier } from './local-copier.ts';
import { canSyncFileSystem } from './native-sync.ts';
import { writeFileDurably } from './durable-file.ts';
import { listLocalFolder, walkLocalTree } from './local-walk.ts';
import { readInPieces } from './read-pieces.ts';
import { loadNativeMetadata, type NativeMetadata } from './native-metadata.ts';
import { HeldFolders } from './held-folders.ts';
import { holdEntry, openFolderBelow, type SafeFolder } from './safe-folder.ts';
import { removeAbandoned, temporaryName } from './temporary-name.ts';

const EMPTY = '' as ByteString;

/** Some milliseconds. */
const CHANGED_IN_A_TURN = 256;

/** Folders remembered as swept of stale temporary files; beyond this the memory starts anew. */
const SWEPT_FOLDERS = 10_000;

/** @param directory Absolute. It need not exist: `makeFolder` of the empty path makes it, with its parents, all with that mode. */
export function openLocalTree(directory: string): FileTree {
  return new LocalTree(directory);
}

class LocalTree implements FileTree {
  readonly description: string;
  readonly localRoot: ByteString;
  readonly #swept = new Set<ByteString>();
  #native: NativeMetadata | undefined;

  constructor(directory: string) {
    this.description = directory;
    this.localRoot = fromText(directory);
  }

  walk(options?: Parameters<FileTree['walk']>[0]): AsyncIterable<FileEntry> {
    return walkLocalTree(this.localRoot, options);
  }

  list(folder: ByteString, options?: Parameters<FileTree['list']>[1]): AsyncIterable<FileEntry> {
    requireRelativePath(folder);
    return listLocalFolder(this.localRoot, folder, options);
  }

  async stat(path: ByteString): Promise<FileEntry | undefined> {
    requireRelativePath(path);
    try {
      return this.#statIn(path);
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw this.#translate(error, 'read', path);
    }
  }

  async openRead(path: ByteString, options: { signal?: AbortSignal } = {}): Promise<Readable> {
    throwIfAborted(options.signal);
    return this.#inFolder('read', path, async (folder, name) => {
      // Without O_NONBLOCK a fifo that was put there meanwhile would hang the reader.
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      const handle = await open(toBytes(folder.entry(name)), flags);
      if (!fstatSync(handle.fd).isFile()) {
        await handle.close();
        throw new NotFoundError(`${this.description}/${displayPath(path)} is not a file`);
      }
      return readInPieces(handle, options);
    });
  }

  async replace(
    path: ByteString,
    content: AsyncIterable<Uint8Array>,
    metadata: EntryMetadata,
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    requireEntryPath(path);
    await this.#inFolder('write', path, async (folder, name) => {
      this.#sweep(parentPath(path), folder);
      const temporary = temporaryName();
      const systemPath = folder.entry(temporary);
      try {
        const mode = metadata.mode ?? modeOf(folder, name);
        await writeFileDurably(systemPath, content, {
          ...options,
          // Until it has its own mode, nobody else reads it.
          mode: mode === undefined ? 0o666 : 0o600,
          finish: async () => this.#apply(folder, temporary, { ...metadata, mode }),
        });
        throwIfAborted(options.signal);
        renameSync(toBytes(systemPath), toBytes(folder.entry(name)));
      } catch (error) {
        removeQuietly(systemPath);
        throw error;
      }
      await syncFolder(folder);
    });
  }

  async replaceSymlink(path: ByteString, target: ByteString, metadata: EntryMetadata): Promise<void> {
    requireEntryPath(path);
    await this.#inFolder('write', path, async (folder, name) => {
      const temporary = temporaryName();
      const systemPath = folder.entry(temporary);
      try {
        symlinkSync(toBytes(target), toBytes(systemPath));
        this.#apply(folder, temporary, metadata);
        renameSync(toBytes(systemPath), toBytes(folder.entry(name)));
      } catch (error) {
        removeQuietly(systemPath);
        throw error;
      }
      await syncFolder(folder);
    });
  }

  async setMetadata(path: ByteString, metadata: EntryMetadata): Promise<void> {
    await this.#inFolder('change', path, async (folder, name) => this.#apply(folder, name, metadata));
  }

  async setMetadataOfAll(
    entries: Iterable<readonly [ByteString, EntryMetadata]>,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<void> {
    using held = new HeldFolders(this.localRoot);
    let done = 0;
    for (const [path, metadata] of entries) {
      throwIfAborted(signal);
      requireRelativePath(path);
      try {
        const folder = held.open(parentPath(path));
        this.#apply(folder, baseName(path), missingOf(folder, baseName(path), metadata));
      } catch (error) {
        throw this.#translate(error, 'change', path);
      }
      // Others have their turn: a million folders take seconds.
      if (++done % CHANGED_IN_A_TURN === 0) await setImmediate();
    }
  }

  async makeFolder(path: ByteString, metadata: EntryMetadata): Promise<void> {
    if (path === '') this.#makeRoot(metadata.mode);
    await this.#inFolder('make', path, async (folder, name) => {
      if (name !== '') makeFolderIn(folder, name);
      this.#apply(folder, name, metadata);
      await syncFolder(folder);
    });
  }

  #makeRoot(mode: number | undefined): void {
    try {
      mkdirSync(toBytes(this.localRoot), { recursive: true, mode });
    } catch (error) {
      // Of what is to be made nothing is missing: a file is where a folder has to be.
      throw errorCode(error) === 'ENOTDIR'
        ? somethingThere('make', this.description, error)
        : this.#translate(error, 'make', EMPTY);
    }
  }

  async remove(path: ByteString): Promise<void> {
    requireEntryPath(path);
    await this.#inFolder('remove', path, async (folder, name) => {
      const systemPath = toBytes(folder.entry(name));
      if (lstatSync(systemPath).isDirectory()) rmdirSync(systemPath);
      else unlinkSync(systemPath);
    });
  }

  async rename(from: ByteString, to: ByteString): Promise<void> {
    requireMove(from, to);
    await this.#inFolder('move', from, async (source, oldName) => {
      lstatSync(toBytes(source.entry(oldName)));
      this.#makeParents(to);
      await this.#inFolder('write', to, async (target, newName) => {
        try {
          renameSync(toBytes(source.entry(oldName)), toBytes(target.entry(newName)));
        } catch (error) {
          // Both are reached through folders that are held: it is a folder, and what has the new name is none.
          throw errorCode(error) === 'ENOTDIR' ? somethingThere('move', this.#display(to), error) : error;
        }
        await syncFolder(target);
      });
      await syncFolder(source);
    });
  }

  openCopier(source: FileTree, told: CopyTold, signal: AbortSignal): TreeCopier | undefined {
    if (source.localRoot === undefined || !canSyncFileSystem(this.localRoot)) return undefined;
    return new LocalCopier({
      source: source.localRoot,
      target: this.localRoot,
      told,
      signal,
    });
  }

  async close(): Promise<void> {
    this.#swept.clear();
  }

  /** Runs with the folder that holds the entry; the empty path is the root itself, named by the empty name. */
  async #inFolder<Result>(
    verb: string,
    path: ByteString,
    run: (folder: SafeFolder, name: ByteString) => Promise<Result>,
  ): Promise<Result> {
    requireRelativePath(path);
    try {
      using folder = openFolderBelow(this.localRoot, parentPath(path));
      return await run(folder, baseName(path));
    } catch (error) {
      throw this.#translate(error, verb, path);
    }
  }

  #statIn(path: ByteString): FileEntry {
    using folder = openFolderBelow(this.localRoot, parentPath(path));
    const name = baseName(path);
    return toFileEntry(path, lstatSync(toBytes(reachedBy(folder, name)), { bigint: true }), folder.entry(name));
  }

  /** The owner first: changing it clears setuid. Times last: all else touches them. */
  #apply(folder: SafeFolder, name: ByteString, metadata: EntryMetadata): void {
    const { uid = -1, gid = -1, mode, mtimeNs } = metadata;
    const systemPath = reachedBy(folder, name);
    if (uid !== -1 || gid !== -1) lchownSync(toBytes(systemPath), uid, gid);
    if (mode !== undefined) changeMode(folder, name, mode);
    if (mtimeNs !== undefined) {
      this.#native ??= loadNativeMetadata();
      this.#native.setTimes(systemPath, { mtimeNs });
    }
  }

  #sweep(path: ByteString, folder: SafeFolder): void {
    if (this.#swept.has(path)) return;
    if (this.#swept.size >= SWEPT_FOLDERS) this.#swept.clear();
    this.#swept.add(path);
    removeAbandoned(folder);
  }

  #makeParents(path: ByteString): void {
    requireRelativePath(path);
    const segments = parentPath(path).split('/') as ByteString[];
    let parent = EMPTY;
    for (const name of segments[0] === '' ? [] : segments) {
      using folder = openFolderBelow(this.localRoot, parent);
      makeFolderIn(folder, name);
      parent = joinPath(parent, name);
    }
  }

  #translate(error: unknown, verb: string, path: ByteString): Error {
    return translateFileError(error, verb, this.#display(path));
  }

  #display(path: ByteString): string {
    return path === '' ? this.description : `${this.description}/${displayPath(path)}`;
  }
}

function makeFolderIn(folder: SafeFolder, name: ByteString): void {
  const systemPath = toBytes(folder.entry(name));
  try {
    mkdirSync(systemPath);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' || !lstatSync(systemPath).isDirectory()) throw error;
  }
}

/** The root (the empty name) has a descriptor that is a link of /proc: following it leads to the folder itself. */
function reachedBy(folder: SafeFolder, name: ByteString): ByteString {
  return name === '' ? (`${folder.entry(name)}/.` as ByteString) : folder.entry(name);
}

/** Links have no mode of their own; whatever else is there is held first, so that no link is followed. */
function changeMode(folder: SafeFolder, name: ByteString, mode: number): void {
  if (name === '') return chmodSync(toBytes(folder.entry(name)), mode);
  using held = holdEntry(folder, name);
  if (fstatSync(held.descriptor).isSymbolicLink()) return;
  chmodSync(toBytes(held.entry(EMPTY)), mode);
}

/** Without what an entry has already: to look costs less than to set it again. The time is set in any case, as the rest may touch it. */
function missingOf(folder: SafeFolder, name: ByteString, metadata: EntryMetadata): EntryMetadata {
  const { mode, uid, gid } = lstatSync(toBytes(reachedBy(folder, name)));
  const isOwned = (metadata.uid ?? uid) === uid && (metadata.gid ?? gid) === gid;
  return {
    // Another owner clears setuid, and with it a mode that is equal now.
    ...(isOwned && metadata.mode === (mode & 0o7777) ? {} : { mode: metadata.mode }),
    ...(isOwned ? {} : { uid: metadata.uid, gid: metadata.gid }),
    mtimeNs: metadata.mtimeNs,
  };
}

/** Of the file that will be replaced; undefined when there is none. */
function modeOf(folder: SafeFolder, name: ByteString): number | undefined {
  const stats = lstatSync(toBytes(folder.entry(name)), { throwIfNoEntry: false });
  return stats?.isFile() ? stats.mode & 0o7777 : undefined;
}

/** Makes the names in a folder durable. */
async function syncFolder(folder: SafeFolder): Promise<void> {
  const handle = await open(toBytes(folder.entry(EMPTY)), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function removeQuietly(path: ByteString): void {
  try {
    unlinkSync(toBytes(path));
  } catch {
    // It was never made, or is gone.
  }
}
