/** V8's collector, asked for where it would come by too late or keep too much. */
import v8 from 'node:v8';
import vm from 'node:vm';

/** A heap of the command line. What a server's process has takes longer to collect than it is worth. */
const SMALL_HEAP_BYTES = 64 * 1024 * 1024;
/** By how much one may grow until it is collected. By itself V8 lets it become two or three times as large. */
const GROWTH_BYTES = 10 * 1024 * 1024;

type Collect = (options: { type: 'minor' | 'major'; flavor?: 'last-resort' }) => void;

let found: Collect | undefined;

/** Collects what was just made, in half a millisecond. */
export function collectYoung(): void {
  collector()({ type: 'minor' });
}

/** Keeps the heap of this thread small while other threads do the work; one that is large stays as it is. */
export class SmallHeap {
  /** When all of it was last collected; undefined before that. */
  #usedBytes: number | undefined;

  /**
   * The first time all is given back that the heap has taken and does not need, its young generation above all, which by itself hardly
   * ever becomes smaller: 8 MiB after a command has begun, in 50 ms. From then on what outlived the young generation because it waited
   * for some answer is collected when there is much of it, in 10 ms each time. To be called often: it looks in some microseconds.
   */
  keep(): void {
    const used = usedBytes();
    if (used > SMALL_HEAP_BYTES || used < (this.#usedBytes ?? -GROWTH_BYTES) + GROWTH_BYTES) return;
    collector()({ type: 'major', ...(this.#usedBytes === undefined ? { flavor: 'last-resort' } : {}) });
    this.#usedBytes = usedBytes();
  }
}

function usedBytes(): number {
  return v8.getHeapStatistics().used_heap_size;
}

function collector(): Collect {
  return (found ??= findCollector());
}

/** V8 has the function where its flag is set when a context begins; where it has not, it collects as it would have. */
function findCollector(): Collect {
  v8.setFlagsFromString('--expose-gc');
  const gc: unknown = vm.runInNewContext('globalThis.gc');
  // Later threads would not take code that was compiled without it.
  v8.setFlagsFromString('--no-expose-gc');
  return typeof gc === 'function' ? (gc as Collect) : () => {};
}
