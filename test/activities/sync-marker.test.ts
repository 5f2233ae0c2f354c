import { lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeSyncMarker } from '../../activities/sync-marker.ts';
import { sync } from '../../activities/sync.ts';
import { HoldfastError } from '../../common/errors.ts';
import { GUARDS, type ActionRequest, type SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { SYNC_MARKER_FILE } from '../../domain/sync-marker.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { fullListing } from '../full-listing.ts';
import { openRclone } from '../files/real-rclone.ts';
import { requirePeer } from '../peers.ts';
import { fillFolder, syncSettings } from './sync-settings.ts';
import { namesIn, openWorkbench, sourceSettings, tick, type Workbench } from './workbench.ts';

const rclone = requirePeer('rclone');
const PASSWORD = 'correct horse';
let bench: Workbench;
let settings: SyncSettings;
let target: string;

beforeEach(async () => {
  bench = await openWorkbench();
  bench.deps.resolveSecret = async () => PASSWORD;
  target = join(bench.directory, 'standby', 'orders');
  settings = syncSettings(bench, { guards: { emptySource: 'refuse', maxDelete: { share: 0.5, files: 2 } } });
});

afterEach(async () => {
  await bench.remove();
});

const run = (changes: Partial<ActionRequest> = {}) =>
  sync(bench.deps, bench.request(settings, changes), bench.context());
const figures = async (changes: Partial<ActionRequest> = {}) => (await run(changes)).figures as SyncFigures;

/** The same sync, asked for by another policy. */
function runAs(policy: string, changes: Partial<ActionRequest> = {}) {
  const request = bench.request(settings, changes);
  request.action = { ...request.action, policy, id: `policy/${policy}/sync/standby` };
  return sync(bench.deps, request, bench.context());
}

const fill = (files: Record<string, string>, folder = bench.source) => fillFolder(folder, files);

/** Refused with the guard, whose hint names what goes on; the target is as it was, to the nanosecond. */
async function expectRefusal(attempt: () => Promise<unknown>, guard: string, message: string): Promise<void> {
  const before = await fullListing(target);
  await expect(attempt()).rejects.toMatchObject({
    code: 'GuardRefused',
    message: expect.stringContaining(message) as string,
    hint: expect.stringContaining(`--accept ${guard}`) as string,
    context: { guard },
  });
  expect(GUARDS).toContain(guard);
  expect(await fullListing(target)).toEqual(before);
}

describe('a target with a marker', () => {
  test('says whose it is from the first run on, and is part of nothing else', async () => {
    await fill({ 'a.txt': 'a' });
    expect(await figures({ dryRun: true })).not.toHaveProperty('marked');
    expect(await figures()).toMatchObject({ filesExamined: 1, filesCopied: 1, marked: true });
    const path = join(target, SYNC_MARKER_FILE);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      format: 'holdfast-sync/1',
      policy: 'orders',
      target: 'standby',
      path: 'orders',
      createdAt: '2026-11-23T02:00:00.000Z',
      folds: [],
    });
    expect((await lstat(path)).mode & 0o777).toBe(0o600);
    expect((await lstat(target, { bigint: true })).mtimeNs).toBe((await lstat(bench.source, { bigint: true })).mtimeNs);
    const before = await fullListing(target);
    bench.now = new Date('2026-11-24T02:00:00Z');
    expect(await figures()).toMatchObject({ filesCopied: 0, filesRemoved: 0, filesUnchanged: 1, metadataUpdated: 0 });
    expect(await fullListing(target)).toEqual(before);
    // Not counted either: else it would be a file of a target whose source is empty.
    await rm(join(bench.source, 'a.txt'));
    expect(await figures({ accept: ['emptySource'] })).toMatchObject({ filesRemoved: 1 });
    expect(await readdir(target)).toEqual([SYNC_MARKER_FILE]);
    expect(await figures()).toMatchObject({ filesRemoved: 0 });
  });

  test('is not synced onward, and does not keep a source in its place', async () => {
    await fill({ 'a.txt': 'a' });
    await run();
    settings = { ...settings, source: sourceSettings([target]), path: 'again' };
    expect(await figures()).toMatchObject({ filesExamined: 1, filesCopied: 1 });
    const marker = await readFile(join(bench.directory, 'standby', 'again', SYNC_MARKER_FILE), 'utf8');
    expect(JSON.parse(marker)).toMatchObject({ path: 'again' });
  });

  test('of another policy is left to it until an operator says so', async () => {
    await fill({ 'a.txt': 'a', 'b.txt': 'b' });
    await runAs('invoices');
    await rm(join(bench.source, 'b.txt'));
    for (const changes of [{}, { dryRun: true }, { accept: ['maxDelete', 'emptySource', 'missingTarget'] }])
      await expectRefusal(() => run(changes), 'foreignTarget', 'is the target of the policy "invoices"');
    expect(await namesIn(target)).toEqual(['a.txt', 'b.txt']);
    expect(await figures({ accept: ['foreignTarget'] })).toMatchObject({ filesRemoved: 1 });
    expect(await figures()).toMatchObject({ filesRemoved: 0 });
    await expectRefusal(() => runAs('invoices'), 'foreignTarget', 'is the target of the policy "orders"');
  });

  test('that one of two policies has just taken is refused to the other, which came at the same moment', async () => {
    await fill(Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`f${index}`, 'x'])));
    const outcomes = await Promise.allSettled([runAs('orders'), runAs('invoices')]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  test('stays the target of a policy that was renamed', async () => {
    await fill({ 'a.txt': 'a' });
    await runAs('shop');
    await expectRefusal(run, 'foreignTarget', '"shop"');
    settings.formerly = ['store', 'shop'];
    expect(await figures()).toMatchObject({ filesUnchanged: 1 });
    delete settings.formerly;
    await run();
  });

  test.each(['', 'no JSON', '[]', '{"format":"holdfast-sync/2","policy":"orders"}'])(
    'that cannot be read is nobody’s: %j',
    async (text) => {
      await fill({ 'a.txt': 'a' });
      await fill({ [SYNC_MARKER_FILE]: text, 'theirs.txt': 't' }, target);
      await expectRefusal(run, 'foreignTarget', 'has a marker (.holdfast-sync.json) that cannot be read');
    },
  );
});

