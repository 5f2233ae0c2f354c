/** Wildcards in lists of files to back up (`--files-from`), with the meaning of Go's `filepath.Glob`, as restic expands them. */
import { lstatSync, readdirSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';
import { joinPath, toBytes } from './byte-path.ts';
import { fromEscapedText, toEscapedText } from './escaped-text.ts';
import { compilePart } from './pattern-part.ts';

/**
 * The existing paths that fit, in byte order folder by folder; names that begin with a dot are no exception, `**` is as
 * `*`. What cannot be read is as if it were not there. Throws Usage for a malformed pattern.
 *
 * @param pattern Relative ones begin in the folder `directory`, in which nothing is special.
 */
export function expandGlob(pattern: string, directory: string): string[] {
  const components = (fromEscapedText(pattern) as string).split('/').filter((part) => part !== '') as ByteString[];
  let found = [pattern.startsWith('/') ? ('/' as ByteString) : fromEscapedText(directory)];
  for (const component of components) {
    found = /[\\*?[]/.test(component)
      ? found.flatMap((folder) => matchingEntries(folder, component, pattern))
      : found.map((folder) => joinPath(folder, component));
  }
  return found.filter((path) => exists(path)).map((path) => toEscapedText(path));
}

function matchingEntries(folder: ByteString, component: ByteString, pattern: string): ByteString[] {
  const matches = compilePart(component);
  if (matches === undefined)
    throw new HoldfastError('Usage', `not a valid pattern in a list of files: "${pattern}"`, {
      hint: 'close every bracket, or give the list with --files-from-verbatim',
    });
  return listNames(folder)
    .filter((name) => matches(name))
    .toSorted()
    .map((name) => joinPath(folder, name));
}

function listNames(folder: ByteString): ByteString[] {
  try {
    return readdirSync(toBytes(folder), 'latin1') as ByteString[];
  } catch {
    return [];
  }
}

function exists(path: ByteString): boolean {
  try {
    return lstatSync(toBytes(path), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
