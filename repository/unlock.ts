/** The lock files of a repository: listing them, and removing those whose owner is dead. */
import { HoldfastError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import { decodeLock, isStale, STALE_MILLISECONDS, type LockDocument } from './lock-file.ts';
import { LOCK_PREFIX, listIds, unpackedName } from './object-names.ts';
import type { Repository } from './repository.ts';

export interface StoredLock {
  id: string;
  /** Absent: the file cannot be read (half written, damaged); such a lock excludes everybody until it is stale. */
  document?: LockDocument;
  exclusive: boolean;
  stale: boolean;
}

/** All locks at the time `now`, in the order of their ids. */
export async function readLocks(repository: Repository, now: Date, signal?: AbortSignal): Promise<StoredLock[]> {
  const locks: StoredLock[] = [];
  for await (const { id, modifiedAt } of listIds(repository.storage, LOCK_PREFIX, signal)) {
    throwIfAborted(signal);
    try {
      const document = decodeLock(await repository.loadUnpacked('locks', id), id);
      locks.push({ id, document, exclusive: document.exclusive, stale: isStale(document, now) });
    } catch (error) {
      // Released between the listing and the reading.
      if (error instanceof NotFoundError) continue;
      if (!(error instanceof HoldfastError) || error.code !== 'Integrity') throw error;
      const stale = now.getTime() - modifiedAt.getTime() > STALE_MILLISECONDS;
      locks.push({ id, exclusive: true, stale });
    }
  }
  return locks;
}

/** What `unlock` shows. */
export async function listLocks(repository: Repository): Promise<StoredLock[]> {
  return readLocks(repository, new Date());
}

/**
 * Removes stale locks, or all, and returns what was removed. A holder that wrote its lock anew meanwhile loses the new
 * file, too. Throws AccessDenied when this account may not.
 */
export async function removeLocks(repository: Repository, options: { all: boolean; now: Date }): Promise<StoredLock[]> {
  const removed = new Map<string, StoredLock>();
  const holders = new Set<string>();
  let found = (await readLocks(repository, options.now)).filter(({ stale }) => options.all || stale);
  while (found.length > 0) {
    for (const lock of found) {
      await removeExisting(repository, lock.id);
      removed.set(lock.id, lock);
      if (lock.document !== undefined) holders.add(holderOf(lock.document));
    }
    // Who has come since is none of those that were to go.
    found = (await readLocks(repository, options.now)).filter(
      ({ id, document, stale }) =>
        !removed.has(id) && document !== undefined && (options.all || stale) && holders.has(holderOf(document)),
    );
  }
  return [...removed.values()];
}

async function removeExisting(repository: Repository, id: string): Promise<void> {
  try {
    await repository.storage.remove(unpackedName('locks', id));
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
}

function holderOf({ hostname, pid }: LockDocument): string {
  return `${pid}@${hostname}`;
}

/** Removes one lock file. false: this account may not delete, so that the lock is left to expire. */
export async function removeLockFile(repository: Repository, id: string): Promise<boolean> {
  try {
    await repository.storage.remove(unpackedName('locks', id));
    return true;
  } catch (error) {
    if (error instanceof NotFoundError) return true;
    if (error instanceof HoldfastError && error.code === 'AccessDenied') return false;
    throw error;
  }
}
