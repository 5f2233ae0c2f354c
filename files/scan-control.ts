/** What a scan's thread and whoever reads its folders tell each other in shared memory: that it is to end, and how far it may be ahead. */

const STOPPED = 0;
/** Entries that were taken, modulo 2^32. */
const TAKEN = 1;
const WORDS = 2;

export class ScanControl {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #maxAhead: number;
  /** Of the thread: entries that it has sent. */
  #sent = 0;

  /**
   * @param maxAhead Entries that may be sent before they are taken.
   * @param memory That of the other side; default: new memory.
   */
  constructor(maxAhead: number, memory = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
    this.#maxAhead = maxAhead;
  }

  get isStopped(): boolean {
    return Atomics.load(this.#words, STOPPED) !== 0;
  }

  /** The thread ends with what it has in its hands. */
  stop(): void {
    Atomics.store(this.#words, STOPPED, 1);
    // Changed as well, so that a thread that is about to wait for it does not.
    this.took(1);
  }

  /** Makes room for as many entries. */
  took(entries: number): void {
    Atomics.add(this.#words, TAKEN, entries);
    Atomics.notify(this.#words, TAKEN);
  }

  /** Of the thread: counts what it sends. */
  sent(entries: number): void {
    this.#sent = (this.#sent + entries) | 0;
  }

  /** Of the thread: whether it must `waitForRoom`. */
  get isFull(): boolean {
    return ((this.#sent - Atomics.load(this.#words, TAKEN)) | 0) >= this.#maxAhead && !this.isStopped;
  }

  /** Of the thread: blocks it until others have taken enough, or the scan is stopped. */
  waitForRoom(): void {
    while (this.isFull) {
      const taken = Atomics.load(this.#words, TAKEN);
      if (this.isFull) Atomics.wait(this.#words, TAKEN, taken);
    }
  }
}
