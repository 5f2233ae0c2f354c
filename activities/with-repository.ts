/** Work on a repository: opens it, takes its lock, and gives both back whatever happens. */
import { StorageError, type HoldfastError } from '../common/errors.ts';
import type { RepositorySettings } from '../domain/action.ts';
import type { LockKind, Repository } from '../repository/repository.ts';
import { requireWritableFormat } from '../repository/require-writable-format.ts';
import type { StorageRole } from '../storage/storage.ts';
import type { CallContext, Dependencies } from './dependencies.ts';

/** How long a run waits for the lock of another one. */
export const LOCK_WAIT_SECONDS = 1800;

export interface RepositoryWork {
  repository: Repository;
  /** Fires when the run is to stop, and when the lock was lost. */
  signal: AbortSignal;
}

/**
 * Runs work under a lock. Throws RepositoryLocked (retryable) after half an hour of waiting, and StorageError when the
 * lock was lost while working; otherwise what opening and the work throw.
 */
export async function withRepository<Result>(
  deps: Dependencies,
  settings: RepositorySettings,
  access: { role: StorageRole; lock: LockKind },
  context: CallContext,
  work: (work: RepositoryWork) => Promise<Result>,
): Promise<Result> {
  const repository = await deps.openRepository(settings, access.role, context.signal);
  try {
    if (access.role !== 'reader') requireWritableFormat(repository);
    const lock = await repository.lock(access.lock, {
      signal: context.signal,
      waitSeconds: LOCK_WAIT_SECONDS,
      onWait: (holder) => context.progress.report({ phase: `waiting for ${holder}` }),
    });
    try {
      return await work({ repository, signal: AbortSignal.any([context.signal, lock.lost]) });
    } catch (error) {
      throw lock.lost.aborted && !context.signal.aborted ? lostLock(settings, error) : error;
    } finally {
      await lock.release();
    }
  } finally {
    await repository.close();
  }
}

function lostLock(settings: RepositorySettings, cause: unknown): HoldfastError {
  return new StorageError(`the lock on the repository ${settings.name} was lost while working on it`, {
    hint: 'The storage was away for too long, or somebody removed the lock; the next run goes on.',
    cause,
  });
}
