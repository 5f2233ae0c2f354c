/** What threads have listed of the two sides of a sync, kept for as long as the plan that was made of it is carried out. */
import { unpackListings, type FolderListing, type PackedListings } from '../files/packed-listings.ts';

/** Of both sides: some 500,000 entries. Of larger trees nothing is kept, and they are listed again. */
const MAX_BYTES = 48 * 1024 * 1024;

/** Gives the listings of a tree in pre-order: the root's, then for each folder in it, in their order, that folder's and all below it. */
export interface ListingSource {
  /** A promise only where the listing is not there yet. */
  next(): FolderListing | Promise<FolderListing>;
  /** No more are wanted. */
  stop(): void;
}

export type Side = 'source' | 'target';

export class ScanRecording {
  readonly #messages: Record<Side, PackedListings[]> = { source: [], target: [] };
  #bytes = 0;
  #isUsed = false;

  /** Threads have listed something. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /** There was a target. */
  get hasTarget(): boolean {
    return this.#messages.target.length > 0;
  }

  /** Something was listed, and all of it is kept. */
  get isWhole(): boolean {
    return this.#isUsed && this.#bytes <= MAX_BYTES;
  }

  add(side: Side, packed: PackedListings): void {
    this.#isUsed = true;
    this.#bytes += packed.kept.buffer.byteLength + packed.own.buffer.byteLength + packed.text.buffer.byteLength;
    if (this.isWhole) this.#messages[side].push(packed);
    else this.#messages.source = this.#messages.target = [];
  }

  /** All that was listed, once more, while it is whole. */
  replay(side: Side): ListingSource {
    const messages = this.#messages[side];
    let listings: FolderListing[] = [];
    let taken = 0;
    let message = 0;
    return {
      next() {
        if (taken === listings.length) {
          const packed = messages[message++];
          if (packed === undefined) throw new Error('more was asked of a recording than was listed');
          listings = unpackListings(packed);
          taken = 0;
        }
        return listings[taken++]!;
      },
      stop: () => undefined,
    };
  }
}
