/** The difference between two trees: what was added, removed and changed, and how many blobs that came to. */
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import { compareNodes, countEntry, type EntryCounts, type Modifier } from '../domain/compare-nodes.ts';
import { displayPath, isEntryName } from '../files/byte-path.ts';
import { parseGoTime } from './go-time.ts';
import { plainSize } from './plain-size.ts';
import type { BlobType, Repository } from './repository.ts';
import { encodeNode, decodeTree, type TreeNode } from './tree-node.ts';

export interface TreeChange {
  /** Absolute in the trees; of a folder with a slash at the end, as restic writes it. */
  path: ByteString;
  modifier: '+' | '-' | Exclude<Modifier, ''>;
}

export interface SideCounts extends EntryCounts {
  /** Blobs that only this side has, and their plain bytes. */
  dataBlobs: number;
  treeBlobs: number;
  bytes: number;
}

export interface DiffStatistics {
  changedFiles: number;
  added: SideCounts;
  removed: SideCounts;
}

export interface DiffOptions {
  /** Whether changes of metadata alone are told. */
  metadata: boolean;
  signal?: AbortSignal;
  /** Called in the order of a walk. */
  onChange: (change: TreeChange) => void;
  /** Told of a tree that cannot be read; what lies below it is not compared. */
  onDamage: (path: ByteString, error: Error) => void;
}

/**
 * As restic's `diff`: a folder that became a file, or the other way round, is one change of type, whatever lay in it. A
 * folder that is the same in both is not looked into, but for the blobs it shares with what changed. The index must be
 * loaded. Memory is bounded by the entries of the folders that differ.
 */
export async function diffTrees(
  repository: Repository,
  before: string,
  after: string,
  options: DiffOptions,
): Promise<DiffStatistics> {
  const diff = new TreeDiff(repository, options);
  diff.before.add(blobKey('tree', before));
  diff.after.add(blobKey('tree', after));
  await diff.compare('' as ByteString, before, after);
  return diff.finish();
}

class TreeDiff {
  /** Blobs of the folders that differ. */
  readonly before = new Set<string>();
  readonly after = new Set<string>();
  /** Trees that both sides have in one place. */
  readonly #common = new Map<string, ByteString>();
  readonly #statistics: DiffStatistics = { changedFiles: 0, added: noCounts(), removed: noCounts() };
  readonly #repository: Repository;
  readonly #options: DiffOptions;

