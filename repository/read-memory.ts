/** Memory of a thread into which packs are read, batch after batch: fresh megabytes for each would keep the kernel and the collector busy. */

/** Of a batch; what goes beyond it is rare, and gets memory of its own. */
const LARGEST_BYTES = 8 * 1024 * 1024;

export class ReadMemory {
  #memory = Buffer.alloc(0);
  #used = 0;

  /** What was handed out before is free again. */
  reset(): void {
    this.#used = 0;
  }

  /** Uninitialized bytes, the caller's until `reset`. */
  take(length: number): Buffer {
    if (this.#used + length > LARGEST_BYTES) return Buffer.allocUnsafeSlow(length);
    // Once, and only touched as far as it is used.
    if (this.#memory.length === 0) this.#memory = Buffer.allocUnsafeSlow(LARGEST_BYTES);
    const taken = this.#memory.subarray(this.#used, this.#used + length);
    this.#used += length;
    return taken;
  }
}
