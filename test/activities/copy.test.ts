import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backup } from '../../activities/backup.ts';
import { check } from '../../activities/check.ts';
import { copy } from '../../activities/copy.ts';
import { retention } from '../../activities/retention.ts';
import type { BackupSettings, CopySettings, RepositorySettings, RetentionSettings } from '../../domain/action.ts';
import type { CheckFigures, CopyFigures } from '../../domain/run-record.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { initRepository } from '../../repository/init-repository.ts';
import { abortAfter, openStorage, openWorkbench, PASSWORD, sourceSettings, type Workbench } from './workbench.ts';

const DAY_MS = 86_400_000;
const RULES = { keep: { last: 2 }, proven: 1, maxForgetShare: 0.9 };

let bench: Workbench;
let second: RepositorySettings;
let settings: CopySettings;

beforeEach(async () => {
  bench = await openWorkbench();
  await bench.initRepository();
  second = { ...bench.repository, name: 'second-site', path: 'second' };
  const storage = await openStorage(bench.vault, second.path);
  await (await initRepository(storage, PASSWORD, { kdf: { N: 1024, r: 8, p: 1 } })).close();
  settings = { kind: 'copy', from: bench.repository, to: second, policyNames: ['orders', 'shop'] };
});

afterEach(() => bench.remove());

async function backUpDaily(days: number, changes: Partial<BackupSettings> = {}): Promise<void> {
  for (let day = 0; day < days; day++) {
    bench.now = new Date(bench.now.getTime() + DAY_MS);
    await writeFile(join(bench.source, 'day.txt'), `${bench.now.toISOString()} `.repeat(5000));
    const request = bench.request({
      kind: 'backup',
      source: sourceSettings([bench.source]),
      repository: bench.repository,
      hostname: 'app-01',
      tags: [],
      verifyShare: 0,
      ...changes,
    });
    await bench.record(request, await backup(bench.deps, request, bench.context()));
  }
}

async function runCopy(changes: Partial<CopySettings> = {}, request = {}, context = bench.context()) {
  const outcome = await copy(bench.deps, bench.request({ ...settings, ...changes }, request), context);
  return { ...outcome, figures: outcome.figures as CopyFigures };
}

async function snapshotsOf(repository: RepositorySettings): Promise<Snapshot[]> {
  const opened = await bench.deps.openRepository(repository, 'reader');
  try {
    return await opened.listSnapshots();
  } finally {
    await opened.close();
  }
}

test('copies the snapshots of its policy alone, and names what it made', async () => {
  await backUpDaily(2);
  const stranger = await bench.withRepository(async (repository) => {
    const [{ id: _, ...snapshot }] = (await repository.listSnapshots()) as [Snapshot];
    return repository.saveSnapshot({ ...snapshot, tags: ['holdfast', 'policy=other'] });
  });
  const { figures, findings } = await runCopy();
  const [from, to] = [await snapshotsOf(bench.repository), await snapshotsOf(second)];
  const own = from.filter(({ id }) => id !== stranger);
  expect(to.map(({ original, tags, time }) => [original, tags, time])).toEqual(
    own.map(({ id, tags, time }) => [id, tags, time]),
  );
  expect(figures).toMatchObject({
    snapshotsCopied: 2,
    snapshotsPresent: 0,
    snapshotsPassedOver: 0,
    copies: own.map(({ id }, index) => ({ snapshot: id, copy: to[index]!.id })),
    newestSnapshotTime: own[1]!.time,
  });
  expect(findings).toEqual([expect.objectContaining({ code: 'copy/chunker', severity: 'notice' })]);
  const checked = await check(
    bench.deps,
    bench.request({ kind: 'check', repository: second, readDataShare: 1 }),
    bench.context(),
  );
  expect([(checked.figures as CheckFigures).problems, checked.findings]).toEqual([0, []]);
});

test('goes on where it stopped, and later copies only what is new', async () => {
  await backUpDaily(3);
  await expect(runCopy({}, {}, abortAfter(2))).rejects.toMatchObject({ code: 'Interrupted' });
  expect((await runCopy()).figures).toMatchObject({ snapshotsCopied: 3 });
  await backUpDaily(1);
  expect((await runCopy()).figures).toMatchObject({ snapshotsCopied: 1, snapshotsPresent: 3 });
  // Nothing new: the copy is as old as its newest snapshot, however often it runs.
  const newest = (await snapshotsOf(second)).at(-1)!.time;
  bench.now = new Date(bench.now.getTime() + 5 * DAY_MS);
  expect((await runCopy()).figures).toMatchObject({
    snapshotsCopied: 0,
    bytesRead: 0,
    bytesStored: 0,
    newestSnapshotTime: newest,
  });
});