describe('a target without a marker', () => {
  test.each(['mirror', 'copy'] as const)('that holds files is nobody’s: mode %s', async (mode) => {
    settings.mode = mode;
    await fill({ 'a.txt': 'a' });
    await fill({ 'theirs/t.txt': 't' }, target);
    await expectRefusal(run, 'foreignTarget', 'holds files already');
    const { hint } = (await run().catch((error: unknown) => error)) as HoldfastError;
    expect(hint?.includes('remove what the source does not have')).toBe(mode === 'mirror');
    expect(await figures({ accept: ['foreignTarget'] })).toMatchObject({
      filesCopied: 1,
      filesRemoved: mode === 'mirror' ? 1 : 0,
    });
    await run();
  });

  test('is new, when it holds no more than a new disk does', async () => {
    settings.path = '';
    settings.mode = 'copy';
    await fill({ 'a.txt': 'a' });
    await mkdir(join(settings.to.local!.path, 'lost+found'), { recursive: true });
    expect(await figures()).toMatchObject({ filesCopied: 1, marked: true });
  });

  test('is not even locked, where the target is the whole location', async () => {
    settings.path = '';
    target = settings.to.local!.path;
    await fill({ 'a.txt': 'a' });
    await fill({ 'theirs.txt': 't' }, target);
    await expectRefusal(run, 'foreignTarget', 'holds files already');
  });

  test('that was filled before there were markers goes on, by the records', async () => {
    await fill({ 'a.txt': 'a' });
    const { figures: now } = await run();
    await rm(join(target, SYNC_MARKER_FILE));
    await expectRefusal(run, 'foreignTarget', 'holds files already');
    const { marked: _, ...before } = now as SyncFigures;
    await bench.record(bench.request(settings), { figures: before });
    expect(await figures()).toMatchObject({ filesUnchanged: 1, marked: true });
    expect(await readdir(target)).toContain(SYNC_MARKER_FILE);
  });

  test('that had one is another disk, or none', async () => {
    await fill({ 'a.txt': 'a' });
    await bench.record(bench.request(settings), await run());
    await rename(target, `${target}-away`);
    await fill({ 'theirs.txt': 't' }, target);
    await expectRefusal(run, 'foreignTarget', 'but not the marker (.holdfast-sync.json) that the last sync left there');
    await rm(join(target, 'theirs.txt'));
    await expectRefusal(run, 'missingTarget', 'is empty, though a sync has filled it before');
    await rm(target, { recursive: true });
    await rename(`${target}-away`, target);
    expect(await figures()).toMatchObject({ filesUnchanged: 1 });
    await rm(target, { recursive: true });
    await mkdir(target);
    expect(await figures({ accept: ['missingTarget'] })).toMatchObject({ filesCopied: 1 });
  });
});

