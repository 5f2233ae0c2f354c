/** Packs that threads verify while the index is still being read: each by its own header, which must turn out to be what the index says. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { sha256Hex } from './crypto.ts';
import { listIds, PACK_PREFIX } from './object-names.ts';
import type { ReaderPool } from './reader-pool.ts';
import type { Repository } from './repository.ts';
import type { VerifyPackAnswer } from './verify-pack.ts';

/**
 * Only of a storage whose packs the threads read by themselves: elsewhere the line is what is waited for, and a listing
 * costs requests. Whatever goes wrong is left to those who come with the index: they meet it again. `end` must be called.
 */
export class EarlyPacks {
  readonly #repository: Repository;
  readonly #pool: ReaderPool;
  readonly #answers = new Map<string, Promise<VerifyPackAnswer | undefined>>();
  readonly #running: Promise<void>;
  readonly #primed = Promise.withResolvers<void>();
  #isStopped = false;

  constructor(repository: Repository, pool: ReaderPool) {
    this.#repository = repository;
    this.#pool = pool;
    this.#running = this.#run()
      .catch(() => undefined)
      .finally(this.#primed.resolve);
  }

  /** Resolves when the threads have work in hand for the time in which this one decodes the index, and begins no more. */
  get primed(): Promise<void> {
    return this.#primed.promise;
  }

  /** The index is known: no more are begun. */
  stop(): void {
    this.#isStopped = true;
  }

  /** What was found out of a pack; undefined when it was not begun, or when its header is not the one that the index lets expect. */
  async answerFor(packId: string, header: Uint8Array): Promise<VerifyPackAnswer | undefined> {
    const answer = await this.#answers.get(packId);
    return answer?.ownHeader === undefined || answer.ownHeader !== sha256Hex(header) ? undefined : answer;
  }

  async end(): Promise<void> {
    this.stop();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { localDirectory } = this.#repository.storage.capabilities;
    if (localDirectory === undefined) return;
    const { concurrency } = this.#pool;
    await forEachConcurrently(this.#packs(), concurrency, async (packId) => {
      const answer = this.#pool.run('verify-pack', { packId, localDirectory }).catch(() => undefined);
      this.#answers.set(packId, answer);
      if (this.#answers.size === concurrency) this.#primed.resolve();
      await answer;
    });
  }

  async *#packs(): AsyncIterable<string> {
    for await (const { id } of listIds(this.#repository.storage, PACK_PREFIX)) {
      if (this.#isStopped) return;
      yield id;
    }
  }
}
