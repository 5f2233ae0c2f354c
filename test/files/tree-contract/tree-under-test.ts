/** What a suite for trees is given, and how its tests fill, read and walk one. */
import { expect } from 'vitest';
import type { ByteString } from '../../../common/byte-string.ts';
import { HoldfastError } from '../../../common/errors.ts';
import { fromText, toBytes } from '../../../files/byte-path.ts';
import type { EntryMetadata, FileEntry, FileTree, WalkOptions } from '../../../files/file-tree.ts';

/** What a kind of tree can do. What it cannot is asked of it all the same: it must say so (`refuses`, `keeps`, `Usage`). */
export interface TreeAbilities {
  /** Links are kept as links. */
  links: boolean;
  /** Names may be any bytes; without it they must be UTF-8. */
  anyBytes: boolean;
  /** Names may have control characters. */
  controlCharacters: boolean;
  /** Names may have the signs that Windows has other uses for. */
  oddNames: boolean;
  /** Names that differ in case alone are two; without it they are refused where one is, or one of them stands for both. */
  tellsCase: boolean;
  /** How long the name of a file may be, in bytes. */
  nameBytes: number;
  /** Modes are kept. */
  modes: boolean;
  /** The times that are kept are whole multiples of this, in nanoseconds. */
  timeNs: bigint;
  /** Links have times of their own. */
  linkTimes: boolean;
  /** What replaces a file is there at once: for no moment is the name missing, and many may write it at once. */
  replacesAtOnce: boolean;
  /**
   * Folders are entries of their own: an empty one is there, and nothing is written where none was made. Without it a
   * folder is there as long as something lies in it, and needs not be made.
   */
  folders: boolean;
  /** The folders above its root are made with it, and stay without it. */
  foldersAbove: boolean;
  /** A folder is renamed with all that it holds. */
  renamesFolders: boolean;
  /** A file and a folder cannot have the same name: whichever comes second is refused. */
  oneKindPerName: boolean;
}

/** Of a file system: everything. */
export const ALL_ABILITIES: TreeAbilities = {
  links: true,
  anyBytes: true,
  controlCharacters: true,
  oddNames: true,
  tellsCase: true,
  nameBytes: 255,
  modes: true,
  timeNs: 1n,
  linkTimes: true,
  replacesAtOnce: true,
  folders: true,
  foldersAbove: true,
  renamesFolders: true,
  oneKindPerName: true,
};

export interface TreeUnderTest {
  /** Empty; its root is there. */
  tree: FileTree;
  /** Another one on the same files, which has looked at nothing yet. The opener closes all. */
  reopen(): Promise<FileTree>;
  /** One whose root is not there, nor the folder above; and the tree of what is above that, where it is `missing/root`. */
  openMissing(): Promise<{ missing: FileTree; above: FileTree }>;
  /** The names of all that lies where the tree is kept, unfinished files and uploads as well. */
  stored(): Promise<string[]>;
  /** How many of its files are open somewhere, where that can be told. */
  openFiles?(): Promise<number>;
}

/** Opens an empty tree, calls the body, and cleans up. */
export type WithTree = (body: (under: TreeUnderTest) => Promise<void>) => Promise<void>;

export const ROOT = '' as ByteString;
export const bytes = (text: string): ByteString => fromText(text);

export async function* pieces(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part;
}

/** A file; the folder that it lies in is there. */
export async function put(
  tree: FileTree,
  path: ByteString | string,
  content: string | Uint8Array = toBytes(path as ByteString),
  metadata: EntryMetadata = {},
): Promise<void> {
  await tree.replace(path as ByteString, pieces(content), metadata);
}

/** Files with their folders; each holds its own path. */
export async function fill(tree: FileTree, paths: readonly (ByteString | string)[]): Promise<void> {
  const made = new Set<string>();
  for (const path of paths) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/');
      if (!made.has(folder)) await tree.makeFolder(folder as ByteString, {});
      made.add(folder);
    }
    await put(tree, path);
  }
}

export async function read(tree: FileTree, path: ByteString | string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const stream = (await tree.openRead(path as ByteString)) as AsyncIterable<Uint8Array>;
  for await (const piece of stream) parts.push(piece);
  return Buffer.concat(parts);
}

export async function readText(tree: FileTree, path: ByteString | string): Promise<string> {
  return (await read(tree, path)).toString();
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

export async function walk(tree: FileTree, options?: WalkOptions): Promise<string[]> {
  return (await collect(tree.walk(options))).map(({ path }) => path);
}

export async function list(tree: FileTree, folder: string, options?: WalkOptions): Promise<string[]> {
  return (await collect(tree.list(folder as ByteString, options))).map(({ path }) => path);
}

/** An entry that would be in another tree. */
export function entryOf(path: ByteString | string, changes: Partial<FileEntry> = {}): FileEntry {
  return {
    path: path as ByteString,
    type: 'file',
    mode: 0o644,
    sizeBytes: 1,
    mtimeNs: 0n,
    ctimeNs: 0n,
    uid: 0,
    gid: 0,
    inode: 0n,
    device: 0n,
    links: 1,
    ...changes,
  };
}

/** Each fails with this code, and not as what may pass: that would be tried again for nothing. */
export async function expectRefusals(calls: Record<string, () => unknown>, code: string): Promise<void> {
  for (const [name, call] of Object.entries(calls)) expect([name, await outcomeOf(call)]).toEqual([name, code]);
}

export async function expectRefusal(call: () => unknown, code: string): Promise<void> {
  expect(await outcomeOf(call)).toBe(code);
}

async function outcomeOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return 'no error';
  } catch (error) {
    if (!(error instanceof HoldfastError)) return error;
    return error.retryable ? `${error.code}, to be tried again` : error.code;
  }
}

/** Whole multiples of what the tree keeps of times. */
export function keptTime({ timeNs }: TreeAbilities, mtimeNs: bigint): bigint {
  return mtimeNs - (mtimeNs % timeNs);
}
