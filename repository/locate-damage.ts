/** Which files damage touches: the paths and snapshots of the trees that need a blob. */
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';
import { displayPath, joinPath } from '../files/byte-path.ts';
import type { BlobIndex } from './blob-index.ts';
import { prepareKey } from './crypto.ts';
import type { BlobMarks } from './mark-blobs.ts';
import { packName } from './object-names.ts';
import { openBlob } from './pack.ts';
import type { Repository } from './repository.ts';
import { decodeTree, type TreeNode } from './tree-node.ts';

/** Enough to know where to look; more would only cost reading. */
const MAX_LOCATIONS = 1000;

/** Finds paths by reading the trees on the way up again, on the main thread: damage is rare. */
export class DamageLocator {
  readonly #repository: Repository;
  readonly #index: BlobIndex;
  readonly #marks: BlobMarks;
  readonly #snapshotOfRoot: ReadonlyMap<string, string>;
  #located = 0;

  /** `snapshotOfRoot`: ids of snapshots by the ids of their root trees. */
  constructor(repository: Repository, index: BlobIndex, marks: BlobMarks, snapshotOfRoot: ReadonlyMap<string, string>) {
    this.#repository = repository;
    this.#index = index;
    this.#marks = marks;
    this.#snapshotOfRoot = snapshotOfRoot;
  }

  /** `/srv/orders/a.csv of snapshot 12ab34cd` of each entry of the tree that has one of the blobs as content or subtree. */
  async entriesWith(tree: number, blobIds: ReadonlySet<string>): Promise<string[]> {
    if (tree < 0 || this.#located >= MAX_LOCATIONS) return [];
    this.#located++;
    const nodes = (await this.#readTree(tree)).filter(
      ({ subtree, content }) =>
        (subtree !== undefined && blobIds.has(subtree)) || (content?.some((id) => blobIds.has(id)) ?? false),
    );
    if (nodes.length === 0) return [];
    const { path, snapshot } = await this.#pathOf(tree);
    return nodes.map((node) => describePlace(joinPath(path, node.name), snapshot));
  }

  /** `/srv/orders of snapshot 12ab34cd` */
  async pathOfTree(tree: number): Promise<string | undefined> {
    if (tree < 0 || this.#located >= MAX_LOCATIONS) return undefined;
    this.#located++;
    const { path, snapshot } = await this.#pathOf(tree);
    return describePlace(path, snapshot);
  }

  async #pathOf(tree: number): Promise<{ path: ByteString; snapshot: string | undefined }> {
    const names: ByteString[] = [];
    let current = tree;
    for (let parent = this.#parentOf(current); parent >= 0; parent = this.#parentOf(current)) {
      const id = this.#index.entryAt(current).blob.id;
      const node = (await this.#readTree(parent)).find(({ subtree }) => subtree === id);
      names.push(node?.name ?? ('?' as ByteString));
      current = parent;
    }
    const snapshot = this.#snapshotOfRoot.get(this.#index.entryAt(current).blob.id);
    return { path: `/${names.toReversed().join('/')}` as ByteString, snapshot };
  }

  #parentOf(tree: number): number {
    return this.#marks.parents.get(tree) ?? -1;
  }

  async #readTree(tree: number): Promise<TreeNode[]> {
    const { blob, packNumber } = this.#index.entryAt(tree);
    const packId = this.#index.packIdAt(packNumber);
    try {
      const stored = await this.#repository.storage.read(packName(packId), blob);
      return decodeTree(openBlob(prepareKey(this.#repository.key), blob, stored, packId));
    } catch (error) {
      // It is damaged itself, which is told by a finding of its own.
      if (error instanceof HoldfastError) return [];
      throw error;
    }
  }
}

function describePlace(path: ByteString, snapshot: string | undefined): string {
  return snapshot === undefined ? displayPath(path) : `${displayPath(path)} of snapshot ${snapshot.slice(0, 8)}`;
}