  constructor(repository: Repository, options: DiffOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  async compare(folder: ByteString, before: string, after: string): Promise<void> {
    if (before === after) return void this.#common.set(before, folder);
    const left = await this.#readTree(folder, before);
    const right = await this.#readTree(folder, after);
    if (left === undefined || right === undefined) return;
    for (const name of [...new Set([...left.keys(), ...right.keys()])].toSorted()) {
      const [old, now] = [left.get(name), right.get(name)];
      if (old !== undefined) addBlobs(this.before, old);
      if (now !== undefined) addBlobs(this.after, now);
      const path = `${folder}/${name}` as ByteString;
      if (old !== undefined && now !== undefined) await this.#compareEntry(path, old, now);
      else if (old !== undefined) await this.#tellWhole(path, old, '-');
      else if (now !== undefined) await this.#tellWhole(path, now, '+');
    }
  }

  async #compareEntry(path: ByteString, before: TreeNode, after: TreeNode): Promise<void> {
    const modifier = compareNodes(before, after, this.#options.metadata ? metadataOf : undefined);
    if (modifier === 'M') this.#statistics.changedFiles++;
    if (modifier !== '') this.#options.onChange({ path: withSlash(path, after), modifier });
    if (before.type !== 'dir' || after.type !== 'dir') return;
    if (before.subtree !== undefined && after.subtree !== undefined)
      await this.compare(path, before.subtree, after.subtree);
    else this.#options.onDamage(path, new IntegrityError(`the folder ${displayPath(path)} has no tree`));
  }

  /** An entry that is on one side alone, with all that lies in it. */
  async #tellWhole(path: ByteString, node: TreeNode, modifier: '+' | '-'): Promise<void> {
    this.#options.onChange({ path: withSlash(path, node), modifier });
    const { added, removed } = this.#statistics;
    countEntry(modifier === '+' ? added : removed, node.type);
    if (node.type !== 'dir' || node.subtree === undefined) return;
    for (const [name, child] of (await this.#readTree(path, node.subtree)) ?? []) {
      addBlobs(modifier === '+' ? this.after : this.before, child);
      await this.#tellWhole(`${path}/${name}` as ByteString, child, modifier);
    }
  }

  async finish(): Promise<DiffStatistics> {
    const { added, removed } = this.#statistics;
    const both = this.before.intersection(this.after);
    const [gone, come] = [this.before.difference(both), this.after.difference(both)];
    // What came or went may lie elsewhere all the while.
    const visited = new Set<string>();
    for (const [tree, path] of this.#common) await this.#dropCommon(path, tree, [gone, come], visited);
    countBlobs(this.#repository, gone, removed);
    countBlobs(this.#repository, come, added);
    return this.#statistics;
  }

  async #dropCommon(path: ByteString, tree: string, sides: Set<string>[], visited: Set<string>): Promise<void> {
    if (visited.has(tree) || sides.every((side) => side.size === 0)) return;
    visited.add(tree);
    for (const side of sides) side.delete(blobKey('tree', tree));
    for (const [name, node] of (await this.#readTree(path, tree)) ?? []) {
      for (const id of node.content ?? []) for (const side of sides) side.delete(blobKey('data', id));
      if (node.type === 'dir' && node.subtree !== undefined)
        await this.#dropCommon(`${path}/${name}` as ByteString, node.subtree, sides, visited);
    }
  }

  async #readTree(path: ByteString, id: string): Promise<Map<ByteString, TreeNode> | undefined> {
    const { signal, onDamage } = this.#options;
    throwIfAborted(signal);
    try {
      const content = await this.#repository.loadBlob('tree', id, signal === undefined ? {} : { signal });
      const nodes = decodeTree(content);
      const odd = nodes.find(({ name }) => !isEntryName(name));
      if (odd !== undefined)
        throw new IntegrityError(`it holds an entry that no folder can have: "${displayPath(odd.name)}"`);
      return new Map(nodes.map((node) => [node.name, node]));
    } catch (error) {
      if (!(error instanceof IntegrityError || error instanceof NotFoundError)) throw error;
      onDamage(path, error);
      return undefined;
    }
  }
}

function noCounts(): SideCounts {
  return { files: 0, dirs: 0, others: 0, dataBlobs: 0, treeBlobs: 0, bytes: 0 };
}

function withSlash(path: ByteString, node: TreeNode): ByteString {
  return (node.type === 'dir' ? `${path}/` : path) as ByteString;
}

/** Everything but the content of a file; one time is the same in every zone. */
function metadataOf(node: TreeNode): string {
  const attributes = node.extended_attributes?.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return encodeNode({
    ...node,
    mtime: instantOf(node.mtime),
    atime: instantOf(node.atime),
    ctime: instantOf(node.ctime),
    content: null,
    ...(attributes !== undefined && { extended_attributes: attributes }),
  });
}

function instantOf(time: string): string {
  return String(parseGoTime(time) ?? time);
}

function blobKey(type: BlobType, id: string): string {
  return `${type === 'tree' ? 't' : 'd'}${id}`;
}

function addBlobs(side: Set<string>, node: TreeNode): void {
  if (node.type === 'file') for (const id of node.content ?? []) side.add(blobKey('data', id));
  else if (node.type === 'dir' && node.subtree !== undefined) side.add(blobKey('tree', node.subtree));
}

function countBlobs(repository: Repository, blobs: Set<string>, counts: SideCounts): void {
  for (const key of blobs) {
    const type = key.startsWith('t') ? 'tree' : 'data';
    if (type === 'tree') counts.treeBlobs++;
    else counts.dataBlobs++;
    const location = repository.findBlob(type, key.slice(1));
    // One that is missing has no size; `check` tells of it.
    if (location !== undefined) counts.bytes += plainSize(location);
  }
}
