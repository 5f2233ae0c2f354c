/** Hashing of a pack as it is read, and of the blobs in it, two at a time where that is faster. */
import { createHash, type Hash } from 'node:crypto';
import { sha256Hex } from './crypto.ts';
import { BLOCK_BYTES, hexOfState, INITIAL_STATE, type BlockHasher } from './native-sha256.ts';

export interface PackHasher {
  /** Before the first byte of a pack; what was under way is forgotten. */
  begin(): void;
  /** The next bytes of the pack. They stay as they are until `flush`, so that a blob can be hashed beside them. */
  update(piece: Uint8Array): void;
  /** The memory of all pieces is needed for something else. */
  flush(): void;
  /**
   * The content of a blob. `done` gets its hex SHA-256, at once or in a later call; until then the content must stay as it
   * is. Of one blob at most that is so when the call returns.
   */
  addBlob(content: Uint8Array, done: (id: string) => void): void;
  /** Ends all blobs; the hex SHA-256 of the pack. */
  finish(): string;
}

/** @param blocks undefined: node:crypto hashes one after the other. */
export function createPackHasher(blocks: BlockHasher | undefined): PackHasher {
  return blocks === undefined ? new SerialHasher() : new PairedHasher(blocks);
}

class SerialHasher implements PackHasher {
  #hash: Hash = createHash('sha256');

  begin(): void {
    this.#hash = createHash('sha256');
  }

  update(piece: Uint8Array): void {
    this.#hash.update(piece);
  }

  flush(): void {
    // Nothing was kept for later.
  }

  addBlob(content: Uint8Array, done: (id: string) => void): void {
    done(sha256Hex(content));
  }

  finish(): string {
    return this.#hash.digest('hex');
  }
}

/** Shorter blobs cost less by node:crypto than what it takes to pair them. */
const SMALLEST_PAIRED_BYTES = 8 * 1024;

/**
 * Pieces of the pack and blobs are held back until there is something to hash beside them. When one of two is at its end,
 * the other waits for the next; so only one kind waits at a time.
 */
class PairedHasher implements PackHasher {
  readonly #blocks: BlockHasher;
  readonly #pack: Input;
  /** Of the pack, in a row from the address on. */
  #packAddress = 0;
  #packBlocks = 0;
  readonly #blobs: readonly [BlobInput, BlobInput];
  #waiting: BlobInput | undefined;

  constructor(blocks: BlockHasher) {
    this.#blocks = blocks;
    this.#pack = new Input(blocks);
    this.#blobs = [new BlobInput(blocks), new BlobInput(blocks)];
  }

  begin(): void {
    this.#pack.reset();
    this.#packBlocks = 0;
    this.#waiting = undefined;
  }

  update(piece: Uint8Array): void {
    this.#pack.count(piece.length);
    const filled = this.#pack.fillTail(piece);
    if (this.#pack.isTailFull) {
      this.flush();
      this.#advance(this.#pack.tailAddress, 1);
      this.#pack.emptyTail();
    }
    const blocks = Math.floor((piece.length - filled) / BLOCK_BYTES);
    if (blocks > 0) this.#addToPack(this.#blocks.addressOf(piece) + filled, blocks);
    this.#pack.fillTail(piece.subarray(filled + blocks * BLOCK_BYTES));
  }

  flush(): void {
    while (this.#packBlocks > 0) this.#advancePack();
  }

  addBlob(content: Uint8Array, done: (id: string) => void): void {
    if (content.length < SMALLEST_PAIRED_BYTES) return done(sha256Hex(content));
    const waiting = this.#waiting;
    const blob = waiting === this.#blobs[0] ? this.#blobs[1] : this.#blobs[0];
    blob.start(content, done);
    if (waiting !== undefined) return this.#advanceBlobs(waiting, blob);
    this.#waiting = blob;
    this.#advanceTogether();
  }

  finish(): string {
    this.flush();
    for (let blob = this.#waiting; blob !== undefined; blob = this.#waiting) {
      this.#blocks.advance(blob.state, blob.address, undefined, 0, blob.blocks);
      this.#skip(blob, blob.blocks);
    }
    const blocks = this.#pack.closeTail();
    this.#blocks.advance(this.#pack.state, this.#pack.tailAddress, undefined, 0, blocks);
    return hexOfState(this.#pack.state);
  }

  #addToPack(address: number, blocks: number): void {
    if (address !== this.#packAddress + this.#packBlocks * BLOCK_BYTES) this.flush();
    if (this.#packBlocks === 0) this.#packAddress = address;
    this.#packBlocks += blocks;
    this.#advanceTogether();
  }

  #advanceTogether(): void {
    while (this.#packBlocks > 0 && this.#waiting !== undefined) this.#advancePack();
  }

  /** As far as what waits beside it goes, if anything does. */
  #advancePack(): void {
    const blocks = this.#advance(this.#packAddress, this.#packBlocks);
    this.#packAddress += blocks * BLOCK_BYTES;
    this.#packBlocks -= blocks;
  }

  /** Hashes blocks of the pack, at most as many as the waiting blob has left; returns how many. */
  #advance(address: number, most: number): number {
    const blob = this.#waiting;
    const blocks = Math.min(most, blob?.blocks ?? most);
    this.#blocks.advance(this.#pack.state, address, blob?.state, blob?.address ?? 0, blocks);
    if (blob !== undefined) this.#skip(blob, blocks);
    return blocks;
  }

  /** Until one is at its end, which may be both. */
  #advanceBlobs(waiting: BlobInput, blob: BlobInput): void {
    while (waiting.blocks > 0 && blob.blocks > 0) {
      const blocks = Math.min(waiting.blocks, blob.blocks);
      this.#blocks.advance(waiting.state, waiting.address, blob.state, blob.address, blocks);
      waiting.skip(blocks);
      blob.skip(blocks);
    }
    this.#waiting = waiting.blocks > 0 ? waiting : blob.blocks > 0 ? blob : undefined;
    for (const each of [waiting, blob]) if (each.blocks === 0) each.end();
  }

