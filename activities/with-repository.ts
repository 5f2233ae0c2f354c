/** Work on a repository: opens it, takes its lock, and gives both back whatever happens. */
import { StorageError, type HoldfastError } from '../common/errors.ts';
import type { RepositorySettings } from '../domain/action.ts';
import type { Finding } from '../domain/finding.ts';
import type { ActionOutcome } from '../domain/run-record.ts';
import type { LockKind, Repository } from '../repository/repository.ts';
import { requireWritableFormat } from '../repository/require-writable-format.ts';
import type { StorageRole } from '../storage/storage.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { requestsOf } from './location-requests.ts';

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
export async function withRepository(
  deps: Dependencies,
  settings: RepositorySettings,
  access: { role: StorageRole; lock: LockKind },
  context: CallContext,
  work: (work: RepositoryWork) => Promise<ActionOutcome>,
): Promise<ActionOutcome> {
  // It may not answer: who watches sees what is waited for.
  context.progress.report({ phase: `opening ${settings.name}` });
  const repository = await deps.openRepository(settings, access.role, context.signal);
  try {
    if (access.role !== 'reader') requireWritableFormat(repository);
    const lock = await repository.lock(access.lock, {
      signal: context.signal,
      waitSeconds: LOCK_WAIT_SECONDS,
      onWait: (holder) => context.progress.report({ phase: `waiting for ${holder}` }),
    });
    let outcome: ActionOutcome;
    try {
      outcome = await work({ repository, signal: AbortSignal.any([context.signal, lock.lost]) });
    } catch (error) {
      await lock.release();
      throw lock.lost.aborted && !context.signal.aborted ? lostLock(settings, error) : error;
    }
    const removed = await lock.release();
    const counted = withRequests(outcome, settings, access.role, repository);
    return removed ? counted : { ...counted, findings: [...outcome.findings, leftLock(settings)] };
  } finally {
    await repository.close();
  }
}

/** A run may work on two repositories: each adds what it was asked for. */
function withRequests(
  outcome: ActionOutcome,
  { location }: RepositorySettings,
  role: StorageRole,
  { storage }: Repository,
): ActionOutcome {
  const counts = storage.counts?.();
  if (counts === undefined) return outcome;
  return { ...outcome, requests: [...(outcome.requests ?? []), requestsOf(location, role, counts)] };
}

/** Of a writer who may only add: as it should be, but whoever needs the repository alone has to wait for it. */
function leftLock({ name }: RepositorySettings): Finding {
  return {
    code: 'repository/lock-left',
    severity: 'notice',
    subject: name,
    message: `the lock of this run stays in the repository ${name} until it expires, half an hour after the run`,
    hint: 'This identity may not delete, so that a prune of another process at that time waits; schedule it apart from backups.',
  };
}

function lostLock(settings: RepositorySettings, cause: unknown): HoldfastError {
  return new StorageError(`the lock on the repository ${settings.name} was lost while working on it`, {
    hint: 'The storage was away for too long, or somebody removed the lock; the next run goes on.',
    cause,
  });
}
