/** The packs one thread is filling: several at a time, each blob into a random one. */
import { randomInt } from 'node:crypto';
import type { SealingKey } from './crypto.ts';
import { PackBuilder, type PackBuilderOptions } from './pack.ts';
import type { BlobType, IndexedBlob, IndexedPack } from './repository.ts';

export interface FinishedPack {
  pack: IndexedPack;
  content: Buffer;
}

/**
 * Who sees only sizes of packs, in order, could tell which known files are in the repository by the sizes of their
 * chunks. restic (since 0.18) therefore spreads a thread's blobs over at least two open packs at random; so do we.
 */
const OPEN_PACKS = 2;

/** Data and trees go into packs of their own. Synchronous; usable in any thread. */
export class OpenPacks {
  readonly #builders: Record<BlobType, PackBuilder[]>;

  constructor(key: SealingKey, options: PackBuilderOptions) {
    const create = (): PackBuilder[] => Array.from({ length: OPEN_PACKS }, () => new PackBuilder(key, options));
    this.#builders = { data: create(), tree: create() };
  }

  /** Bytes waiting in memory. */
  get sizeBytes(): number {
    return [...this.#builders.data, ...this.#builders.tree].reduce((sum, builder) => sum + builder.sizeBytes, 0);
  }

  /** Adds a blob, whose id the caller has computed. `finished` is the pack that it filled, to be written now. */
  add(type: BlobType, id: string, plain: Uint8Array): { blob: IndexedBlob; finished?: FinishedPack } {
    const builder = this.#choose(type);
    const blob = builder.add(type, id, plain);
    return builder.isFull ? { blob, finished: builder.finish() } : { blob };
  }

  /** Like `add`, for content that is zstd already. */
  addCompressed(
    type: BlobType,
    id: string,
    compressed: Uint8Array,
    plainLength: number,
  ): { blob: IndexedBlob; finished?: FinishedPack } {
    const builder = this.#choose(type);
    const blob = builder.addCompressed(type, id, compressed, plainLength);
    return builder.isFull ? { blob, finished: builder.finish() } : { blob };
  }

  #choose(type: BlobType): PackBuilder {
    return this.#builders[type][randomInt(OPEN_PACKS)]!;
  }

  /** All packs that have blobs, however small. The next `add` begins new ones. */
  finish(): FinishedPack[] {
    return [...this.#builders.data, ...this.#builders.tree]
      .filter((builder) => builder.blobCount > 0)
      .map((builder) => builder.finish());
  }
}
