/** Reaching an entry without ever following a symbolic link below a tree's root: folders are held by descriptors, opened one by one. */
import { closeSync, constants, openSync } from 'node:fs';
import { type ByteString } from '../common/byte-string.ts';
import { joinPath, requireRelativePath, toBytes } from './byte-path.ts';

/** Linux's, which Node does not name: a descriptor that stands for the place only, without a right to read. */
const O_PATH = 0o10000000;

const FOLDER_FLAGS = constants.O_DIRECTORY | O_PATH;

/**
 * Held open, so that whoever swaps it for a link afterwards changes nothing: its content is reached through
 * `/proc/self/fd`. Every holder closes it.
 */
export interface SafeFolder extends BorrowedFolder, Disposable {}

/** Somebody else closes it. */
export interface BorrowedFolder {
  readonly descriptor: number;
  /** The path by which system calls reach an entry of this folder; of the folder itself when the name is empty. */
  entry(name: ByteString): ByteString;
}

/** The root of a tree: links in the path that a person gave are followed. Throws Node's error (`ENOENT`, `ENOTDIR`). */
export function openRootFolder(path: ByteString): SafeFolder {
  return holdFolder(openSync(toBytes(path), FOLDER_FLAGS));
}

/** A folder in a folder; `ENOTDIR` where the name is a link or a file. */
export function openChildFolder(parent: BorrowedFolder, name: ByteString): SafeFolder {
  return holdFolder(openSync(toBytes(parent.entry(name)), FOLDER_FLAGS | constants.O_NOFOLLOW));
}

/** The folder at a relative path (empty: the root itself). Throws Usage for `..` and the like. */
export function openFolderBelow(root: ByteString, path: ByteString): SafeFolder {
  let folder = openRootFolder(root);
  if (path === '') return folder;
  try {
    requireRelativePath(path);
    for (const name of path.split('/') as ByteString[]) {
      const child = openChildFolder(folder, name);
      folder[Symbol.dispose]();
      folder = child;
    }
    return folder;
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
}

/** The entry itself, whatever it is, by a path that cannot change under the caller. `ENOENT` when absent. */
export function holdEntry(folder: SafeFolder, name: ByteString): SafeFolder {
  return holdFolder(openSync(toBytes(folder.entry(name)), O_PATH | constants.O_NOFOLLOW));
}

/** By a descriptor that somebody else holds. */
export function borrowFolder(descriptor: number): BorrowedFolder {
  const self = `/proc/self/fd/${descriptor}` as ByteString;
  return { descriptor, entry: (name) => (name === '' ? self : joinPath(self, name)) };
}

function holdFolder(descriptor: number): SafeFolder {
  let open = true;
  return {
    ...borrowFolder(descriptor),
    [Symbol.dispose]() {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}
