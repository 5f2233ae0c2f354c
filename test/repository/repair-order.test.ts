import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkRepository } from '../../repository/check-repository.ts';
import { openRepository } from '../../repository/open-repository.ts';
import { executeIndexRepair, prepareIndexRepair } from '../../repository/repair-index.ts';
import { executePackRepair, preparePackRepair } from '../../repository/repair-packs.ts';
import { repairSnapshots } from '../../repository/repair-snapshots.ts';
import type { Repository } from '../../repository/repository.ts';
import { openLocalStorage } from '../../storage/local.ts';
import type { Storage } from '../../storage/storage.ts';
import { noise } from './odd-tree.ts';
import { FAST_LOCKS, openVault, PASSWORD, reopen, saveSnapshotOf, withRepository } from './repository-fixture.ts';

/** Changes so many objects, then dies at the next one. */
function dyingAfter(storage: Storage, changes: number): Storage {
  let left = changes;
  const orDie = <Arguments extends unknown[], Result>(work: (...given: Arguments) => Result) => {
    return (...given: Arguments): Result => {
      if (left-- <= 0) throw new Error('killed');
      return work(...given);
    };
  };
  const own = { write: orDie(storage.write.bind(storage)), remove: orDie(storage.remove.bind(storage)) };
  return new Proxy(storage, {
    get(target, key, receiver) {
      if (key === 'write' || key === 'remove') return own[key];
      const member: unknown = Reflect.get(target, key, receiver);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

/** What check finds, but for leftovers. */
async function problemsOf(folder: string): Promise<string[]> {
  const repository = await openVault(folder);
  const { problems } = await checkRepository(repository, { readData: { kind: 'all' } });
  await repository.close();
  return problems.filter(({ severity }) => severity !== 'notice').map(({ code, subject }) => `${code} ${subject}`);
}

/** Runs the repair on a copy, killed after 0, 1, 2, … changes until it gets through; tells what check finds each time. */
async function killEverywhere(
  folder: string,
  repair: (repository: Repository) => Promise<void>,
  afterKill: (problems: string[], work: string) => Promise<void>,
): Promise<{ kills: number; work: string }> {
  for (let changes = 0; ; changes++) {
    const work = join(folder, `killed-${changes}`);
    await mkdir(work);
    await cp(join(folder, 'vault'), join(work, 'vault'), { recursive: true });
    const storage = dyingAfter(openLocalStorage(join(work, 'vault')), changes);
    const repository = await openRepository(storage, PASSWORD, { lockTiming: FAST_LOCKS });
    const died = await repair(repository).then(
      () => false,
      (error: Error) => {
        expect(error.message).toBe('killed');
        return true;
      },
    );
    await repository.close();
    if (!died) return { kills: changes, work };
    await afterKill(await problemsOf(work), work);
    await rm(work, { recursive: true });
  }
}

/** Two snapshots in packs and index files of their own, and a damaged blob of the first one. */
async function withDamage(body: (folder: string, packId: string) => Promise<void>): Promise<void> {
  await withRepository(async (repository, folder) => {
    // Blobs are spread over two packs at random: of so many, one has several.
    const blobsOf = (name: string): Buffer[] => Array.from({ length: 8 }, (_, number) => noise(3000, name + number));
    await saveSnapshotOf(repository, { first: blobsOf('a') });
    await saveSnapshotOf(repository, { second: blobsOf('b') }, '2026-11-24T02:00:00Z');
    const { blobs, id } = [...repository.indexedPacks()].find((pack) => pack.blobs.length > 1)!;
    const path = join(folder, 'vault/data', id.slice(0, 2), id);
    const content = await readFile(path);
    content[blobs[0]!.offset + 20]! ^= 1;
    await chmod(path, 0o600);
    await writeFile(path, content);
    await body(folder, id);
  });
}

test('killed at any moment, a repair of the index leaves all that was known, and the next one finishes', async () => {
  await withRepository(async (repository, folder) => {
    await saveSnapshotOf(repository, { first: [noise(3000, 'a')] });
    await saveSnapshotOf(repository, { second: [noise(3000, 'b')] }, '2026-11-24T02:00:00Z');
    const repair = async (opened: Repository): Promise<void> =>
      executeIndexRepair(opened, await prepareIndexRepair(opened, { readAllPacks: true }));
    const { kills, work } = await killEverywhere(folder, repair, async (problems, killed) => {
      expect(problems).toEqual([]);
      await repair(await openVault(killed));
      expect(await problemsOf(killed)).toEqual([]);
    });
    // A new file, and two old ones to be removed.
    expect(kills).toBe(3);
    expect(await problemsOf(work)).toEqual([]);
  });
});

test('killed at any moment, a salvage of packs loses nothing that was whole, and the next one finishes', async () => {
  await withDamage(async (folder, packId) => {
    const before = await problemsOf(folder);
    expect(before).toHaveLength(2);
    const salvage = async (opened: Repository): Promise<void> =>
      executePackRepair(opened, await preparePackRepair(opened, [packId]));
    const seen: string[][] = [];
    const { kills, work } = await killEverywhere(folder, salvage, async (problems) => {
      seen.push(problems);
    });
    const finished = await problemsOf(work);
    expect(finished).toEqual([expect.stringMatching(/^repository\/blob-missing /)]);
    // Either the damaged pack is as it was, or it is out of the index, and all that was whole is in another one.
    for (const problems of seen) expect([before, finished]).toContainEqual(problems);
    expect(kills).toBeGreaterThanOrEqual(4);
  });
});

test('killed at any moment, a repair of snapshots has removed none that was not saved anew', async () => {
  await withDamage(async (folder, packId) => {
    const damaged = await openVault(folder);
    await executePackRepair(damaged, await preparePackRepair(damaged, [packId]));
    const originals = (await damaged.listSnapshots()).map(({ id }) => id);
    const repair = async (opened: Repository): Promise<void> => {
      await repairSnapshots(opened, await opened.listSnapshots(), { forget: true, dryRun: false });
    };
    const { work } = await killEverywhere(folder, repair, async (_, killed) => {
      const left = await (await reopen(killed)).listSnapshots();
      const kept = new Set(left.flatMap(({ id, original }) => [id, original ?? id]));
      for (const id of originals) expect(kept.has(id)).toBe(true);
    });
    expect(await problemsOf(work)).toEqual([]);
    expect(await (await openVault(work)).listSnapshots()).toHaveLength(2);
  });
});
