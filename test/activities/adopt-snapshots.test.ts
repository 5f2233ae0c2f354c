import { expect, onTestFinished, test } from 'vitest';
import { adoptSnapshots, type AdoptionResult } from '../../activities/adopt-snapshots.ts';
import { HoldfastError, InterruptedError } from '../../common/errors.ts';
import { planAdoption } from '../../domain/adoption.ts';
import type { Repository } from '../../repository/repository.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

async function openBench(): Promise<Workbench> {
  const bench = await openWorkbench();
  onTestFinished(() => bench.remove());
  await bench.initRepository();
  await bench.withRepository(async (repository) => {
    const tree = (await repository.saveBlob('tree', Buffer.from('{"nodes":[]}\n'))).id;
    await repository.flush();
    await repository.saveIndex();
    for (let day = 1; day <= 9; day++)
      await repository.saveSnapshot({
        time: `2026-11-0${day}T02:00:00Z`,
        tree,
        paths: ['/srv/orders'],
        hostname: 'app-01',
        username: 'root',
      });
  });
  return bench;
}

/** Adopts whatever the repository has, as the command does; `onSaved` may fail. */
async function adopt(
  bench: Workbench,
  repository: Repository,
  onSaved: () => Promise<void> = async () => undefined,
  signal?: AbortSignal,
): Promise<AdoptionResult> {
  const all = await repository.listSnapshots();
  return adoptSnapshots(repository, planAdoption(all, all, 'orders'), 'orders', onSaved, bench.context(signal));
}

async function tagsOf(repository: Repository): Promise<string[]> {
  return (await repository.listSnapshots()).map(({ time, tags = [] }) => `${time.slice(8, 10)} ${tags.join(' ')}`);
}

const ADOPTED = Array.from({ length: 9 }, (_, index) => `0${index + 1} holdfast policy=orders`);

test('no old snapshot goes before all new ones are stored and recorded; what a failure left is finished, not done twice', async () => {
  const bench = await openBench();
  await bench.withRepository(async (repository) => {
    const failing = adopt(bench, repository, () =>
      Promise.reject(new HoldfastError('StorageUnreachable', 'evidence is away')),
    );
    await expect(failing).rejects.toThrow('evidence is away');
    expect(await repository.listSnapshots()).toHaveLength(18);
    const before = (await repository.listSnapshots()).filter(({ tags }) => tags !== undefined).map(({ id }) => id);
    const { adopted, left } = await adopt(bench, repository);
    expect([adopted.map(({ newId }) => newId), left]).toEqual([before, []]);
    expect(await tagsOf(repository)).toEqual(ADOPTED);
    // Nothing is left to do.
    expect(await adopt(bench, repository)).toEqual({ adopted: [], left: [] });
  });
});

test('an interruption at any moment leaves every snapshot there, and the next call ends it', async () => {
  for (const stopAt of ['saving', 'removing'] as const) {
    const bench = await openBench();
    await bench.withRepository(async (repository) => {
      const controller = new AbortController();
      let calls = 0;
      const stopping: Repository = {
        ...repository,
        listSnapshots: repository.listSnapshots.bind(repository),
        saveSnapshot: (snapshot, options) => {
          if (stopAt === 'saving' && ++calls === 4) controller.abort();
          return repository.saveSnapshot(snapshot, options);
        },
        removeSnapshot: (id, options) => {
          if (stopAt === 'removing' && ++calls === 4) controller.abort();
          return repository.removeSnapshot(id, options);
        },
      };
      await expect(adopt(bench, stopping, undefined, controller.signal)).rejects.toBeInstanceOf(InterruptedError);
      const times = new Set((await repository.listSnapshots()).map(({ time }) => time));
      expect(times.size).toBe(9);
      await adopt(bench, repository);
      expect(await tagsOf(repository)).toEqual(ADOPTED);
    });
  }
});

test('who may not delete is told what is left, after one try', async () => {
  const bench = await openBench();
  await bench.withRepository(async (repository) => {
    let asked = 0;
    const adding: Repository = {
      ...repository,
      listSnapshots: repository.listSnapshots.bind(repository),
      saveSnapshot: repository.saveSnapshot.bind(repository),
      removeSnapshot: () => {
        asked++;
        return Promise.reject(new HoldfastError('AccessDenied', 'this account may not delete'));
      },
    };
    const old = (await repository.listSnapshots()).map(({ id }) => id);
    const { adopted, left } = await adopt(bench, adding);
    expect([adopted.length, left, asked]).toEqual([9, old, 1]);
  });
});
