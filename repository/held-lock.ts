/** A lock that is held: refreshed until it is released, and reported lost when it no longer protects. */
import { findConflict, type LockTiming } from './lock-conflict.ts';
import { STALE_MILLISECONDS, encodeLock, type LockHolder } from './lock-file.ts';
import { unpackedName } from './object-names.ts';
import type { LockKind, Repository, RepositoryLock } from './repository.ts';
import { giveBack } from './left-locks.ts';

export class HeldLock implements RepositoryLock {
  readonly kind: LockKind;
  readonly #repository: Repository;
  readonly #holder: LockHolder;
  readonly #timing: LockTiming;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #id: string;
  #refreshedAt: number;
  #refreshing: Promise<void> | undefined;
  #released: Promise<boolean> | undefined;

  constructor(repository: Repository, kind: LockKind, id: string, holder: LockHolder, timing: LockTiming) {
    this.kind = kind;
    this.#repository = repository;
    this.#id = id;
    this.#holder = holder;
    this.#timing = timing;
    this.#refreshedAt = timing.clock().getTime();
    this.#timer = setInterval(() => this.#tick(), timing.refreshMilliseconds);
    // The work keeps the process alive, not its lock.
    this.#timer.unref();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  release(): Promise<boolean> {
    return (this.#released ??= this.#remove());
  }

  async #remove(): Promise<boolean> {
    clearInterval(this.#timer);
    await this.#refreshing;
    return giveBack(this.#repository, this.#id);
  }

  #tick(): void {
    if (this.#refreshing !== undefined || this.#lost.signal.aborted) return;
    this.#refreshing = this.#refresh()
      .catch((error: unknown) => {
        // A storage that is away for a while is no reason to stop, as long as nobody may think us dead.
        const age = this.#timing.clock().getTime() - this.#refreshedAt;
        if (age > STALE_MILLISECONDS - 1.5 * this.#timing.refreshMilliseconds) this.#lose(error);
      })
      .finally(() => {
        this.#refreshing = undefined;
      });
  }

  async #refresh(): Promise<void> {
    const now = this.#timing.clock();
    const overdue = now.getTime() - this.#refreshedAt > STALE_MILLISECONDS;
    // After a sleep that long another may have locked, worked and gone: what an exclusive owner planned is outdated.
    if (overdue && this.kind === 'exclusive') return this.#lose(new Error('the lock was not refreshed in time'));
    if (!(await this.#isThere())) return this.#lose(new Error('the lock was removed by another process'));
    const document = encodeLock({ ...this.#holder, time: now, exclusive: this.kind === 'exclusive' });
    const replacement = await this.#repository.saveUnpacked('locks', document);
    // Somebody who removed the lock after our look must not be left with another one.
    if (!(await this.#isStillThere(replacement))) {
      await giveBack(this.#repository, replacement);
      return this.#lose(new Error('the lock was removed by another process'));
    }
    const old = this.#id;
    this.#id = replacement;
    await giveBack(this.#repository, old);
    if (overdue && (await findConflict(this.#repository, this.kind, this.#id, this.#timing)) !== undefined) {
      return this.#lose(new Error('the lock was not refreshed in time'));
    }
    this.#refreshedAt = now.getTime();
  }

  async #isThere(): Promise<boolean> {
    return (await this.#repository.storage.stat(unpackedName('locks', this.#id))) !== undefined;
  }

  /** Where that cannot be told, the replacement is taken back, as nothing would refresh both. */
  async #isStillThere(replacement: string): Promise<boolean> {
    try {
      return await this.#isThere();
    } catch (error) {
      await giveBack(this.#repository, replacement);
      throw error;
    }
  }

  #lose(reason: unknown): void {
    clearInterval(this.#timer);
    this.#lost.abort(reason);
  }
}
