/** A folder whose tree is not finished: its entries so far, and how many of them are still being read or finished. */
import type { TreeNode } from './tree-node.ts';

export class OpenFolder {
  /** The node that gets this folder's tree id; undefined of the root. */
  readonly node: TreeNode | undefined;
  readonly parent: OpenFolder | undefined;
  /** What the parent snapshot has in this place. */
  readonly previous: TreeNode | undefined;
  /** In byte order of the names; undefined stands for an entry that could not be read. */
  readonly entries: (TreeNode | undefined)[] = [];
  /** Entries that are not finished, and the walk itself until it has seen all entries. */
  #pending = 1;

  constructor(node: TreeNode | undefined, parent: OpenFolder | undefined, previous: TreeNode | undefined) {
    this.node = node;
    this.parent = parent;
    this.previous = previous;
  }

  /** Adds an entry that is finished. */
  add(node: TreeNode): void {
    this.entries.push(node);
  }

  /** Adds an entry that `settle` is called for later; returns its place. */
  addPending(node: TreeNode): number {
    this.#pending++;
    return this.entries.push(node) - 1;
  }

  /** One entry, or the walk, is finished; true when that was the last. */
  settle(): boolean {
    return --this.#pending === 0;
  }

  get nodes(): TreeNode[] {
    return this.entries.filter((node) => node !== undefined);
  }
}
