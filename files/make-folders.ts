/** Folders with all their parents. */
import { mkdirSync, statSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { parentPath, toBytes } from './byte-path.ts';
import { errorCode } from './file-errors.ts';

/**
 * Makes a folder and what is missing above it; one that is there already, or behind a link, is left as it is. Throws the system's own error:
 * Node's recursive mkdir answers ENOENT for a disk that is mounted read-only, or for a link to nothing.
 */
export function makeFolders(path: ByteString): void {
  if (madeOrThere(path)) return;
  makeFolders(parentPath(path));
  if (!madeOrThere(path)) mkdirSync(toBytes(path));
}

/** False when a parent is missing. */
function madeOrThere(path: ByteString): boolean {
  try {
    mkdirSync(toBytes(path));
    return true;
  } catch (error) {
    if (statSync(toBytes(path), { throwIfNoEntry: false })?.isDirectory() === true) return true;
    if (errorCode(error) !== 'ENOENT' || !path.includes('/') || parentPath(path) === '') throw error;
    return false;
  }
}
