import fc from 'fast-check';
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSyncRenames } from '../../activities/sync-renames.ts';
import type { SyncRun } from '../../activities/sync-copy.ts';
import { sync } from '../../activities/sync.ts';
import { silentProgress } from '../../common/progress.ts';
import type { ActionRequest, SyncSettings } from '../../domain/action.ts';
import { createFindingList } from '../../domain/findings.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { fromText } from '../../files/byte-path.ts';
import type { FileTree } from '../../files/file-tree.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { runUnprivileged } from './run-sync-child.ts';
import { syncSettings } from './sync-settings.ts';
import { namesIn, openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
let settings: SyncSettings;
let target: string;

beforeEach(async () => {
  bench = await openWorkbench();
  bench.deps.resolveSecret = async () => 'secret';
  target = join(bench.directory, 'standby', 'orders');
  settings = syncSettings(bench);
});

afterEach(async () => {
  await bench.remove();
});

const run = (changes: Partial<ActionRequest> = {}) =>
  sync(bench.deps, bench.request(settings, changes), bench.context());
const figures = async (changes: Partial<ActionRequest> = {}) => (await run(changes)).figures as SyncFigures;

/** All of one time, but for seconds that are given, so that sizes alone tell the files apart. */
async function fill(files: Record<string, string>, changes: Record<string, number> = {}): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(bench.source, name, '..'), { recursive: true });
    await writeFile(join(bench.source, name), content);
    const time = 1_500_000_000 + (changes[name] ?? 0);
    await utimes(join(bench.source, name), time, time);
  }
}

async function describeTree(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await namesIn(folder, { recursive: true })) {
    if (name.startsWith('.holdfast')) continue;
    const stats = await lstat(join(folder, name), { bigint: true });
    const content = stats.isFile() ? await readFile(join(folder, name), 'utf8') : 'folder';
    found[name] = [content, stats.mode, stats.mtimeNs].join(' ');
  }
  return found;
}

const inodeOf = async (name: string) => (await lstat(join(target, name))).ino;
const move = (from: string, to: string) => rename(join(bench.source, from), join(bench.source, to));

test('what was renamed or moved in the source is moved in the target, with whole folders, and set right', async () => {
  await fill({ 'a.txt': 'a', 'sub/b.txt': 'bb', 'folder/c.txt': 'ccc', 'folder/deep/d.txt': 'dddd', stays: 'sssss' });
  await utimes(join(bench.source, 'sub'), 1_500_000_000, 1_500_000_000);
  await run();
  const inodes = await Promise.all(['a.txt', 'sub/b.txt', 'folder/c.txt', 'folder/deep/d.txt'].map(inodeOf));
  await move('a.txt', 'z.txt');
  await chmod(join(bench.source, 'z.txt'), 0o600);
  await move('sub/b.txt', 'zz.txt');
  // A folder that looks unchanged gets its time back all the same.
  await utimes(join(bench.source, 'sub'), 1_500_000_000, 1_500_000_000);
  await move('folder', 'renamed');
  const outcome = await run();
  expect(outcome.findings).toEqual([]);
  expect(outcome.figures).toMatchObject({
    filesRenamed: 4,
    filesCopied: 0,
    bytesCopied: 0,
    filesRemoved: 0,
    filesUnchanged: 1,
    filesVerified: 5,
    filesPending: 0,
  });
  expect(await describeTree(target)).toEqual(await describeTree(bench.source));
  expect(await Promise.all(['z.txt', 'zz.txt', 'renamed/c.txt', 'renamed/deep/d.txt'].map(inodeOf))).toEqual(inodes);
  expect(await figures()).toMatchObject({ filesCopied: 0, filesRemoved: 0, filesUnchanged: 5, metadataUpdated: 0 });
});

test('among many new files the renamed ones are moved all the same', async () => {
  const names = Array.from({ length: 70 }, (_, index) => `${index}`);
  await fill(Object.fromEntries(names.map((name) => [`old/${name}`, name.padEnd(Number(name) + 3)])));
  await run();
  await move('old', 'new');
  await fill(Object.fromEntries(names.map((name) => [`more/${name}`, `another ${name}`.padEnd(100)])));
  const outcome = await run();
  expect(outcome.findings).toEqual([]);
  expect(outcome.figures).toMatchObject({ filesRenamed: 70, filesCopied: 70, filesRemoved: 0, filesPending: 0 });
  expect(await describeTree(target)).toEqual(await describeTree(bench.source));
});

