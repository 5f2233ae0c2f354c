import { writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../common/errors.ts';
import { prepareKey } from '../../repository/crypto.ts';
import { acquireLock } from '../../repository/lock.ts';
import { DEFAULT_LOCK_TIMING, lockTimingOf, type LockTiming } from '../../repository/lock-conflict.ts';
import { currentHolder, encodeLock, isStale, type LockDocument } from '../../repository/lock-file.ts';
import type { LockKind, Repository } from '../../repository/repository.ts';
import { sealUnpacked } from '../../repository/unpacked-file.ts';
import { listLocks, removeLocks } from '../../repository/unlock.ts';
import { FAST_LOCKS, openVault, reopen, withRepository } from './repository-fixture.ts';

const NOW = new Date('2026-11-23T02:00:00Z');
const MINUTE = 60_000;

/** Machines that test are busy. */
const PATIENT = { timeout: 20_000 };

const lockFiles = (folder: string): Promise<string[]> => readdir(join(folder, 'vault', 'locks'));

function lockOf(changes: Partial<LockDocument> = {}): LockDocument {
  return { ...currentHolder(), time: NOW, exclusive: false, hostname: 'elsewhere', pid: 4711, ...changes };
}

/** A clock that a test moves. */
function movableTiming(changes: Partial<LockTiming> = {}): LockTiming & { now: Date } {
  const timing = { ...FAST_LOCKS, refreshMilliseconds: 20, ...changes, now: NOW, clock: () => timing.now };
  return timing;
}

describe('locks', () => {
  it('shared ones live together, exclusive ones alone', () =>
    withRepository(async (repository, folder) => {
      const other = await reopen(folder);
      const first = await repository.lock('shared');
      const second = await other.lock('shared');
      await expect(other.lock('exclusive')).rejects.toMatchObject({ code: 'RepositoryLocked', retryable: true });
      await first.release();
      await second.release();
      const exclusive = await repository.lock('exclusive');
      await expect(other.lock('shared')).rejects.toMatchObject({ code: 'RepositoryLocked' });
      await expect(repository.lock('exclusive')).rejects.toMatchObject({ code: 'RepositoryLocked' });
      await exclusive.release();
      await exclusive.release();
      expect(await lockFiles(folder)).toEqual([]);
    }));

  it('name their holder to whom they keep out', () =>
    withRepository(async (repository) => {
      const lock = await repository.lock('exclusive');
      await expect(repository.lock('shared')).rejects.toThrow(
        new RegExp(`exclusive lock of .* on ${hostname()} \\(PID ${process.pid}\\)`),
      );
      await lock.release();
    }));

  it('are waited for', () =>
    withRepository(async (repository) => {
      const first = await repository.lock('exclusive');
      const waits: string[] = [];
      const second = repository.lock('exclusive', { waitSeconds: 10, onWait: (holder) => waits.push(holder) });
      await delay(100);
      expect(waits.length).toBeGreaterThan(0);
      await first.release();
      await (await second).release();
    }));

  it('are given up when the signal fires', () =>
    withRepository(async (repository, folder) => {
      const first = await repository.lock('exclusive');
      const abort = new AbortController();
      const second = repository.lock('shared', { waitSeconds: 60, signal: abort.signal });
      setTimeout(() => abort.abort(), 50);
      await expect(second).rejects.toMatchObject({ code: 'Interrupted' });
      await first.release();
      expect(await lockFiles(folder)).toEqual([]);
    }));

  it('exclude each other when many come at the same moment', () =>
    withRepository(async (repository, folder) => {
      let holders = 0;
      let most = 0;
      const work = async (kind: 'shared' | 'exclusive'): Promise<void> => {
        const lock = await repository.lock(kind, { waitSeconds: 50 });
        holders += kind === 'exclusive' ? 100 : 1;
        most = Math.max(most, holders);
        await delay(10);
        holders -= kind === 'exclusive' ? 100 : 1;
        await lock.release();
      };
      await Promise.all([work('exclusive'), work('exclusive'), work('shared'), work('shared'), work('exclusive')]);
      expect(most).toBeLessThanOrEqual(100);
      expect(await lockFiles(folder)).toEqual([]);
    }));

  it('written at the same moment by two make both look again, and never both stay', () =>
    withRepository(async (repository, folder) => {
      // Another's lock appears between our first look and our second.
      const save = repository.saveUnpacked.bind(repository);
      const foreign = encodeLock(lockOf({ time: new Date() }));
      repository.saveUnpacked = async (kind, content, options) => {
        await save('locks', foreign);
        return save(kind, content, options);
      };
      await expect(repository.lock('exclusive')).rejects.toMatchObject({ code: 'RepositoryLocked' });
      expect(await lockFiles(folder)).toHaveLength(1);
    }));

  it('exclude each other without a pause, where a listing shows all that was written before', () =>
    withRepository(async (_, folder) => {
      const lockTiming = { ...FAST_LOCKS, settleMilliseconds: 0 };
      const held = { shared: 0, exclusive: 0 };
      const granted = { shared: 0, exclusive: 0 };
      const together = new Set<string>();
      const hold = async (repository: Repository, kind: LockKind): Promise<void> => {
        const lock = await repository.lock(kind).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'RepositoryLocked' });
        });
        if (lock === undefined) return;
        granted[kind]++;
        held[kind]++;
        if (held.exclusive > 0 && held.exclusive + held.shared > 1) together.add(JSON.stringify(held));
        await delay(1);
        held[kind]--;
        await lock.release();
      };
      const worker = async (number: number): Promise<void> => {
        const repository = await openVault(folder, { lockTiming });
        for (let turn = 0; turn < 60; turn++) {
          await hold(repository, (turn + number) % 3 === 0 ? 'exclusive' : 'shared');
          // They meet, and miss each other.
          await delay((turn * 7 + number * 5) % 20);
        }
        await repository.close();
      };
      await Promise.all([0, 1, 2].map(worker));
      expect([...together]).toEqual([]);
      // Not because nobody ever got one.
      expect(granted.shared).toBeGreaterThan(5);
      expect(granted.exclusive).toBeGreaterThan(0);
    }));

  it('are refreshed: a new file with a new time, then the old one goes', () =>
    withRepository(async (repository, folder) => {
      const timing = movableTiming();
      const lock = await acquireLock(repository, 'shared', {}, timing);
      const [before] = await lockFiles(folder);
      timing.now = new Date(NOW.getTime() + 5 * MINUTE);
      const times = async () => (await listLocks(repository)).map(({ document }) => document!.time.getTime());
      await expect.poll(times, PATIENT).toEqual([timing.now.getTime()]);
      expect(await lockFiles(folder)).not.toContain(before);
      expect(lock.lost.aborted).toBe(false);
      await lock.release();
      expect(await lockFiles(folder)).toEqual([]);
    }));

  it('let reading begin when they are written, and tell when they are withdrawn', () =>
    withRepository(async (repository, folder) => {
      const seen: AbortSignal[] = [];
      const lock = await repository.lock('shared', { onWritten: (withdrawn) => seen.push(withdrawn) });
      expect(seen.map(({ aborted }) => aborted)).toEqual([false]);
      await lock.release();
      // Somebody who comes at the same moment, and whose file is seen at the second look.
      const { version } = repository.config;
      const rival = sealUnpacked(
        prepareKey(repository.key),
        encodeLock(lockOf({ time: new Date(), exclusive: true })),
        { version, compression: 'auto' },
      );
      const locking = repository.lock('shared', {
        onWritten(withdrawn) {
          seen.push(withdrawn);
          writeFileSync(join(folder, 'vault', 'locks', rival.id), rival.stored);
        },
      });
      await expect(locking).rejects.toMatchObject({ code: 'RepositoryLocked' });
      expect(seen.map(({ aborted }) => aborted)).toEqual([false, true]);
      expect(await lockFiles(folder)).toEqual([rival.id]);
    }));

  it('are lost when somebody removed the file', () =>
    withRepository(async (repository, folder) => {
      const lock = await acquireLock(repository, 'exclusive', {}, movableTiming());
      await removeLocks(repository, { all: true, now: NOW });
      await expect.poll(() => lock.lost.aborted, PATIENT).toBe(true);
      expect(await lockFiles(folder)).toEqual([]);
      await lock.release();
    }));

  it('are lost, and leave no file, when somebody removed it after a refresh had looked', () =>
    withRepository(async (repository, folder) => {
      const lock = await acquireLock(repository, 'exclusive', {}, movableTiming());
      const save = repository.saveUnpacked.bind(repository);
      const other = await reopen(folder);
      repository.saveUnpacked = async (...saved) => {
        await removeLocks(other, { all: true, now: NOW });
        return save(...saved);
      };
      await expect.poll(() => lock.lost.aborted, PATIENT).toBe(true);
      expect(await lockFiles(folder)).toEqual([]);
      await lock.release();
    }));

  it('take a refresh back when the storage goes away in the middle of it', () =>
    withRepository(async (repository, folder) => {
      const timing = movableTiming();
      const lock = await acquireLock(repository, 'shared', {}, timing);
      const [before] = await lockFiles(folder);
      const save = repository.saveUnpacked.bind(repository);
      const stat = repository.storage.stat.bind(repository.storage);
      const gone = Promise.withResolvers<void>();
      repository.saveUnpacked = async (...saved) => {
        repository.storage.stat = async () => {
          repository.saveUnpacked = async () => Promise.reject(new HoldfastError('StorageUnreachable', 'still away'));
          repository.storage.stat = stat;
          gone.resolve();
          throw new HoldfastError('StorageUnreachable', 'away');
        };
        return save(...saved);
      };
      await gone.promise;
      await expect.poll(() => lockFiles(folder), PATIENT).toEqual([before]);
      expect(lock.lost.aborted).toBe(false);
      repository.saveUnpacked = save;
      await lock.release();
      expect(await lockFiles(folder)).toEqual([]);
    }));

  it('that slept through their time are lost when exclusive, and go on when shared and alone', () =>
    withRepository(async (repository) => {
      const timing = movableTiming();
      const exclusive = await acquireLock(repository, 'exclusive', {}, timing);
      timing.now = new Date(NOW.getTime() + 31 * MINUTE);
      await expect.poll(() => exclusive.lost.aborted, PATIENT).toBe(true);
      await exclusive.release();
      const shared = await acquireLock(repository, 'shared', {}, timing);
      timing.now = new Date(NOW.getTime() + 90 * MINUTE);
      await delay(100);
      expect(shared.lost.aborted).toBe(false);
      await shared.release();
    }));

  it('survive a storage that is away for a while, and are lost when it stays away', () =>
    withRepository(async (repository) => {
      const timing = movableTiming();
      const lock = await acquireLock(repository, 'shared', {}, timing);
      const save = repository.saveUnpacked.bind(repository);
      repository.saveUnpacked = async () => {
        throw new HoldfastError('StorageUnreachable', 'away');
      };
      timing.now = new Date(NOW.getTime() + 10 * MINUTE);
      await delay(80);
      expect(lock.lost.aborted).toBe(false);
      timing.now = new Date(NOW.getTime() + 30 * MINUTE);
      await expect.poll(() => lock.lost.aborted, PATIENT).toBe(true);
      repository.saveUnpacked = save;
      await lock.release();
    }));

  it('serve a writer that may not delete: its files are left to expire', () =>
    withRepository(async (repository, folder) => {
      const remove = repository.storage.remove.bind(repository.storage);
      repository.storage.remove = async () => {
        throw new HoldfastError('AccessDenied', 'this account may not delete');
      };
      const timing = movableTiming();
      const lock = await acquireLock(repository, 'shared', {}, timing);
      await delay(50);
      expect(lock.lost.aborted).toBe(false);
      await lock.release();
      expect((await lockFiles(folder)).length).toBeGreaterThanOrEqual(1);
      timing.now = new Date(NOW.getTime() + 31 * MINUTE);
      // An exclusive lock over files that it cannot remove would be no lock.
      await expect(acquireLock(repository, 'exclusive', {}, timing)).rejects.toMatchObject({ code: 'AccessDenied' });
      repository.storage.remove = remove;
      await (await acquireLock(repository, 'exclusive', {}, timing)).release();
      expect(await lockFiles(folder)).toEqual([]);
    }));

  it('that a writer could not remove do not keep out its own process once its work is over', () =>
    withRepository(async (repository, folder) => {
      const writer = await reopen(folder);
      writer.storage.remove = async () => {
        throw new HoldfastError('AccessDenied', 'this account may not delete');
      };
      const timing = movableTiming();
      const backup = await acquireLock(writer, 'shared', {}, timing);
      await expect.poll(() => lockFiles(folder), PATIENT).not.toHaveLength(1);
      // Written anew meanwhile, it still is the lock of work that goes on.
      await expect(acquireLock(repository, 'exclusive', {}, timing)).rejects.toMatchObject({
        code: 'RepositoryLocked',
      });
      expect(await backup.release()).toBe(false);
      await (await acquireLock(repository, 'exclusive', {}, timing)).release();
      expect(await lockFiles(folder)).toEqual([]);
    }));

  it('shared, of an account that may only read, need no file', () =>
    withRepository(async (repository) => {
      repository.storage.write = async () => {
        throw new HoldfastError('AccessDenied', 'this account may not write');
      };
      await (await repository.lock('shared')).release();
      await expect(repository.lock('exclusive')).rejects.toMatchObject({ code: 'AccessDenied' });
    }));

  it('of dead processes and old ones do not count', () =>
    withRepository(async (repository, folder) => {
      await repository.saveUnpacked(
        'locks',
        encodeLock(lockOf({ exclusive: true, hostname: hostname(), pid: 2 ** 22 })),
      );
      const old = new Date(Date.now() - 31 * MINUTE);
      await repository.saveUnpacked('locks', encodeLock(lockOf({ exclusive: true, time: old })));
      await (await repository.lock('shared')).release();
      await (await repository.lock('exclusive')).release();
      expect(await lockFiles(folder)).toEqual([]);
    }));

  it('that cannot be read keep everybody out', () =>
    withRepository(async (repository) => {
      await repository.storage.write(`locks/${'a'.repeat(64)}`, Buffer.from('half'));
      await expect(repository.lock('shared')).rejects.toThrow(/cannot be read/);
      const later = new Date(Date.now() + 31 * MINUTE);
      expect(await removeLocks(repository, { all: false, now: later })).toMatchObject([{ id: 'a'.repeat(64) }]);
    }));
});

