/** Work that begins while its lock settles: the fifth of a second until then need not be waited for. */
import { InterruptedError } from '../common/errors.ts';
import type { Repository } from '../repository/repository.ts';

/** Reads at once; writes and tells nothing before `held` has resolved. When `held` is rejected, all that it has is void. */
export type EarlyStart<Result> = (signal: AbortSignal, held: Promise<void>) => Promise<Result>;

/** One beginning: that of one lock file. */
interface Attempt<Result> {
  result: Promise<Result>;
  stop: AbortController;
  hold: () => void;
}

/** Of one repository. `end` must be called, and awaited before the repository is closed. */
export class EarlyWork<Result> {
  readonly #repository: Repository;
  readonly #start: EarlyStart<Result>;
  #attempt: Attempt<Result> | undefined;

  constructor(repository: Repository, start: EarlyStart<Result>) {
    this.#repository = repository;
    this.#start = start;
  }

  /** For `LockOptions.onWritten`. Whatever an earlier lock file, withdrawn since, had begun is thrown away. */
  begin(withdrawn: AbortSignal): void {
    const before = this.#attempt;
    const stop = new AbortController();
    const held = Promise.withResolvers<void>();
    const onWithdrawn = (): void => {
      stop.abort();
      held.reject(new InterruptedError('the lock was withdrawn'));
    };
    withdrawn.addEventListener('abort', onWithdrawn, { once: true });
    const result = this.#startAfter(before, stop.signal, held.promise);
    // Whoever waits for them is told; an attempt that is void has nobody.
    result.catch(() => undefined);
    held.promise.catch(() => undefined);
    this.#attempt = { result, stop, hold: held.resolve };
  }

  async #startAfter(before: Attempt<Result> | undefined, signal: AbortSignal, held: Promise<void>): Promise<Result> {
    if (before !== undefined) {
      await Promise.allSettled([before.result]);
      this.#repository.forgetIndex();
    }
    return this.#start(signal, held);
  }

  /** The lock is held: what was begun under it goes on; undefined when nothing was. The signal ends it. */
  finish(signal: AbortSignal): Promise<Result> | undefined {
    if (this.#attempt === undefined) return undefined;
    const { result, stop, hold } = this.#attempt;
    // Also what fired before.
    if (signal.aborted) stop.abort();
    signal.addEventListener('abort', () => stop.abort(), { once: true });
    hold();
    return result;
  }

  /** Stops what is under way, and forgets what it has read. */
  async end(): Promise<void> {
    if (this.#attempt === undefined) return;
    this.#attempt.stop.abort();
    await Promise.allSettled([this.#attempt.result]);
    this.#repository.forgetIndex();
  }
}