test('a file of the same size and time that has other content is copied', async () => {
  await fill({ 'old.txt': 'first content' });
  await run();
  await rm(join(bench.source, 'old.txt'));
  await fill({ 'new.txt': 'other content' });
  expect(await figures()).toMatchObject({ filesCopied: 1, filesRemoved: 1 });
  expect(await describeTree(target)).toEqual(await describeTree(bench.source));
});

test('a dry run names both ends, and changes nothing', async () => {
  await fill({ 'a.txt': 'a', 'gone.txt': 'gg' });
  await run();
  await move('a.txt', 'sub.txt');
  await rm(join(bench.source, 'gone.txt'));
  await fill({ 'new.txt': 'nnn' });
  const planned = await figures({ dryRun: true });
  expect(planned).toMatchObject({ filesRenamed: 1, filesCopied: 1, bytesCopied: 3, filesRemoved: 1 });
  expect(planned.decisions).toEqual([
    { step: 'remove', path: 'a.txt', reason: 'probably renamed to sub.txt' },
    { step: 'remove', path: 'gone.txt', reason: 'not in the source' },
    { step: 'copy', path: 'new.txt', reason: 'new' },
    { step: 'rename', path: 'sub.txt', reason: 'probably renamed from a.txt' },
  ]);
  expect(await namesIn(target)).toEqual(['a.txt', 'gone.txt']);
  expect(await figures()).toMatchObject({ filesRenamed: 1, filesCopied: 1, bytesCopied: 3, filesRemoved: 1 });
});

test('with versions nothing of a rename is put aside, but what looked like one and was none is', async () => {
  settings.versions = '30d';
  await fill({ 'a.txt': 'a', 'old.txt': 'first content' });
  await run();
  await move('a.txt', 'b.txt');
  await rm(join(bench.source, 'old.txt'));
  await fill({ 'new.txt': 'other content' });
  expect(await figures()).toMatchObject({ filesRenamed: 1, filesCopied: 1, filesRemoved: 1, filesKept: 1 });
  const [stamp = ''] = await readdir(join(target, '.holdfast-versions'));
  expect(await readdir(join(target, '.holdfast-versions', stamp))).toEqual(['old.txt']);
  expect(await describeTree(target)).toEqual(await describeTree(bench.source));
});

test('copy mode moves nothing, and the guards count what goes from its place', async () => {
  settings.guards.maxDelete = { share: 0.1, files: 1 };
  await fill({ 'a.txt': 'a', 'b.txt': 'bb', 'c.txt': 'ccc' });
  await run();
  await move('a.txt', 'x.txt');
  await move('b.txt', 'y.txt');
  await expect(run()).rejects.toMatchObject({ context: { guard: 'maxDelete' } });
  settings.mode = 'copy';
  expect(await figures()).toMatchObject({ filesCopied: 2, filesRemoved: 0 });
  expect(await namesIn(target)).toEqual(['a.txt', 'b.txt', 'c.txt', 'x.txt', 'y.txt']);
});

test('an account that permissions hold back moves out of folders that it may not write', async () => {
  await fill({ 'closed/a.txt': 'a' });
  await chmod(join(bench.source, 'closed'), 0o555);
  runUnprivileged(bench.request(settings));
  await move('closed', 'other');
  const outcome = runUnprivileged(bench.request(settings));
  expect([outcome.findings, outcome.figures]).toMatchObject([[], { filesRenamed: 1, filesCopied: 0 }]);
  expect(await describeTree(target)).toEqual(await describeTree(bench.source));
  for (const folder of [bench.source, target]) await chmod(join(folder, 'other'), 0o755);
});

test('an encrypted copy is moved, too', async () => {
  settings.encrypt = { password: { env: 'PASSWORD' }, names: 'standard' };
  await fill({ 'sub/a.txt': 'a' });
  await run();
  await move('sub', 'other');
  const outcome = await run();
  expect([outcome.findings, outcome.figures]).toMatchObject([
    [],
    { filesRenamed: 1, filesCopied: 0, filesVerified: 1 },
  ]);
});

test('a renamed file that may not be read is told, and its copy goes with its old name', async () => {
  await fill({ 'a.txt': 'a', 'b.txt': 'bb' });
  await run();
  await move('a.txt', 'closed.txt');
  await chmod(join(bench.source, 'closed.txt'), 0o000);
  const outcome = runUnprivileged(bench.request(settings));
  expect(outcome.findings.map(({ code }) => code)).toContain('source/unreadable');
  expect(outcome.figures).toMatchObject({ filesCopied: 0 });
  expect((outcome.figures as SyncFigures).filesRenamed ?? 0).toBe(0);
});

