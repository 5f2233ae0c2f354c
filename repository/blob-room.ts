/** Memory of a thread for the plain content of one blob at a time, which stays until the room is used again. */
import type { SealingKey } from './crypto.ts';
import type { NativeDecompressor } from './native-zstd.ts';
import { openUnhashed } from './pack.ts';
import type { IndexedBlob } from './repository.ts';

/** Grown in steps of this. */
const STEP_BYTES = 1024 * 1024;
/** No chunk is longer. What is gets memory of its own, and lets it go. */
const LARGEST_BYTES = 8 * 1024 * 1024;

/** Memory that grows to what is needed. */
class RoomMemory {
  #bytes = Buffer.alloc(0);

  /** At least this long; undefined: too long to be kept. */
  take(length: number): Buffer | undefined {
    if (length > LARGEST_BYTES) return undefined;
    if (this.#bytes.length < length) this.#bytes = Buffer.allocUnsafeSlow(Math.ceil(length / STEP_BYTES) * STEP_BYTES);
    return this.#bytes;
  }
}

export class BlobRoom {
  /** Somebody still needs what is in it. */
  isBusy = false;
  readonly #decompress: NativeDecompressor | undefined;
  readonly #plain = new RoomMemory();
  readonly #compressed: RoomMemory;

  private constructor(decompress: NativeDecompressor | undefined, compressed: RoomMemory) {
    this.#decompress = decompress;
    this.#compressed = compressed;
  }

  /** @param loadDecompress Each room has one of its own, which gives the room's memory. */
  static pair(loadDecompress: () => NativeDecompressor | undefined): [BlobRoom, BlobRoom] {
    const compressed = new RoomMemory();
    return [new BlobRoom(loadDecompress(), compressed), new BlobRoom(loadDecompress(), compressed)];
  }

  /** Verifies the MAC, decrypts and decompresses; the id is not checked. */
  open(key: SealingKey, blob: IndexedBlob, stored: Uint8Array, packId: string): Buffer {
    const memory = blob.uncompressedLength === undefined ? this.#plain : this.#compressed;
    return openUnhashed(key, blob, stored, packId, this.#decompress, memory.take(stored.length)).plain;
  }
}
