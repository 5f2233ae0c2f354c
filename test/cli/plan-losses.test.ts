import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backup } from '../../activities/backup.ts';
import { sync } from '../../activities/sync.ts';
import { findLosses } from '../../cli/plan-losses.ts';
import type { Action, ActionSettings, RetentionSettings, SyncSettings } from '../../domain/action.ts';
import { HoldfastError } from '../../common/errors.ts';
import { sampleApply } from '../evidence/sample-records.ts';
import { fillFolder, syncSettings } from '../activities/sync-settings.ts';
import { namesIn, openWorkbench, sourceSettings, type Workbench } from '../activities/workbench.ts';

let bench: Workbench;

beforeEach(async () => {
  bench = await openWorkbench();
});

afterEach(async () => {
  await bench.remove();
});

const actionOf = (settings: ActionSettings): Action => bench.request(settings).action;

/** What a change of one action's settings would lose; without `before` the action is new. */
async function losses(
  after: ActionSettings,
  before?: ActionSettings,
  changes: { hostname?: string; limitSeconds?: number } = {},
) {
  const { commit, evidence } = bench.request(after);
  const { limitSeconds, ...machine } = changes;
  return findLosses({
    actions: [actionOf(after)],
    commit,
    evidence,
    record: { ...sampleApply(), actions: before === undefined ? [] : [actionOf(before)] },
    dependencies: { ...bench.deps, ...machine },
    signal: new AbortController().signal,
    ...(limitSeconds === undefined ? {} : { limitSeconds }),
  });
}

function retention(
  keep: RetentionSettings['rules']['keep'],
  more: Partial<RetentionSettings['rules']> = {},
): RetentionSettings {
  const rules = { keep, proven: 1, maxForgetShare: 0.5, ...more };
  return { kind: 'retention', repository: bench.repository, policyNames: ['orders'], rules };
}

/** One a day, each with other data; oldest first, as people see them. */
async function backUpDaily(days: number): Promise<string[]> {
  await bench.initRepository();
  const source = sourceSettings([bench.source]);
  const settings = {
    kind: 'backup' as const,
    source,
    repository: bench.repository,
    hostname: 'app-01',
    tags: [],
    verifyShare: 0,
  };
  const ids: string[] = [];
  for (let day = 0; day < days; day++) {
    bench.now = new Date(bench.now.getTime() + 86_400_000);
    await writeFile(join(bench.source, 'day.txt'), `day ${day}`);
    const outcome = await backup(bench.deps, bench.request(settings), bench.context());
    await bench.record(bench.request(settings), outcome);
    ids.push(outcome.snapshot!.snapshotId.slice(0, 8));
  }
  return ids;
}

test('new retention rules: the snapshots that they would forget at once, first those that would else stay', async () => {
  const ids = await backUpDaily(9);
  const locks = () => readdir(join(bench.vault.local.path, 'offsite/locks'));
  const before = await locks();
  const [loss] = await losses(retention({ last: 2 }), retention({ last: 5 }));
  expect(loss).toMatchObject({
    actionId: 'policy/orders/retention/offsite',
    what: 'snapshots',
    lost: 7,
    of: 9,
    keptSoFar: 3,
  });
  expect(loss!.because).toContain('maxForget');
  // Newest first; five are named.
  expect(loss!.names.map((name) => name.slice(0, 8))).toEqual([ids[6], ids[5], ids[4], ids[3], ids[2]]);
  expect(loss!.names[0]).toContain(`of ${bench.source}, made 2026-11-`);
  expect([await locks(), (await bench.withRepository((repository) => repository.listSnapshots())).length]).toEqual([
    before,
    9,
  ]);
  expect(await losses(retention({ last: 2 }))).toMatchObject([{ lost: 7, of: 9 }]);
  expect(await losses(retention({ last: 20 }), retention({ last: 5 }))).toEqual([]);
});

test('only what decides over snapshots is looked at: a guard that changes is none of it', async () => {
  await backUpDaily(3);
  expect(await losses(retention({ last: 1 }, { maxForgetShare: 0.9 }), retention({ last: 1 }))).toEqual([]);
  expect(await losses(retention({ last: 1, daily: 1 }), retention({ last: 1 }))).toHaveLength(1);
});

test('a repository that is not there has nothing to lose; one that cannot be read is told, and fails nothing', async () => {
  expect(await losses(retention({ last: 1 }))).toEqual([]);
  await backUpDaily(2);
  const locked = async () => {
    throw new HoldfastError('WrongPassword', 'the password does not open offsite');
  };
  bench.deps.openRepository = locked;
  expect(await losses(retention({ last: 1 }))).toEqual([
    {
      actionId: 'policy/orders/retention/offsite',
      what: 'snapshots',
      names: [],
      because: 'the password does not open offsite',
    },
  ]);
});

const mirror = (changes: Partial<SyncSettings> = {}) => syncSettings(bench, changes);
const run = (settings: SyncSettings) => sync(bench.deps, bench.request(settings), bench.context());
const target = () => join(bench.directory, 'standby', 'orders');

test('a copy that becomes a mirror: the files that it would remove, and what its guard says', async () => {
  await fillFolder(bench.source, { 'a.txt': 'a', 'b.txt': 'b' });
  const copy = mirror({ mode: 'copy' });
  await run(copy);
  await rm(join(bench.source, 'b.txt'));
  await fillFolder(target(), { 'old/1': '1', 'old/2': '2' });
  const found = await losses(
    mirror({ versions: '30d', guards: { emptySource: 'refuse', maxDelete: { share: 0.1, files: 1 } } }),
    copy,
  );
  expect(found).toEqual([
    {
      actionId: 'policy/orders/sync/offsite',
      what: 'files',
      lost: 3,
      names: ['b.txt', 'old', 'old/1', 'old/2'],
      keptAside: '30d',
      because: expect.stringContaining('refused by its guard: the run would remove 3 of 4 files (75 %)'),
    },
  ]);
  expect(await namesIn(target())).toEqual(['a.txt', 'b.txt', 'old']);
  expect(await losses(mirror({ verifyShare: 0 }), mirror())).toEqual([]);
});

test('a new mirror of an empty place loses nothing; one of a place with files of others is told to be refused', async () => {
  await fillFolder(bench.source, { 'a.txt': 'a' });
  expect(await losses(mirror())).toEqual([]);
  await fillFolder(target(), { precious: '1' });
  expect(await losses(mirror())).toMatchObject([{ what: 'files', because: expect.stringContaining('holds') }]);
});

test('what only another host can see, and what there is no time for, is told as not known', async () => {
  await backUpDaily(2);
  const late = await losses(retention({ last: 1 }), undefined, { limitSeconds: 0 });
  expect(late).toMatchObject([{ names: [], because: 'the time for looking was over' }]);
  const action = { ...actionOf(retention({ last: 1 })), host: 'nas-01' };
  const { commit, evidence } = bench.request(action.settings);
  const { signal } = new AbortController();
  const input = { actions: [action], commit, evidence, record: undefined, dependencies: bench.deps, signal };
  expect(await findLosses(input)).toMatchObject([{ names: [], because: 'only nas-01 can look' }]);
});
