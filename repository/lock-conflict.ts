/** Which locks exclude each other, and how locks keep time. */
import { HoldfastError } from '../common/errors.ts';
import type { Storage } from '../storage/storage.ts';
import { isLeft } from './left-locks.ts';
import { describeLock } from './lock-file.ts';
import type { LockKind, Repository } from './repository.ts';
import { readLocks, removeLockFile, type StoredLock } from './unlock.ts';

/** How locks keep time; tests have faster ones. */
export interface LockTiming {
  clock: () => Date;
  /** A held lock is written anew this often. */
  refreshMilliseconds: number;
  /** Between writing a lock and looking once more: what a storage may need to show it to everybody. */
  settleMilliseconds: number;
  /** Between two looks at a lock of somebody else, at first; it doubles up to ten times as much. */
  pollMilliseconds: number;
}

export const DEFAULT_LOCK_TIMING: LockTiming = {
  clock: () => new Date(),
  refreshMilliseconds: 5 * 60 * 1000,
  settleMilliseconds: 200,
  pollMilliseconds: 1000,
};

/**
 * With a storage that lists at once nothing has to settle. Of two that write their lock first and then look, one sees the
 * other's, whatever they do in between: if the first did not, the second wrote after the first had looked, and looks later still.
 */
export function lockTimingOf({ capabilities }: Storage): LockTiming {
  return capabilities.listsAtOnce === true ? { ...DEFAULT_LOCK_TIMING, settleMilliseconds: 0 } : DEFAULT_LOCK_TIMING;
}

/** Describes a lock that excludes `kind`, other than our own; undefined when there is none. */
export async function findConflict(
  repository: Repository,
  kind: LockKind,
  ownId: string | undefined,
  timing: LockTiming,
  signal?: AbortSignal,
): Promise<string | undefined> {
  for (const lock of await readLocks(repository, timing.clock(), signal)) {
    if (lock.id === ownId) continue;
    if (lock.stale || isLeft(lock.id)) {
      if (kind === 'exclusive') await removeStale(repository, lock);
      continue;
    }
    if (kind === 'exclusive' || lock.exclusive) return describeStored(lock);
  }
  return undefined;
}

/** The owner of a stale lock may only be asleep: what tells it, when it wakes, is that its file is gone. */
async function removeStale(repository: Repository, lock: StoredLock): Promise<void> {
  if (await removeLockFile(repository, lock.id)) return;
  throw new HoldfastError(
    'AccessDenied',
    `the stale lock ${lock.id} in ${repository.storage.description} cannot be removed`,
    {
      hint: 'Lock exclusively with an account that may delete (a maintainer).',
    },
  );
}

function describeStored(lock: StoredLock): string {
  return lock.document === undefined ? `lock ${lock.id}, which cannot be read` : describeLock(lock.document);
}