test(
  'whatever is renamed, exchanged, copied and changed, the target has what the source has',
  { timeout: 60_000 },
  async () => {
    // Few names, contents and times: nearly every pair of files looks like a rename. What changes in its place has another time.
    const path = fc.constantFrom('a', 'b', 'c', 'x/a', 'x/b', 'y/a', 'y/z/b');
    const content = fc.constantFrom('one', 'two', 'six', 'four');
    const tree = fc.dictionary(path, content, { minKeys: 1, maxKeys: 6, noNullPrototype: true });
    let moved = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(tree, { minLength: 2, maxLength: 4 }), fc.boolean(), async (states, kept) => {
        await rm(target, { recursive: true, force: true });
        if (kept) settings.versions = '30d';
        else delete settings.versions;
        let before: Record<string, string> = {};
        const changes: Record<string, number> = {};
        for (const state of states) {
          await rm(bench.source, { recursive: true });
          await mkdir(bench.source);
          for (const [name, text] of Object.entries(state))
            if (text !== before[name]) changes[name] = name in before ? (changes[name] ?? 0) + 1 : 0;
          before = state;
          await fill(state, changes);
          const { filesRenamed = 0, filesPending } = await figures();
          moved += filesRenamed;
          expect(filesPending).toBe(0);
          const expected = await describeTree(bench.source);
          expect(await describeTree(target)).toEqual(expected);
        }
      }),
      { numRuns: 60, seed: 5 },
    );
    expect(moved).toBeGreaterThan(20);
  },
);

describe('where reading from the target costs as much as sending', () => {
  const old = fromText('old');
  const large = 'x'.repeat(1024 * 1024 + 1);

  /** The verdict for a file that was renamed in the source, and whether the target was read for it. */
  async function take(content: string, checksums?: FileTree['checksums']): Promise<[taken: boolean, read: boolean]> {
    const source = join(bench.directory, 'source');
    await mkdir(target, { recursive: true });
    for (const path of [join(source, 'new'), join(target, 'old')]) {
      await writeFile(path, content);
      await utimes(path, 1_500_000_000, 1_500_000_000);
    }
    const inner = openLocalTree(target);
    let read = false;
    const tree = new Proxy(inner, {
      get(of, key) {
        if (key === 'checksums') return checksums;
        if (key === 'openRead') read = true;
        const value: unknown = Reflect.get(of, key);
        return typeof value === 'function' ? (value.bind(of) as unknown) : value;
      },
    });
    const local = openLocalTree(source);
    const entry = (await local.stat(fromText('new')))!;
    const run: SyncRun = {
      source: local,
      sourceRoot: undefined,
      target: tree,
      owners: false,
      overrides: true,
      figures: { kind: 'sync' } as SyncFigures,
      findings: createFindingList(),
      signal: new AbortController().signal,
      progress: silentProgress,
      failed: new Set(),
      folders: new Map(),
      deferred: [],
    };
    const candidates = new Map([[entry.path, { from: old, sizeBytes: entry.sizeBytes }]]);
    return [await openSyncRenames(candidates, { readsCheaply: false }).take(run, entry), read];
  }

  test('nothing is moved when the source has the old name again, or the target the new one', async () => {
    await writeFile(join(bench.source, 'old'), 'small');
    expect(await take('small')).toEqual([false, false]);
    await rm(join(bench.source, 'old'));
    await mkdir(target, { recursive: true });
    await writeFile(join(target, 'new'), 'somebody else’s');
    expect(await take('small')).toEqual([false, false]);
    expect(await readFile(join(target, 'new'), 'utf8')).toBe('somebody else’s');
  });

  const md5 = { algorithm: 'md5', value: 'a9b5dee5f1d1a9a2fb7d4d4bb9bb2d8a' } as const;

  test('a small file is compared, a large one is sent again', async () => {
    expect(await take('small')).toEqual([true, true]);
    expect(await take(large)).toEqual([false, false]);
  });

  test('a large one is moved when the server knows a checksum that proves its content', async () => {
    const { createHash } = await import('node:crypto');
    const value = createHash('md5').update(large).digest('hex');
    expect(
      await take(large, async () => [
        { algorithm: 'crc32', value: '0' },
        { algorithm: 'md5', value },
      ]),
    ).toEqual([true, false]);
    expect(await take(large, async () => [md5])).toEqual([false, false]);
    expect(await take(large, async () => [{ algorithm: 'crc32', value: '0' }])).toEqual([false, false]);
  });
});
