/** A pack read from its first byte to its last through a small window: handed on as it comes, and never whole in memory. */

/** Read at once. What was read is hashed and opened while the processor's cache still has it. */
const PIECE_BYTES = 512 * 1024;
/** Of a thread's memory at the beginning; blobs that are longer make it grow. */
const SMALLEST_BYTES = 4 * 1024 * 1024;
/** Beyond this it is given back after the pack: a thread must not keep what one huge blob needed. */
const LARGEST_KEPT_BYTES = 16 * 1024 * 1024;

/** The memory of a thread's windows, one after the other. */
export class WindowMemory {
  #bytes = Buffer.alloc(0);

  /** At least `length` bytes, which begin with the first `kept` of those handed out before. */
  grow(length: number, kept: number): Buffer {
    if (this.#bytes.length >= length) return this.#bytes;
    const grown = Buffer.allocUnsafeSlow(Math.max(length, SMALLEST_BYTES, 2 * kept));
    grown.set(this.#bytes.subarray(0, kept));
    this.#bytes = grown;
    return grown;
  }

  /** After a pack, when nothing holds on to addresses in it. */
  release(): void {
    if (this.#bytes.length > LARGEST_KEPT_BYTES) this.#bytes = Buffer.alloc(0);
  }
}

/** Fills the target from the position on; returns how many bytes there were, 0 at the end. */
export type PositionedRead = (target: Uint8Array, position: number) => number;

/** What gets the bytes of the pack in order, before anybody else has them. */
export interface PieceSink {
  /** The piece stays as it is until `flush`. */
  update(piece: Uint8Array): void;
  flush(): void;
}

export class PackWindow {
  readonly #read: PositionedRead;
  readonly #memory: WindowMemory;
  readonly #sink: PieceSink;
  #bytes: Buffer;
  /** The window holds the pack from `#start` up to `#end`. */
  #start = 0;
  #end = 0;
  #isWhole = false;

  constructor(read: PositionedRead, memory: WindowMemory, sink: PieceSink) {
    this.#read = read;
    this.#sink = sink;
    this.#memory = memory;
    this.#bytes = memory.grow(SMALLEST_BYTES, 0);
  }

  /**
   * The bytes at the offset, fewer where the pack ends before; valid until the next call.
   * Offsets rise from call to call; what lies before the last one is read once more.
   */
  take(offset: number, length: number): Buffer {
    if (offset < this.#start) return this.#readAgain(offset, length);
    while (this.#end < offset + length && !this.#isWhole) this.#advance(offset, length);
    return this.#bytes.subarray(offset - this.#start, Math.min(offset + length, this.#end) - this.#start);
  }

  /** Reads what is left; returns the length of the pack. */
  finish(): number {
    while (!this.#isWhole) this.#advance(this.#end, 0);
    return this.#end;
  }

  /** Reads another piece, and drops what lies before the offset when there is no room for it. */
  #advance(offset: number, length: number): void {
    let filled = this.#end - this.#start;
    if (this.#bytes.length - filled < PIECE_BYTES) {
      this.#sink.flush();
      const dropped = Math.min(offset - this.#start, filled);
      this.#bytes.copyWithin(0, dropped, filled);
      this.#start += dropped;
      filled -= dropped;
      // Room for the whole blob at once, but for no more than a piece beyond what is there: the length may be a lie.
      if (this.#bytes.length - filled < PIECE_BYTES) {
        const wanted = Math.min(offset + length - this.#start, 2 * filled) + PIECE_BYTES;
        this.#bytes = this.#memory.grow(Math.max(wanted, filled + PIECE_BYTES), filled);
      }
    }
    const piece = this.#bytes.subarray(filled, filled + PIECE_BYTES);
    const count = this.#read(piece, this.#end);
    if (count === 0) this.#isWhole = true;
    else this.#sink.update(piece.subarray(0, count));
    this.#end += count;
  }

  #readAgain(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(Math.min(length, Math.max(this.#end - offset, 0)));
    let filled = 0;
    while (filled < bytes.length) {
      const count = this.#read(bytes.subarray(filled), offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  }
}
