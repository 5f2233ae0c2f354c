/** The walk of a tree whose own order is another one than that of its entries' names: folder by folder, each sorted by itself. */
import type { ByteString } from '../common/byte-string.ts';
import { NotFoundError, throwIfAborted } from '../common/errors.ts';
import type { FileEntry, WalkOptions } from './file-tree.ts';

/** Where each call waits for a network: so many folders beside each one on the way down are listed before their turn. */
export const FOLDERS_AHEAD = 16;

/** Entries that wait for their turn, beyond which no more than one folder is listed ahead at each level. */
const MAX_WAITING = 20_000;

const EMPTY = '' as ByteString;

/** All entries of one folder, the last one in byte order first; NotFoundError when it is absent. */
export type ListFolder = (folder: ByteString, options: WalkOptions) => Promise<FileEntry[]>;

/** A folder on the way down. */
interface Level {
  /** The last one is next. */
  entries: FileEntry[];
  /** Below this index folders may be listed ahead. */
  nextAhead: number;
  listing: Map<ByteString, Promise<FileEntry[]>>;
}

/**
 * As `FileTree.walk`. Memory is bounded by the entries of the folders on the way down, and by those listed ahead; a folder
 * that vanished meanwhile is empty, and told as what could not be read. With `ahead`, `include` is asked for all entries of a folder before the first of them
 * is yielded, so that nothing which is left out is listed.
 */
export async function* walkByListing(
  list: ListFolder,
  options: WalkOptions = {},
  ahead = 0,
): AsyncGenerator<FileEntry> {
  const include = (entry: FileEntry): boolean => options.include?.(entry) !== false;
  const reader = new ListingAhead((folder) => list(folder, options), ahead);
  // In the order of the walk.
  const openLevel = (entries: FileEntry[]): Level =>
    reader.open(ahead === 0 ? entries : entries.reverse().filter(include).reverse());
  const stack = [openLevel(await list(EMPTY, options))];
  for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
    throwIfAborted(options.signal);
    const next = level.entries.pop();
    if (next === undefined) {
      stack.pop();
      continue;
    }
    if (ahead === 0 && !include(next)) continue;
    yield next;
    if (next.type === 'dir') stack.push(openLevel(await listBelow(reader, level, next.path, options)));
  }
}

async function listBelow(
  reader: ListingAhead,
  level: Level,
  folder: ByteString,
  options: WalkOptions,
): Promise<FileEntry[]> {
  try {
    return await reader.take(level, folder);
  } catch (error) {
    throwIfAborted(options.signal);
    // What a server cannot find for once may be there: whoever removes what is gone elsewhere has to know that it was not seen.
    if (options.onError !== undefined) options.onError(folder, error);
    else if (!(error instanceof NotFoundError)) throw error;
    return [];
  }
}

class ListingAhead {
  readonly #list: (folder: ByteString) => Promise<FileEntry[]>;
  readonly #ahead: number;
  /** Entries that were listed and whose turn has not come. */
  #waiting = 0;

  constructor(list: (folder: ByteString) => Promise<FileEntry[]>, ahead: number) {
    this.#list = list;
    this.#ahead = ahead;
  }

  open(entries: FileEntry[]): Level {
    const level: Level = { entries, nextAhead: entries.length, listing: new Map() };
    this.#listOn(level);
    return level;
  }

  async take(level: Level, folder: ByteString): Promise<FileEntry[]> {
    const listing = level.listing.get(folder);
    if (listing === undefined) return this.#list(folder);
    level.listing.delete(folder);
    const entries = await listing;
    this.#waiting -= entries.length;
    this.#listOn(level);
    return entries;
  }

  #listOn(level: Level): void {
    level.nextAhead = Math.min(level.nextAhead, level.entries.length);
    while (level.nextAhead > 0) {
      const limit = this.#waiting > MAX_WAITING ? Math.min(1, this.#ahead) : this.#ahead;
      if (level.listing.size >= limit) return;
      const { type, path } = level.entries[--level.nextAhead]!;
      if (type === 'dir') level.listing.set(path, this.#listAhead(path));
    }
  }

  #listAhead(folder: ByteString): Promise<FileEntry[]> {
    const listing = this.#list(folder).then((entries) => {
      this.#waiting += entries.length;
      return entries;
    });
    // Told when its turn comes.
    listing.catch(() => {});
    return listing;
  }
}

export function sortForWalk(entries: Iterable<FileEntry>): FileEntry[] {
  return [...entries].sort((a, b) => (a.path < b.path ? 1 : -1));
}

/** As `FileTree.list`, of what `ListFolder` gave. */
export function* listSorted(entries: FileEntry[], { include }: WalkOptions): Generator<FileEntry> {
  for (const entry of entries.reverse()) if (include?.(entry) !== false) yield entry;
}
