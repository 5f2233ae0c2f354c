/** Finishes trees bottom-up: encodes a folder when all its entries are known, and has the tree stored unless it is there already. */
import type { StoredFigures } from './archive-messages.ts';
import { sha256Hex } from './crypto.ts';
import type { OpenFolder } from './open-folder.ts';
import type { Repository } from './repository.ts';
import { encodeNode, encodeTree } from './tree-node.ts';
import type { WorkerPool } from './worker-pool.ts';

/** Trees go to the worker in batches of this size. */
const BATCH_BYTES = 1024 * 1024;
/** Encoded at once without asking whether others wait for the thread. */
const ENTRIES_AT_ONCE = 500;

export interface TreeSaverOptions {
  repository: Repository;
  pool: WorkerPool;
  /** Lets other work of the thread go on, when it is time. */
  breathe: () => Promise<void> | undefined;
  onStored: (stored: StoredFigures) => void;
  /** Told of each finished folder, but of the root. */
  onFolder: (folder: OpenFolder) => void;
  /** A tree could not be stored: nothing can be finished any more. */
  onFailure: (error: unknown) => void;
}

export class TreeSaver {
  readonly #options: TreeSaverOptions;
  readonly #saved = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  #batch: { id: string; content: Uint8Array }[] = [];
  #batchBytes = 0;
  #rootId: string | undefined;

  constructor(options: TreeSaverOptions) {
    this.#options = options;
  }

  /** The root's tree, once all is finished. */
  get rootId(): string | undefined {
    return this.#rootId;
  }

  /** Tells that one entry of the folder, or the walk through it, is finished. */
  settle(folder: OpenFolder): void {
    for (let current: OpenFolder | undefined = folder; current !== undefined && current.settle();) {
      if (current.entries.length > ENTRIES_AT_ONCE) {
        this.#track(this.#finishLarge(current));
        return;
      }
      this.#finish(current, encodeTree(current.nodes));
      current = current.parent;
    }
  }

  /** Hands the last batch to the worker; resolves when all trees are in packs. */
  async flush(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    this.#sendBatch();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #finishLarge(folder: OpenFolder): Promise<void> {
    const nodes = folder.nodes;
    const parts: Buffer[] = [Buffer.from('{"nodes":[')];
    for (let start = 0; start < nodes.length; start += ENTRIES_AT_ONCE) {
      const part = nodes.slice(start, start + ENTRIES_AT_ONCE).map((node) => encodeNode(node));
      parts.push(Buffer.from(`${start === 0 ? '' : ','}${part.join(',')}`));
      await this.#options.breathe();
    }
    parts.push(Buffer.from(']}\n'));
    this.#finish(folder, Buffer.concat(parts));
    if (folder.parent !== undefined) this.settle(folder.parent);
  }

  #finish(folder: OpenFolder, content: Buffer): void {
    const id = sha256Hex(content);
    if (!this.#saved.has(id) && !this.#options.repository.hasBlob('tree', id)) {
      this.#saved.add(id);
      this.#batch.push({ id, content });
      this.#batchBytes += content.length;
      if (this.#batchBytes >= BATCH_BYTES) this.#sendBatch();
    }
    if (folder.node === undefined) {
      this.#rootId = id;
      return;
    }
    folder.node.subtree = id;
    this.#options.onFolder(folder);
  }

  #sendBatch(): void {
    const trees = this.#batch;
    if (trees.length === 0) return;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#track(this.#options.pool.run({ kind: 'trees', trees }).then(({ stored }) => this.#options.onStored(stored)));
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch(this.#options.onFailure).finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }
}
