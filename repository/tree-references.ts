/** What a tree points to: the blobs of its files and its subfolders, and whether its form is sound. */

export interface TreeReferences {
  /** 32 bytes an id, one after the other. */
  dataIds: Uint8Array;
  treeIds: Uint8Array;
  /** What is wrong, a sentence without the tree's name each. */
  problems: string[];
}

interface RawNode {
  name?: unknown;
  type?: unknown;
  content?: unknown;
  subtree?: unknown;
}

const TYPES = new Set(['file', 'dir', 'symlink', 'dev', 'chardev', 'fifo', 'socket', 'irregular']);
const ID = /^[0-9a-f]{64}$/;

/** Never throws: what cannot be read is a problem. */
export function readTreeReferences(plain: Buffer): TreeReferences {
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
  const packed = Buffer.allocUnsafeSlow(ids.length * 32);
  for (const [position, id] of ids.entries()) packed.write(id, position * 32, 'hex');
  return packed;
}
