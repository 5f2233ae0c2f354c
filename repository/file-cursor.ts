/** The place in a large file from which the next thread reads on: a lock and an offset in shared memory. */

const LOCK = 0;
const ENDED = 1;
/** Index of the offset in doubles. */
const OFFSET = 1;

/** The memory of a fresh cursor, at offset 0. */
export function createCursor(): SharedArrayBuffer {
  return new SharedArrayBuffer(16);
}

/** Threads take turns: who holds the lock reads, finds the cuts, and moves the offset behind the last of them. */
export class FileCursor {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#doubles = new Float64Array(memory);
  }

  /**
   * Runs `step` with the offset while no other thread does, and moves the offset to where it says. undefined when the
   * file has ended. Blocks: only for worker threads. A step that throws ends the file for all.
   */
  advance<Result>(step: (offset: number) => { next: number; ended: boolean; result: Result }): Result | undefined {
    while (Atomics.compareExchange(this.#words, LOCK, 0, 1) !== 0) Atomics.wait(this.#words, LOCK, 1);
    let ended = true;
    try {
      if (Atomics.load(this.#words, ENDED) !== 0) return undefined;
      const outcome = step(this.#doubles[OFFSET]!);
      this.#doubles[OFFSET] = outcome.next;
      ended = outcome.ended;
      return outcome.result;
    } finally {
      if (ended) Atomics.store(this.#words, ENDED, 1);
      Atomics.store(this.#words, LOCK, 0);
      Atomics.notify(this.#words, LOCK, 1);
    }
  }
}
