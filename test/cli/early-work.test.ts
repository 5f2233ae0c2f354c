import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EarlyWork } from '../../cli/early-work.ts';
import { tellWhenHeld } from '../../cli/backup-report.ts';
import { archive, type ArchiveRequest, type ArchiveResult } from '../../repository/archive.ts';
import { checkRepository } from '../../repository/check-repository.ts';
import { prepareKey } from '../../repository/crypto.ts';
import { executePrune } from '../../repository/execute-prune.ts';
import { currentHolder, encodeLock } from '../../repository/lock-file.ts';
import { preparePrune } from '../../repository/prune-repository.ts';
import { sealUnpacked } from '../../repository/unpacked-file.ts';
import { FAST_LOCKS, openVault, reopen, withRepository } from '../repository/repository-fixture.ts';

/** Time enough for a whole backup of a small file, had it not been held back. */
const SLOW_TO_SETTLE = { ...FAST_LOCKS, settleMilliseconds: 1500 };

test('a backup that began while its lock settled, and then gave way to a prune, begins anew with what the prune left', () =>
  withRepository(async (owner, folder) => {
    const source = join(folder, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'pruned.txt'), 'forgotten, and known to the index at first');
    const request: ArchiveRequest = {
      source: { directories: [source], exclude: [], excludeIfPresent: [], excludeCaches: false, oneFileSystem: false },
      hostname: 'app-01',
      tags: [],
      time: new Date('2026-11-23T02:00:00Z'),
    };
    await owner.removeSnapshot((await archive(owner, request)).snapshotId);
    writeFileSync(join(source, 'new.txt'), 'new');
    const objects = async (): Promise<string[]> =>
      (await readdir(join(folder, 'vault'), { recursive: true })).filter((name) =>
        /^(?:data|index|snapshots)/.test(name),
      );
    const before = await objects();

    const repository = await openVault(folder, { lockTiming: SLOW_TO_SETTLE });
    const content = encodeLock({ ...currentHolder(), hostname: 'elsewhere', time: new Date(), exclusive: true });
    const rival = sealUnpacked(prepareKey(owner.key), content, { version: 2, compression: 'auto' });
    const rivalFile = join(folder, 'vault', 'locks', rival.id);
    const told: string[] = [];
    const attempts: Promise<ArchiveResult>[] = [];
    const early = new EarlyWork(repository, async (signal, held) => {
      const isFirst = attempts.length === 0;
      if (isFirst) {
        await repository.loadIndex({ signal });
        writeFileSync(rivalFile, rival.stored);
      }
      const attempt = archive(repository, request, {
        signal,
        held,
        onEntry: tellWhenHeld(({ path }) => told.push(path), held),
      });
      attempts.push(attempt);
      return attempt;
    });
    let waited: Promise<void> | undefined;
    const pruneAsRival = async (): Promise<void> => {
      await expect(attempts[0]).rejects.toMatchObject({ code: 'Interrupted' });
      expect([await objects(), told]).toEqual([before, []]);
      const pruner = await reopen(folder);
      await executePrune(pruner, await preparePrune(pruner, { maxUnused: { share: 0 } }));
      expect((await objects()).length).toBeLessThan(before.length);
      rmSync(rivalFile);
    };
    const lock = await repository.lock('shared', {
      waitSeconds: 60,
      onWritten: (withdrawn) => early.begin(withdrawn),
      onWait() {
        waited ??= pruneAsRival();
      },
    });
    await waited;
    const { figures } = (await early.finish(lock.lost))!;
    expect([attempts.length, figures.filesNew]).toEqual([2, 2]);
    expect(told).toContain(join(source, 'new.txt'));
    await early.end();
    await lock.release();
    const { problems } = await checkRepository(await openVault(folder), { readData: { kind: 'all' } });
    expect(problems).toEqual([]);
    await repository.close();
  }));
