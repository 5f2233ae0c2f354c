/** A tree on a file system that does not tell all names apart, seen with the names of the tree that is copied into it. */
import type { ByteString } from '../common/byte-string.ts';
import { NotFoundError } from '../common/errors.ts';
import { baseName, displayPath, joinPath, parentPath } from './byte-path.ts';
import type { FileEntry, FileTree, KeptMetadata, WalkOptions } from './file-tree.ts';
import { foldName, type NameFold } from './name-folds.ts';
import { passTree } from './pass-tree.ts';
import { listSorted, sortForWalk, walkByListing } from './walk-by-listing.ts';

/** Folders whose names are remembered: those on the way down, of two walks. */
const REMEMBERED_FOLDERS = 256;

interface FolderNames {
  /** The source's name that has the place, by what the target makes of it. */
  winners: Map<string, ByteString>;
  /** The source's names without a place, each with the one that has it. */
  losers: Map<ByteString, ByteString>;
}

export interface FoldedTree extends FileTree {
  /** Entries of the source's walk, handed on once it is known which of their folder's names come to one: then `refuses` knows, too. */
  announce(entries: AsyncIterable<FileEntry>): AsyncGenerator<FileEntry>;
}

/**
 * What the target spells differently appears under the source's spelling, in its order. Of names of the source that come
 * to one in the target the one whose copy stands there keeps the place, by size and time, else by its spelling; where none
 * does, the first in byte order has it. The others are refused.
 * Closing it closes the target's tree only.
 */
export function openFoldedTree(target: FileTree, source: FoldedSource, folds: readonly NameFold[]): FoldedTree {
  const names = new FoldedNames(target, source, folds);
  return {
    ...passTree(target),
    announce: (entries) => names.announce(entries),
    walk: (options) => names.walk(options),
    list: (folder, options) => names.list(folder, options),
    refuses: (entry) => names.refuses(entry),
  };
}

export interface FoldedSource {
  tree: FileTree;
  /** Which of its entries matter, by their paths; what is left out takes nobody's place. */
  include: (entry: FileEntry) => boolean;
}

class FoldedNames {
  readonly #inner: FileTree;
  readonly #source: FoldedSource;
  readonly #folds: readonly NameFold[];
  #folders = new Map<ByteString, FolderNames>();

  constructor(inner: FileTree, source: FoldedSource, folds: readonly NameFold[]) {
    this.#inner = inner;
    this.#source = source;
    this.#folds = folds;
  }

  async *announce(entries: AsyncIterable<FileEntry>): AsyncGenerator<FileEntry> {
    // The source may have changed since an earlier walk.
    this.#folders = new Map();
    for await (const entry of entries) {
      await this.#namesIn(parentPath(entry.path));
      yield entry;
    }
  }

  walk(options: WalkOptions = {}): AsyncGenerator<FileEntry> {
    return walkByListing((folder, given) => this.#listSorted(folder, given), options);
  }

  async *list(folder: ByteString, options: WalkOptions = {}): AsyncGenerator<FileEntry> {
    yield* listSorted(await this.#listSorted(folder, options), options);
  }

  async #listSorted(folder: ByteString, options: WalkOptions): Promise<FileEntry[]> {
    // The names that are asked for are the source's.
    const listed = { ...options, include: () => true };
    const { winners } = await this.#namesIn(folder);
    const entries: FileEntry[] = [];
    for await (const entry of this.#inner.list(folder, listed)) entries.push(entry);
    // Where both are there the target tells them apart after all.
    const there = new Set(entries.map(({ path }) => baseName(path)));
    const found = new Map<ByteString, FileEntry>();
    for (const entry of entries) {
      const stored = baseName(entry.path);
      const winner = winners.get(foldName(stored, this.#folds)) ?? stored;
      const path = await this.#wantedPath(folder, stored, there.has(winner) ? stored : winner);
      if (!found.has(path)) found.set(path, { ...entry, path });
    }
    return sortForWalk(found.values());
  }

  /** File systems differ in what they fold: the other spelling counts only where it leads to something. */
  async #wantedPath(folder: ByteString, stored: ByteString, wanted: ByteString): Promise<ByteString> {
    const path = joinPath(folder, wanted);
    if (wanted === stored || (await this.#inner.stat(path)) !== undefined) return path;
    return joinPath(folder, stored);
  }

  refuses(entry: FileEntry): string | undefined {
    const winner = this.#folders.get(parentPath(entry.path))?.losers.get(baseName(entry.path));
    if (winner === undefined) return this.#inner.refuses?.(entry);
    const difference = this.#folds.includes('case') ? 'case' : 'spellings of Unicode';
    return `the target does not tell ${difference} apart, and "${displayPath(winner)}" has its place`;
  }

  async #namesIn(folder: ByteString): Promise<FolderNames> {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const names: FolderNames = { winners: new Map(), losers: new Map() };
    const entries = await entriesOf(this.#source.tree, folder, this.#source.include);
    for (const [folded, members] of Map.groupBy(entries, ({ path }) => foldName(baseName(path), this.#folds))) {
      const winner = members.length === 1 ? members[0]! : await this.#winnerOf(folder, members);
      names.winners.set(folded, baseName(winner.path));
      for (const member of members)
        if (member !== winner) names.losers.set(baseName(member.path), baseName(winner.path));
    }
    if (this.#folders.size >= REMEMBERED_FOLDERS) this.#folders.delete(this.#folders.keys().next().value!);
    this.#folders.set(folder, names);
    return names;
  }

  async #winnerOf(folder: ByteString, members: readonly FileEntry[]): Promise<FileEntry> {
    const standing = await this.#inner.stat(members[0]!.path);
    if (standing === undefined) return members[0]!;
    const copied = members.find((member) => isCopied(member, standing, (entry) => this.#inner.keeps?.(entry) ?? entry));
    if (copied !== undefined || this.#folds.includes('spelling')) return copied ?? members[0]!;
    const stored = new Set((await entriesOf(this.#inner, folder)).map(({ path }) => path));
    return members.find(({ path }) => stored.has(path)) ?? members[0]!;
  }
}

function isCopied(source: FileEntry, target: FileEntry, kept: (entry: FileEntry) => KeptMetadata): boolean {
  if (source.type !== target.type || kept(source).mtimeNs !== kept(target).mtimeNs) return false;
  return source.type !== 'file' || source.sizeBytes === target.sizeBytes;
}

/** In byte order; none of a folder that is absent, not a folder, or not to be read: the walk tells that. */
async function entriesOf(
  tree: FileTree,
  folder: ByteString,
  include: (entry: FileEntry) => boolean = () => true,
): Promise<FileEntry[]> {
  const entries: FileEntry[] = [];
  try {
    for await (const entry of tree.list(folder, { include, onError: () => undefined })) entries.push(entry);
  } catch (error) {
    if (error instanceof NotFoundError || isDenied(error)) return entries;
    throw error;
  }
  return entries;
}

function isDenied(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'AccessDenied';
}