test.each(['standard', 'plain'] as const)(
  'an encrypted target has its marker where it can be read without the password: %s names',
  async (names) => {
    settings.encrypt = { password: { env: 'PASSWORD' }, names };
    await fill({ 'a.txt': 'a', 'sub/b.txt': 'b' });
    const first = await run();
    expect([first.findings, first.figures]).toMatchObject([[], { filesCopied: 2 }]);
    const second = await run();
    expect([second.findings, second.figures]).toMatchObject([[], { filesUnchanged: 2, filesRemoved: 0 }]);
    bench.deps.resolveSecret = async () => 'another password';
    await expectRefusal(() => runAs('invoices'), 'foreignTarget', '"orders"');
  },
);

rclone.it('rclone sees nothing of the marker of an encrypted target, with names of either kind', async () => {
  await fill({ 'a.txt': 'a', 'sub/b.txt': 'b' });
  for (const names of ['standard', 'plain'] as const) {
    settings.encrypt = { password: { env: 'PASSWORD' }, names };
    await run();
    expect(await readdir(target)).toContain(SYNC_MARKER_FILE);
    const real = await openRclone(rclone.command, target, { password: PASSWORD }, names);
    expect((await real.run('lsf', '-R', '--files-only', 'crypt:')).trim().split('\n')).toEqual(['a.txt', 'sub/b.txt']);
    await real.run('cryptcheck', bench.source, 'crypt:');
    const restored = join(bench.directory, `restored-${names}`);
    await real.run('copy', 'crypt:', restored);
    expect(await readdir(restored)).toEqual(['a.txt', 'sub']);
    await rm(target, { recursive: true });
  }
});

test('a writer who may not delete leaves what a name was tried with, and no sync ever looks at it', async () => {
  await mkdir(target, { recursive: true });
  const inner = openLocalTree(target);
  const tree = new Proxy(inner, {
    get(of, key) {
      if (key === 'remove') return () => Promise.reject(new HoldfastError('AccessDenied', 'may not delete'));
      const value: unknown = Reflect.get(of, key);
      return typeof value === 'function' ? (value.bind(of) as unknown) : value;
    },
  });
  const request = bench.request(settings);
  expect(await writeSyncMarker(tree, request, settings, { now: bench.now, keeps: undefined })).toMatchObject({
    policy: 'orders',
    folds: [],
  });
  expect(await readdir(target)).toHaveLength(2);
  await fill({ 'a.txt': 'a' });
  const outcome = await run();
  expect([outcome.findings, outcome.figures]).toMatchObject([[], { filesCopied: 1, filesRemoved: 0 }]);
  expect(await readdir(target)).toHaveLength(3);
});

test('a source that is empty, gone, or has lost most of its files leaves the target as it is', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `f${index}`);
  await fill(Object.fromEntries(names.map((name) => [`sub/${name}`, name])));
  await run();
  await tick();
  await rename(join(bench.source, 'sub'), join(bench.directory, 'sub'));
  await expectRefusal(run, 'emptySource', 'the source is empty, and the target has 20 files');
  await rename(bench.source, `${bench.source}-away`);
  const before = await fullListing(target);
  await expect(run()).rejects.toMatchObject({
    hint: expect.stringContaining('when it is empty on purpose, make an empty folder there') as string,
    context: { guard: 'missingSource' },
  });
  expect(await fullListing(target)).toEqual(before);
  await rename(`${bench.source}-away`, bench.source);
  await rename(join(bench.directory, 'sub'), join(bench.source, 'sub'));
  for (const name of names.slice(2)) await rm(join(bench.source, 'sub', name));
  await expectRefusal(run, 'maxDelete', 'would remove 18 of 20 files (90 %)');
  expect(await figures({ accept: ['maxDelete'] })).toMatchObject({ filesRemoved: 18 });
  expect(await readdir(join(target, 'sub'))).toEqual(['f0', 'f1']);
});
