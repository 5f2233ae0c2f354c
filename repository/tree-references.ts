/** What a tree points to: the blobs of its files and its subfolders, and whether its form is sound. */

import { scanTree } from './tree-scan.ts';

export interface TreeReferences {
  /** 32 bytes an id, one after the other. */
  dataIds: Uint8Array;
  treeIds: Uint8Array;
  /** What is wrong, a sentence without the tree's name each. */
  problems: string[];
}

/** Of many trees, in the order of their blobs, so that they cross to another thread in few pieces. */
export interface PackedReferences {
  /** 32 bytes an id: of each tree those of data, then those of trees. */
  ids: Uint8Array;
  /** Of each tree two numbers: how many ids of data, of trees. -1 twice: the tree could not be read. */
  counts: Int32Array;
  /** By number of the tree; most have none. */
  problems: Map<number, string[]>;
}

/** undefined: a tree that could not be read. */
export function packReferences(trees: readonly (TreeReferences | undefined)[]): PackedReferences {
  const counts = new Int32Array(2 * trees.length).fill(-1);
  const problems = new Map<number, string[]>();
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for (const [number, tree] of trees.entries()) {
    if (tree === undefined) continue;
    counts[2 * number] = tree.dataIds.length / ID_BYTES;
    counts[2 * number + 1] = tree.treeIds.length / ID_BYTES;
    pieces.push(tree.dataIds, tree.treeIds);
    sizeBytes += tree.dataIds.length + tree.treeIds.length;
    if (tree.problems.length > 0) problems.set(number, tree.problems);
  }
  const ids = new Uint8Array(sizeBytes);
  let filled = 0;
  for (const piece of pieces) {
    ids.set(piece, filled);
    filled += piece.length;
  }
  return { ids, counts, problems };
}

/** One after the other; undefined where a tree could not be read. */
export function* unpackReferences({ ids, counts, problems }: PackedReferences): Iterable<TreeReferences | undefined> {
  let position = 0;
  const take = (count: number): Uint8Array => ids.subarray(position, (position += count * ID_BYTES));
  for (let number = 0; 2 * number < counts.length; number++) {
    const dataCount = counts[2 * number]!;
    if (dataCount < 0) yield undefined;
    else {
      yield { dataIds: take(dataCount), treeIds: take(counts[2 * number + 1]!), problems: problems.get(number) ?? [] };
    }
  }
}

interface RawNode {
  name?: unknown;
  type?: unknown;
  content?: unknown;
  subtree?: unknown;
}

const ID_BYTES = 32;
const TYPES = new Set(['file', 'dir', 'symlink', 'dev', 'chardev', 'fifo', 'socket', 'irregular']);
const ID = /^[0-9a-f]{64}$/;

/** Never throws: what cannot be read is a problem. */
export function readTreeReferences(plain: Buffer): TreeReferences {
  return scanReferences(plain) ?? parseReferences(plain);
}

/** Of a sound tree in the usual form, several times as fast; undefined for all others. */
export function scanReferences(plain: Buffer): TreeReferences | undefined {
  const contents: string[] = [];
  const subtrees: string[] = [];
  let dataCount = 0;
  const isSound = scanTree(plain.toString('latin1'), ({ name, type, content, subtree }) => {
    if (!isSafeName(name.includes('\\') ? (JSON.parse(`"${name}"`) as string) : name) || !TYPES.has(type)) return false;
    if (type === 'dir') {
      if (subtree === undefined) return false;
      subtrees.push(subtree);
    } else if (type === 'file') {
      if (content === undefined || !isIdList(content)) return false;
      if (content === '') return true;
      contents.push(content);
      dataCount += (content.length + 1) / LISTED_ID_LENGTH;
    }
    return true;
  });
  if (!isSound) return undefined;
  const dataIds = Buffer.allocUnsafe(dataCount * ID_BYTES);
  let filled = 0;
  for (const content of contents) {
    for (let at = 1; at < content.length; at += LISTED_ID_LENGTH) {
      filled += dataIds.write(content.slice(at, at + 2 * ID_BYTES), filled, 'hex');
    }
  }
  return { dataIds, treeIds: packIds(subtrees), problems: [] };
}

/** Quotes and comma included; behind the last there is none. */
const LISTED_ID_LENGTH = 2 * ID_BYTES + 3;
const NOT_OF_A_LIST = /[^0-9a-f",]/;

/** `"…","…"`, or nothing. */
function isIdList(content: string): boolean {
  if (content === '') return true;
  if ((content.length + 1) % LISTED_ID_LENGTH !== 0 || NOT_OF_A_LIST.test(content)) return false;
  for (let at = 0; at < content.length; at += LISTED_ID_LENGTH) {
    const end = at + LISTED_ID_LENGTH - 1;
    if (content[at] !== '"' || content[end - 1] !== '"' || (end < content.length && content[end] !== ',')) return false;
    const id = content.slice(at + 1, end - 1);
    if (id.includes('"') || id.includes(',')) return false;
  }
  return true;
}

/** By JSON's own rules, which find out what is wrong. */
export function parseReferences(plain: Buffer): TreeReferences {
  const dataIds: string[] = [];
  const treeIds: string[] = [];
  const problems: string[] = [];
  for (const node of parseNodes(plain, problems)) {
    const name = typeof node?.name === 'string' ? node.name : '';
    const problem = readNode(node, dataIds, treeIds);
    if (problem !== undefined) problems.push(`entry "${name}" ${problem}`);
  }
  return { dataIds: packIds(dataIds), treeIds: packIds(treeIds), problems };
}

function parseNodes(plain: Buffer, problems: string[]): RawNode[] {
  try {
    const { nodes } = JSON.parse(plain.toString()) as { nodes?: RawNode[] | null };
    if (nodes === null || Array.isArray(nodes)) return nodes ?? [];
    problems.push('it has no list of entries');
  } catch {
    problems.push('it is not JSON');
  }
  return [];
}

/** Collects a node's ids; returns what is wrong with it. */
function readNode(node: RawNode | null, dataIds: string[], treeIds: string[]): string | undefined {
  if (typeof node !== 'object' || node === null) return 'is no object';
  const { name, type, content, subtree } = node;
  if (typeof name !== 'string' || !isSafeName(name)) return 'has no name that a folder entry can have';
  if (typeof type !== 'string' || !TYPES.has(type))
    return `has the unknown type ${typeof type === 'string' ? JSON.stringify(type) : typeof type}`;
  if (type === 'dir') {
    if (!isId(subtree)) return 'is a folder without a tree';
    treeIds.push(subtree);
  }
  if (type !== 'file') return undefined;
  if (!Array.isArray(content) || !content.every(isId)) return 'is a file without a list of blobs';
  for (const id of content) dataIds.push(id);
  return undefined;
}

/** Go's quoting adds backslashes, never slashes, so that the stored form tells as much as the name itself. */
function isSafeName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

function packIds(ids: readonly string[]): Uint8Array {
  const packed = Buffer.allocUnsafe(ids.length * ID_BYTES);
  for (const [position, id] of ids.entries()) packed.write(id, position * 32, 'hex');
  return packed;
}
