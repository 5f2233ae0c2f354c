/** The parent snapshot's side of a backup: what was there the last time, folder by folder. */
import type { ByteString } from '../common/byte-string.ts';
import { loadNativeCtr } from './native-cipher.ts';
import { loadNativeDecompressor } from './native-zstd.ts';
import { ParentFolder } from './parent-folder.ts';
import type { Repository } from './repository.ts';
import { decodeTree } from './tree-node.ts';
import { TreeReader } from './tree-reader.ts';

export interface ParentTreesOptions {
  signal?: AbortSignal | undefined;
  /** Told of a tree that cannot be read. */
  onError?: (treeId: string, error: unknown) => void;
}

/** Reads the trees of the parent snapshot, many of them with one read of a pack. */
export class ParentTrees {
  readonly #options: ParentTreesOptions;
  readonly #reader: TreeReader;

  constructor(repository: Repository, options: ParentTreesOptions = {}) {
    this.#options = options;
    this.#reader = new TreeReader(repository, loadNativeDecompressor(), loadNativeCtr(repository.key.encrypt));
  }

  /**
   * The folder of a tree; undefined for no tree, and for one that cannot be read: its files are then read again. A
   * promise only where there is something to wait for.
   */
  load(treeId: string | undefined): ParentFolder | undefined | Promise<ParentFolder | undefined> {
    if (treeId === undefined) return undefined;
    try {
      const held = this.#reader.loadHeld(treeId);
      return held === undefined ? this.#read(treeId) : new ParentFolder(treeId, held);
    } catch (error) {
      return this.#refuse(treeId, error);
    }
  }

  /** Of a folder that proved malformed only on the way through it. */
  refuse(treeId: string, error: unknown): void {
    this.#refuse(treeId, error);
  }

  async #read(treeId: string): Promise<ParentFolder | undefined> {
    try {
      return new ParentFolder(treeId, await this.#reader.load(treeId, this.#options.signal));
    } catch (error) {
      return this.#refuse(treeId, error);
    }
  }

  #refuse(treeId: string, error: unknown): undefined {
    const { signal, onError } = this.#options;
    if (signal?.aborted) throw error;
    onError?.(treeId, error);
    return undefined;
  }
}

/** How many entries the snapshot's folder at the absolute path has; undefined when it has no such folder, or none that can be read. */
export async function countParentEntries(
  repository: Repository,
  rootTreeId: string,
  path: ByteString,
  signal?: AbortSignal,
): Promise<number | undefined> {
  try {
    let nodes = decodeTree(await repository.loadBlob('tree', rootTreeId, signal ? { signal } : {}));
    for (const name of path.split('/').filter((part) => part !== '')) {
      const subtree = nodes.find((node) => node.name === name)?.subtree;
      if (subtree === undefined) return undefined;
      nodes = decodeTree(await repository.loadBlob('tree', subtree, signal ? { signal } : {}));
    }
    return nodes.length;
  } catch (error) {
    if (signal?.aborted) throw error;
    return undefined;
  }
}