describe('unlock', () => {
  it('removes stale locks, and all only when told so', () =>
    withRepository(async (repository) => {
      const alive = await repository.lock('shared');
      const stale = await repository.saveUnpacked('locks', encodeLock(lockOf({ time: NOW })));
      const now = new Date();
      const removed = await removeLocks(repository, { all: false, now: new Date(NOW.getTime() + 2 ** 40) });
      expect(removed.map(({ id }) => id)).toContain(stale);
      const second = await repository.lock('shared');
      expect((await removeLocks(repository, { all: true, now })).length).toBeGreaterThanOrEqual(1);
      expect(await listLocks(repository)).toEqual([]);
      await alive.release();
      await second.release();
    }));
});

describe('unlock --remove-all', () => {
  it('also removes what a holder wrote anew meanwhile, and nothing of those who came later', () =>
    withRepository(async (repository, folder) => {
      const first = await repository.saveUnpacked('locks', encodeLock(lockOf()));
      const remove = repository.storage.remove.bind(repository.storage);
      let newcomer = '';
      repository.storage.remove = async (name) => {
        repository.storage.remove = remove;
        await repository.saveUnpacked('locks', encodeLock(lockOf({ time: new Date(NOW.getTime() + 1) })));
        newcomer = await repository.saveUnpacked('locks', encodeLock(lockOf({ pid: 4712 })));
        await remove(`locks/${first}`);
        await remove(name);
      };
      expect(await removeLocks(repository, { all: true, now: NOW })).toHaveLength(2);
      expect(await lockFiles(folder)).toEqual([newcomer]);
    }));
});

