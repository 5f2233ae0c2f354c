/** The walk of a local tree: pre-order, in byte order, without following links, and without holding the event loop. */
import { lstatSync, readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { ByteString } from '../common/byte-string.ts';
import { throwIfAborted } from '../common/errors.ts';
import { displayPath, joinPath, toBytes } from './byte-path.ts';
import { errorCode, translateFileError } from './file-errors.ts';
import { toFileEntry } from './file-entry.ts';
import type { FileEntry, WalkOptions } from './file-tree.ts';
import { openChildFolder, openFolderBelow, openRootFolder, type SafeFolder } from './safe-folder.ts';
import { walkedNames } from './temporary-shape.ts';

/** System calls are made at once, many in a row, because that is ten times as fast; then others get their turn. */
const SLICE_MS = 5;

/** A folder of more bytes has so many names that they are read off the main thread. */
const BIG_FOLDER_BYTES = 256 * 1024;

interface OpenFolder {
  path: ByteString;
  folder: SafeFolder;
  names: ByteString[];
  next: number;
}

/** @param root Absolute. Throws NotFoundError when it is absent; memory is bounded by the names on the way down. */
export async function* walkLocalTree(root: ByteString, options: WalkOptions = {}): AsyncGenerator<FileEntry> {
  const stack: OpenFolder[] = [];
  const slice = startSlices();
  try {
    stack.push(await openTop(root));
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      throwIfAborted(options.signal);
      const name = top.names[top.next++];
      if (name === undefined) {
        top.folder[Symbol.dispose]();
        stack.pop();
        continue;
      }
      const entry = readEntry(top, name, options);
      if (entry === undefined || options.include?.(entry) === false) continue;
      yield entry;
      if (entry.type === 'dir') {
        const below = await openBelow(top.folder, name, entry, options);
        if (below !== undefined) stack.push(below);
      }
      await slice();
    }
  } finally {
    for (const { folder } of stack) folder[Symbol.dispose]();
  }
}

/** The entries of one folder; as `walkLocalTree` else. */
export async function* listLocalFolder(
  root: ByteString,
  path: ByteString,
  options: WalkOptions = {},
): AsyncGenerator<FileEntry> {
  const slice = startSlices();
  throwIfAborted(options.signal);
  using top = await openListed(root, path);
  for (const name of top.names) {
    throwIfAborted(options.signal);
    const entry = readEntry(top, name, options);
    if (entry !== undefined && options.include?.(entry) !== false) yield entry;
    await slice();
  }
}

async function openListed(root: ByteString, path: ByteString): Promise<OpenFolder & Disposable> {
  let folder: SafeFolder | undefined;
  try {
    const held = openFolderBelow(root, path);
    folder = held;
    return {
      path,
      folder,
      names: await readNames(folder, Infinity),
      next: 0,
      [Symbol.dispose]: () => held[Symbol.dispose](),
    };
  } catch (error) {
    folder?.[Symbol.dispose]();
    throw translateFileError(error, 'read', displayPath(joinPath(root, path)));
  }
}

/** Whether a tree has more entries than this; of names alone, so that a hundredth of a second is enough for some thousand. false where it cannot be read. */
export function hasMoreEntries(root: ByteString, limit: number): boolean {
  const folders = [root];
  let count = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    try {
      for (const entry of readdirSync(toBytes(folder), { encoding: 'latin1', withFileTypes: true })) {
        if (++count > limit) return true;
        if (entry.isDirectory()) folders.push(joinPath(folder, entry.name as ByteString));
      }
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
    }
  }
  return false;
}

function startSlices(): () => Promise<void> | undefined {
  let startedAt = performance.now();
  return () => {
    if (performance.now() - startedAt < SLICE_MS) return undefined;
    return setImmediate().then(() => {
      startedAt = performance.now();
    });
  };
}

async function openTop(root: ByteString): Promise<OpenFolder> {
  let folder: SafeFolder | undefined;
  try {
    folder = openRootFolder(root);
    return { path: '' as ByteString, folder, names: await readNames(folder, Infinity), next: 0 };
  } catch (error) {
    folder?.[Symbol.dispose]();
    throw translateFileError(error, 'read', toBytes(root).toString('utf8'));
  }
}

function readEntry(top: OpenFolder, name: ByteString, options: WalkOptions): FileEntry | undefined {
  const path = joinPath(top.path, name);
  try {
    const systemPath = top.folder.entry(name);
    return toFileEntry(path, lstatSync(toBytes(systemPath), { bigint: true }), systemPath);
  } catch (error) {
    refuse(path, error, options);
    return undefined;
  }
}

async function openBelow(
  parent: SafeFolder,
  name: ByteString,
  entry: FileEntry,
  options: WalkOptions,
): Promise<OpenFolder | undefined> {
  let folder: SafeFolder | undefined;
  try {
    folder = openChildFolder(parent, name);
    return { path: entry.path, folder, names: await readNames(folder, entry.sizeBytes), next: 0 };
  } catch (error) {
    folder?.[Symbol.dispose]();
    refuse(entry.path, error, options);
    return undefined;
  }
}

async function readNames(folder: SafeFolder, folderBytes: number): Promise<ByteString[]> {
  const path = toBytes(folder.entry('' as ByteString));
  const names = folderBytes > BIG_FOLDER_BYTES ? await readdir(path, 'latin1') : readdirSync(path, 'latin1');
  return walkedNames(names as ByteString[]);
}

/** What vanished between the listing and the look is not there, and no error. */
function refuse(path: ByteString, error: unknown, options: WalkOptions): void {
  if (errorCode(error) === 'ENOENT') return;
  const translated = translateFileError(error, 'read', path);
  if (options.onError === undefined) throw translated;
  options.onError(path, translated);
}
