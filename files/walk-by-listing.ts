/** The walk of a tree whose own order is another one than that of its entries' names: folder by folder, each sorted by itself. */
import type { ByteString } from '../common/byte-string.ts';
import { NotFoundError, throwIfAborted } from '../common/errors.ts';
import type { FileEntry, WalkOptions } from './file-tree.ts';

const EMPTY = '' as ByteString;

/** All entries of one folder, the last one in byte order first; NotFoundError when it is absent. */
export type ListFolder = (folder: ByteString, options: WalkOptions) => Promise<FileEntry[]>;

/** As `FileTree.walk`. Memory is bounded by the entries of the folders on the way down; a folder that vanished meanwhile is empty. */
export async function* walkByListing(list: ListFolder, options: WalkOptions = {}): AsyncGenerator<FileEntry> {
  const stack = [await list(EMPTY, options)];
  for (let listing = stack.at(-1); listing !== undefined; listing = stack.at(-1)) {
    throwIfAborted(options.signal);
    const next = listing.pop();
    if (next === undefined) {
      stack.pop();
      continue;
    }
    if (options.include?.(next) === false) continue;
    yield next;
    if (next.type === 'dir') stack.push(await listBelow(list, next.path, options));
  }
}

async function listBelow(list: ListFolder, folder: ByteString, options: WalkOptions): Promise<FileEntry[]> {
  try {
    return await list(folder, options);
  } catch (error) {
    throwIfAborted(options.signal);
    if (error instanceof NotFoundError) return [];
    if (options.onError === undefined) throw error;
    options.onError(folder, error);
    return [];
  }
}

export function sortForWalk(entries: Iterable<FileEntry>): FileEntry[] {
  return [...entries].sort((a, b) => (a.path < b.path ? 1 : -1));
}
