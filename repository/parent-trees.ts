/** The parent snapshot's side of a backup: what was there the last time, folder by folder. */
import type { ByteString } from '../common/byte-string.ts';
import type { Repository } from './repository.ts';
import { decodeTree, type TreeNode } from './tree-node.ts';

/** The entries of a folder as the parent snapshot has them. */
export type ParentFolder = ReadonlyMap<ByteString, TreeNode>;

export interface ParentTreesOptions {
  signal?: AbortSignal | undefined;
  /** Told of a tree that cannot be read. */
  onError?: (treeId: string, error: unknown) => void;
}

/** Reads the trees of the parent snapshot; those that will be wanted soon are read ahead. */
export class ParentTrees {
  readonly #repository: Repository;
  readonly #options: ParentTreesOptions;
  readonly #ahead = new Map<string, Promise<ParentFolder | undefined>>();

  constructor(repository: Repository, options: ParentTreesOptions = {}) {
    this.#repository = repository;
    this.#options = options;
  }

  /** The folder of a tree; undefined for no tree, and for one that cannot be read: its files are then read again. */
  load(treeId: string | undefined): Promise<ParentFolder | undefined> | undefined {
    if (treeId === undefined) return undefined;
    const folder = this.#ahead.get(treeId) ?? this.#read(treeId);
    this.#ahead.delete(treeId);
    return folder;
  }

  /** Begins to read the tree, which will be asked for soon. */
  readAhead(treeId: string): void {
    if (this.#ahead.has(treeId)) return;
    const folder = this.#read(treeId);
    // Who asks for it gets the failure; nobody asks for it after an interruption.
    folder.catch(() => undefined);
    this.#ahead.set(treeId, folder);
  }

  /** Gives up what was read ahead for nothing, because its place in the source is gone. */
  forget(treeId: string): void {
    this.#ahead.delete(treeId);
  }

  async #read(treeId: string): Promise<ParentFolder | undefined> {
    const { signal, onError } = this.#options;
    try {
      const content = await this.#repository.loadBlob('tree', treeId, signal ? { signal } : {});
      return new Map(decodeTree(content).map((node) => [node.name, node]));
    } catch (error) {
      if (signal?.aborted) throw error;
      onError?.(treeId, error);
      return undefined;
    }
  }
}

/** How many entries the snapshot's folder at the absolute path has; undefined when it has no such folder. */
export async function countParentEntries(
  repository: Repository,
  rootTreeId: string,
  path: ByteString,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const trees = new ParentTrees(repository, { signal });
  let folder = await trees.load(rootTreeId);
  for (const name of path.split('/').filter((part) => part !== '') as ByteString[]) {
    folder = await trees.load(folder?.get(name)?.subtree);
  }
  return folder?.size;
}
