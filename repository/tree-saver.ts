/** Finishes trees bottom-up: encodes a folder when all its entries are known, and has the tree stored unless it is there already. */
import type { ByteString } from '../common/byte-string.ts';
import type { StoredFigures } from './archive-messages.ts';
import { sha256Hex } from './crypto.ts';
import type { FolderPlace, OpenFolder } from './open-folder.ts';
import type { Repository } from './repository.ts';
import type { WorkerPool } from './worker-pool.ts';

/** Trees go to the worker in batches of this size. */
const BATCH_BYTES = 1024 * 1024;
/** So little is stored here, when nothing else had to be: a thread takes a twentieth of a second to start. */
const FEW_BYTES = 64 * 1024;

export interface TreeSaverOptions {
  repository: Repository;
  pool: WorkerPool;
  onStored: (stored: StoredFigures) => void;
  /** Told of each finished folder, but of the root, and whether it is as in the parent snapshot. */
  onFolder: (place: FolderPlace, isSame: boolean) => void;
  /** A tree could not be stored: nothing can be finished any more. */
  onFailure: (error: unknown) => void;
}

export class TreeSaver {
  readonly #options: TreeSaverOptions;
  readonly #saved = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  #batch: { id: string; content: Uint8Array<ArrayBuffer> }[] = [];
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
    for (let current: OpenFolder = folder; current.settle();) {
      const id = current.sameTreeId ?? this.#save(current.encode());
      const { place } = current;
      if (place === undefined) {
        this.#rootId = id;
        return;
      }
      const isSame = place.hasSameHead && id === place.previousTreeId;
      const text = `${place.head},"content":null,"subtree":"${id}"}` as ByteString;
      place.parent.finishEntry(place.index, text, isSame);
      this.#options.onFolder(place, isSame);
      current = place.parent;
    }
  }

  /**
   * Hands the last batch to the worker, or stores it here; resolves when all trees are in packs. Throws what the repository throws.
   *
   * @param held Nothing may be written before.
   */
  async flush(held: Promise<void> | undefined, signal: AbortSignal | undefined): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    if (!this.#options.pool.hasStarted && this.#batchBytes <= FEW_BYTES) {
      await held;
      return this.#storeHere(signal);
    }
    this.#sendBatch();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Has the tree stored unless it is there; returns its id. */
  #save(content: Buffer<ArrayBuffer>): string {
    const id = sha256Hex(content);
    if (!this.#saved.has(id) && !this.#options.repository.hasBlob('tree', id)) {
      this.#saved.add(id);
      this.#batch.push({ id, content });
      this.#batchBytes += content.length;
      if (this.#batchBytes >= BATCH_BYTES) this.#sendBatch();
    }
    return id;
  }

  async #storeHere(signal: AbortSignal | undefined): Promise<void> {
    for (const { content } of this.#takeBatch()) {
      const { known, storedBytes } = await this.#options.repository.saveBlob('tree', content, signal ? { signal } : {});
      if (!known) this.#options.onStored({ blobs: 1, plainBytes: content.length, storedBytes });
    }
  }

  #takeBatch(): { id: string; content: Uint8Array<ArrayBuffer> }[] {
    const trees = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    return trees;
  }

  #sendBatch(): void {
    const trees = this.#takeBatch();
    if (trees.length === 0) return;
    this.#track(this.#options.pool.run({ kind: 'trees', trees }).then(({ stored }) => this.#options.onStored(stored)));
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch(this.#options.onFailure).finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }
}