describe('a lock is stale', () => {
  const dead = (): boolean => false;
  const alive = (): boolean => true;
  const after = (minutes: number): Date => new Date(NOW.getTime() + minutes * MINUTE);

  it.each([
    ['fresh, elsewhere', lockOf(), after(29), dead, false],
    ['30 minutes old', lockOf(), after(30), dead, false],
    ['older than 30 minutes', lockOf(), after(31), alive, true],
    ['of a living process here', lockOf({ hostname: 'here' }), after(1), alive, false],
    ['of a dead process here', lockOf({ hostname: 'here' }), after(1), dead, true],
  ])('%s', (_, lock, now, isAlive, stale) => {
    expect(isStale(lock, now, 'here', isAlive)).toBe(stale);
  });

  it('keeps restic’s intervals', () => {
    expect(DEFAULT_LOCK_TIMING.refreshMilliseconds).toBe(5 * MINUTE);
    expect(DEFAULT_LOCK_TIMING.settleMilliseconds).toBe(200);
  });

  it('waits for nothing to settle on a storage that lists at once', () =>
    withRepository(async ({ storage }) => {
      const capabilities = { atomicWrites: true };
      expect(lockTimingOf({ ...storage, capabilities })).toBe(DEFAULT_LOCK_TIMING);
      const atOnce = lockTimingOf({ ...storage, capabilities: { ...capabilities, listsAtOnce: true } });
      expect(atOnce).toEqual({ ...DEFAULT_LOCK_TIMING, settleMilliseconds: 0 });
    }));
});