test('a dry run counts, and writes nothing', async () => {
  await backUpDaily(2);
  const { figures } = await runCopy({}, { dryRun: true });
  expect(figures).toMatchObject({ snapshotsCopied: 2, bytesStored: 0, copies: [] });
  expect(figures.newestSnapshotTime).toBeUndefined();
  expect(figures.blobs).toBeGreaterThan(0);
  expect(await snapshotsOf(second)).toEqual([]);
});

test('what retention would forget in the destination is not copied, and what it has forgotten does not come back', async () => {
  await backUpDaily(4);
  const ruled = { rules: RULES };
  expect((await runCopy(ruled)).figures).toMatchObject({ snapshotsCopied: 2, snapshotsPassedOver: 2 });
  await backUpDaily(1);
  expect((await runCopy(ruled)).figures).toMatchObject({ snapshotsCopied: 1, snapshotsPassedOver: 2 });
  const rules: RetentionSettings = { kind: 'retention', repository: second, policyNames: ['orders'], rules: RULES };
  const { figures } = await retention(bench.deps, bench.request(rules), bench.context());
  expect(figures).toMatchObject({ kept: 2, forgotten: 1, foreign: 0 });
  expect((await runCopy(ruled)).figures).toMatchObject({ snapshotsCopied: 0, snapshotsPresent: 2 });
  const hold = { until: '2036-01-01', reason: 'HGB §257', by: 'legal' };
  expect((await runCopy({ ...ruled, hold })).figures).toMatchObject({ snapshotsCopied: 3, snapshotsPassedOver: 0 });
});

test('retention counts the age of a copy from the recorded run of its original, not by the clock of the source', async () => {
  await backUpDaily(2);
  const recorded = bench.now;
  // A source whose clock is years ahead: its snapshot would be the newest for ever.
  bench.now = new Date('2031-01-01T00:00:00Z');
  await bench.withRepository(async (repository) => {
    const { id: _, ...newest } = (await repository.listSnapshots()).at(-1)!;
    const time = '2031-01-01T00:00:00Z';
    const snapshotId = await repository.saveSnapshot({ ...newest, time });
    const reference = { repository: 'offsite', repositoryId: repository.config.id, snapshotId };
    const early = new Date(recorded.getTime() - 1.5 * DAY_MS).toISOString();
    const request = bench.request({ kind: 'backup' } as BackupSettings);
    await bench.record(request, { snapshot: reference }, { startedAt: early, finishedAt: early });
  });
  await runCopy();
  const rules: RetentionSettings = { kind: 'retention', repository: second, policyNames: ['orders'], rules: RULES };
  await retention(bench.deps, bench.request(rules), bench.context());
  expect((await snapshotsOf(second)).map(({ time }) => time.slice(0, 4))).toEqual(['2026', '2026']);
});

test('damage in the source is a critical finding, and keeps nothing else from being copied', async () => {
  await backUpDaily(2);
  const [first, newest] = await snapshotsOf(bench.repository);
  await bench.withRepository(async (repository) => {
    await repository.loadIndex();
    const { packId } = repository.findBlob('tree', newest!.tree)!;
    await rm(join(bench.vault.local.path, 'offsite/data', packId.slice(0, 2), packId));
  });
  const { figures, findings } = await runCopy();
  expect(figures).toMatchObject({ snapshotsCopied: 1, snapshotsDamaged: 1, newestSnapshotTime: first!.time });
  expect(findings[0]).toMatchObject({
    code: 'repository/snapshot-damaged',
    severity: 'critical',
    subject: `snapshots/${newest!.id}`,
    message: expect.stringContaining('offsite is damaged'),
  });
});

test('nothing to copy is a finding; a missing repository is NoRepository, and never created', async () => {
  const { findings } = await runCopy();
  expect(findings).toEqual([expect.objectContaining({ code: 'copy/no-snapshot', severity: 'warning' })]);
  for (const missing of [{ from: { ...second, path: 'nowhere' } }, { to: { ...second, path: 'nowhere' } }])
    await expect(runCopy(missing)).rejects.toMatchObject({ code: 'NoRepository' });
});
