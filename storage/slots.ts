/** Places for what needs much memory: whoever finds none free waits for one. */
import { InterruptedError, throwIfAborted } from '../common/errors.ts';

export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Calls `work` when there is a place for it. Throws InterruptedError when the signal fires before. */
  async run<Result>(signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    throwIfAborted(signal);
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      // The place goes on to whoever waits longest.
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = (settle: () => void) => (): void => {
      this.#waiting.delete(take);
      signal?.removeEventListener('abort', abort);
      settle();
    };
    const take = end(resolve);
    const abort = end(() => reject(new InterruptedError()));
    this.#waiting.add(take);
    signal?.addEventListener('abort', abort);
    return promise;
  }
}