  #skip(blob: BlobInput, blocks: number): void {
    blob.skip(blocks);
    if (blob.blocks > 0) return;
    this.#waiting = undefined;
    blob.end();
  }
}

/** A state, and what is not a whole block yet. */
class Input {
  readonly state = new Uint32Array(INITIAL_STATE.length);
  /** Two blocks: the padding may need a second one. */
  readonly #tail = Buffer.allocUnsafeSlow(2 * BLOCK_BYTES);
  readonly tailAddress: number;
  #tailBytes = 0;
  #totalBytes = 0;

  constructor(blocks: BlockHasher) {
    this.tailAddress = blocks.addressOf(this.#tail);
  }

  get isTailFull(): boolean {
    return this.#tailBytes === BLOCK_BYTES;
  }

  reset(): void {
    this.state.set(INITIAL_STATE);
    this.#tailBytes = 0;
    this.#totalBytes = 0;
  }

  /**
   * Takes what completes a block that was begun, or a beginning of less than a block. The rest, in whole blocks and a next
   * beginning, is the caller's. Returns the bytes taken.
   */
  fillTail(bytes: Uint8Array): number {
    if (this.#tailBytes === 0 && bytes.length >= BLOCK_BYTES) return 0;
    const taken = Math.min(BLOCK_BYTES - this.#tailBytes, bytes.length);
    this.#tail.set(bytes.subarray(0, taken), this.#tailBytes);
    this.#tailBytes += taken;
    return taken;
  }

  emptyTail(): void {
    this.#tailBytes = 0;
  }

  count(bytes: number): void {
    this.#totalBytes += bytes;
  }

  /** Pads (FIPS 180-4, 5.1.1); returns the blocks of the tail. */
  closeTail(): number {
    const blocks = this.#tailBytes < BLOCK_BYTES - 8 ? 1 : 2;
    const end = blocks * BLOCK_BYTES;
    this.#tail.fill(0, this.#tailBytes, end);
    this.#tail[this.#tailBytes] = 0x80;
    this.#tail.writeUInt32BE(Math.floor(this.#totalBytes / 2 ** 29), end - 8);
    this.#tail.writeUInt32BE((this.#totalBytes % 2 ** 29) * 8, end - 4);
    return blocks;
  }
}

/** A blob's content, which is there as a whole: its blocks, then those of its tail. */
class BlobInput extends Input {
  readonly #hasher: BlockHasher;
  /** Of the next block. */
  address = 0;
  /** That follow each other there. 0: it is at its end. */
  blocks = 0;
  #isInTail = false;
  /** Held, so that its memory stays. */
  content: Uint8Array | undefined;
  #done: (id: string) => void = () => undefined;

  constructor(hasher: BlockHasher) {
    super(hasher);
    this.#hasher = hasher;
  }

  /** `content` has a whole block at least. */
  start(content: Uint8Array, done: (id: string) => void): void {
    this.reset();
    this.count(content.length);
    this.content = content;
    this.#done = done;
    this.#isInTail = false;
    this.address = this.#hasher.addressOf(content);
    this.blocks = Math.floor(content.length / BLOCK_BYTES);
    this.fillTail(content.subarray(this.blocks * BLOCK_BYTES));
  }

  skip(blocks: number): void {
    this.address += blocks * BLOCK_BYTES;
    this.blocks -= blocks;
    if (this.blocks > 0 || this.#isInTail) return;
    this.#isInTail = true;
    this.address = this.tailAddress;
    this.blocks = this.closeTail();
  }

  end(): void {
    this.content = undefined;
    this.#done(hexOfState(this.state));
  }
}
