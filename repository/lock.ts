/** Locks: shared ones of those who add and read, exclusive ones of those who delete; restic obeys the same files. */
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, InterruptedError, throwIfAborted } from '../common/errors.ts';
import { HeldLock } from './held-lock.ts';
import { DEFAULT_LOCK_TIMING, findConflict, type LockTiming } from './lock-conflict.ts';
import { giveBack } from './left-locks.ts';
import { currentHolder, encodeLock, type LockHolder } from './lock-file.ts';
import type { LockKind, LockOptions, Repository, RepositoryLock } from './repository.ts';

/**
 * Acquires a lock: looks, writes the lock file, waits, looks again, and withdraws when somebody came at the same moment.
 * Stale locks do not count; an exclusive lock removes them first, so that their owner, should it wake up, sees that it
 * has lost. Throws RepositoryLocked when `waitSeconds` are over. On a storage that this account may only read, a shared
 * lock is granted without a file, as there is nothing that it could have protected from this account.
 */
export async function acquireLock(
  repository: Repository,
  kind: LockKind,
  options: LockOptions = {},
  timing: LockTiming = DEFAULT_LOCK_TIMING,
): Promise<RepositoryLock> {
  const holder = currentHolder();
  const deadline = performance.now() + (options.waitSeconds ?? 0) * 1000;
  for (let pause = timing.pollMilliseconds; ; pause = Math.min(pause * 2, timing.pollMilliseconds * 10)) {
    const attempt = await tryLock(repository, kind, holder, timing, options);
    if ('lock' in attempt) return attempt.lock;
    const description = attempt.conflict;
    const left = deadline - performance.now();
    if (left <= 0) throw lockedError(repository, description);
    options.onWait?.(description);
    // Two that withdrew from each other must not meet again at the next look.
    await wait(Math.min(left, pause * (0.75 + Math.random() / 2)), options.signal);
  }
}

async function tryLock(
  repository: Repository,
  kind: LockKind,
  holder: LockHolder,
  timing: LockTiming,
  { signal, onWritten }: LockOptions,
): Promise<{ lock: RepositoryLock } | { conflict: string }> {
  throwIfAborted(signal);
  const before = await findConflict(repository, kind, undefined, timing, signal);
  if (before !== undefined) return { conflict: before };
  const document = encodeLock({ ...holder, time: timing.clock(), exclusive: kind === 'exclusive' });
  let id: string;
  try {
    id = await repository.saveUnpacked('locks', document);
  } catch (error) {
    if (kind === 'shared' && error instanceof HoldfastError && error.code === 'AccessDenied') {
      return { lock: { kind, lost: new AbortController().signal, release: async () => true } };
    }
    throw error;
  }
  const withdrawn = new AbortController();
  try {
    onWritten?.(withdrawn.signal);
    await wait(timing.settleMilliseconds, signal);
    const after = await findConflict(repository, kind, id, timing, signal);
    if (after === undefined) return { lock: new HeldLock(repository, kind, id, holder, timing) };
    withdrawn.abort();
    await giveBack(repository, id);
    return { conflict: after };
  } catch (error) {
    withdrawn.abort();
    await giveBack(repository, id);
    throw error;
  }
}

function lockedError(repository: Repository, holder: string): HoldfastError {
  return new HoldfastError(
    'RepositoryLocked',
    `the repository at ${repository.storage.description} is locked: ${holder}`,
    {
      hint: 'Wait until it is done; if that process is dead, run "holdfast unlock".',
      context: { holder },
    },
  );
}

async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (milliseconds <= 0) return throwIfAborted(signal);
  try {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new InterruptedError('interrupted while waiting for a lock', { cause });
  }
}
