/** Writes the index now and then during a long backup, so that what was stored before a crash is found again. */
import type { Repository } from './repository.ts';

/** Milliseconds of work that a crash may make useless: restic, too, finds only packs again that an index names. */
const INTERVAL_MILLISECONDS = 5 * 60 * 1000;

export class IndexKeeper {
  readonly #repository: Repository;
  readonly #timer: NodeJS.Timeout;
  readonly #stop = new AbortController();
  #underWay: Promise<void> = Promise.resolve();

  constructor(repository: Repository, intervalMilliseconds: number = INTERVAL_MILLISECONDS) {
    this.#repository = repository;
    this.#timer = setInterval(() => this.#save(), intervalMilliseconds);
    this.#timer.unref();
  }

  /** Writes what is not yet in any index file. Throws what the storage throws. */
  async finish(signal: AbortSignal | undefined): Promise<void> {
    clearInterval(this.#timer);
    await this.#underWay;
    await this.#repository.saveIndex(signal ? { signal } : {});
  }

  /** After a failure: writes the index of the finished packs if that can be done before the signal. */
  async abandon(signal: AbortSignal): Promise<void> {
    clearInterval(this.#timer);
    signal.addEventListener('abort', () => this.#stop.abort(), { once: true });
    await this.#underWay;
    try {
      await this.#repository.saveIndex({ signal });
    } catch {
      // The packs are then unreferenced, as after a crash: prune removes them, and the failure itself is told by the caller.
    }
  }

  /** One at a time: two would both name the same packs. */
  #save(): void {
    const save = (): Promise<void> => this.#repository.saveIndex({ signal: this.#stop.signal });
    // A storage that was away for a moment has lost nothing: the next writing names the same packs, and the last one counts.
    this.#underWay = this.#underWay.then(save).catch(() => undefined);
  }
}
