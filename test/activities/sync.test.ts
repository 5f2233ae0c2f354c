import {
  chmod,
  chown,
  lstat,
  mkdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sync } from '../../activities/sync.ts';
import { GUARDS, type ActionRequest, type SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { runUnprivileged } from './run-sync-child.ts';
import { fillFolder, syncSettings } from './sync-settings.ts';
import { abortAfter, namesIn, openWorkbench, sourceSettings, tick, type Workbench } from './workbench.ts';

let bench: Workbench;
let settings: SyncSettings;
let target: string;

beforeEach(async () => {
  bench = await openWorkbench();
  target = join(bench.directory, 'standby', 'orders');
  settings = syncSettings(bench);
});

afterEach(async () => {
  await bench.remove();
});

const run = (changes: Partial<ActionRequest> = {}) =>
  sync(bench.deps, bench.request(settings, changes), bench.context());
const figures = async (changes: Partial<ActionRequest> = {}) => (await run(changes)).figures as SyncFigures;
const fill = (files: Record<string, string>, folder = bench.source) => fillFolder(folder, files);

/** Everything of a tree that a sync keeps. */
async function describe(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await namesIn(folder, { recursive: true })).toSorted()) {
    const path = join(folder, name);
    const stats = await lstat(path, { bigint: true });
    const content = stats.isSymbolicLink()
      ? await readlink(path)
      : stats.isFile()
        ? await readFile(path, 'utf8')
        : 'folder';
    const mode = stats.isSymbolicLink() ? '' : (stats.mode & 0o7777n).toString(8);
    found[name] = [content, mode, stats.uid, stats.gid, stats.mtimeNs].join(' ');
  }
  return found;
}

test('a mirror has the content, modes, times, owners and links of its source, and a second run finds nothing to do', async () => {
  await fill({ 'a.txt': 'a', 'sub/deep/b.txt': 'bb', 'sub/empty.txt': '', 'grüße.txt': 'c' });
  await mkdir(join(bench.source, 'hollow'), { mode: 0o750 });
  await chmod(join(bench.source, 'a.txt'), 0o4711);
  await symlink('../elsewhere', join(bench.source, 'sub/link'));
  if (process.getuid?.() === 0) await chown(join(bench.source, 'sub/deep/b.txt'), 1234, 5678);
  await utimes(join(bench.source, 'sub'), new Date(1e12), new Date(1e12));
  await chmod(join(bench.source, 'sub/deep'), 0o555);

  const first = await run();
  expect(first.findings).toEqual([]);
  expect(first.figures).toMatchObject({
    filesExamined: 5,
    filesCopied: 5,
    filesRemoved: 0,
    filesVerified: 4,
    bytesTotal: 4,
  });
  expect(await describe(target)).toEqual(await describe(bench.source));
  expect((await lstat(settings.to.local!.path)).mode & 0o7777).toBe(0o700);

  const second = await run();
  expect(second.findings).toEqual([]);
  expect(second.figures).toMatchObject({ filesCopied: 0, filesRemoved: 0, filesUnchanged: 5, metadataUpdated: 0 });
});

test('changes, type changes and removals of every kind are carried over', async () => {
  await fill({
    'keep.txt': 'k',
    'change.txt': '1',
    'file-to-folder': 'x',
    'folder-to-file/in/side.txt': 'y',
    'gone/a/b.txt': 'z',
  });
  await symlink('a', join(bench.source, 'link'));
  await run();
  await tick();
  await fill({ 'change.txt': '22', 'new/n.txt': 'n' });
  await rm(join(bench.source, 'file-to-folder'));
  await fill({ 'file-to-folder/f.txt': 'f' });
  await rm(join(bench.source, 'folder-to-file'), { recursive: true });
  await fill({ 'folder-to-file': 'now a file' });
  await rm(join(bench.source, 'gone'), { recursive: true });
  await rm(join(bench.source, 'link'));
  await symlink('b', join(bench.source, 'link'));
  await chmod(join(bench.source, 'keep.txt'), 0o600);
  const outcome = await run();
  expect(outcome.findings).toEqual([]);
  expect(await describe(target)).toEqual(await describe(bench.source));
  expect(outcome.figures).toMatchObject({ filesCopied: 5, filesRemoved: 3, metadataUpdated: 1 });
  expect(await figures()).toMatchObject({ filesCopied: 0, filesRemoved: 0, metadataUpdated: 0 });
});

test('copy mode removes nothing, and tells what is in its way', async () => {
  settings.mode = 'copy';
  await fill({ 'a.txt': 'a', clash: 'file' });
  await run();
  await rm(join(bench.source, 'a.txt'));
  await rm(join(bench.source, 'clash'));
  await fill({ 'clash/inside.txt': 'i', 'b.txt': 'b' });
  const outcome = await run();
  expect((await namesIn(target)).toSorted()).toEqual(['a.txt', 'b.txt', 'clash']);
  expect(await readFile(join(target, 'clash'), 'utf8')).toBe('file');
  expect(outcome.findings.map(({ code, severity }) => [code, severity])).toEqual([['sync/obstructed', 'warning']]);
});

test('a source that is missing, or empty where it was not, is refused before anything is changed', async () => {
  await fill({ 'a.txt': 'a' });
  await run();
  const before = await describe(target);
  await rename(bench.source, `${bench.source}-away`);
  await expect(run({ accept: ['emptySource'] })).rejects.toMatchObject({
    code: 'GuardRefused',
    context: { guard: 'missingSource', finding: 'source/missing' },
  });
  await mkdir(bench.source);
  await expect(run()).rejects.toMatchObject({
    code: 'GuardRefused',
    hint: expect.stringContaining('--accept emptySource'),
    context: { guard: 'emptySource' },
  });
  expect(await describe(target)).toEqual(before);
  expect(await figures({ accept: ['emptySource'] })).toMatchObject({ filesRemoved: 1 });
  expect(await namesIn(target)).toEqual([]);
});

test('too many removals are refused before anything is changed, and accepted once', async () => {
  settings.guards.maxDelete = { share: 0.5, files: 2 };
  await fill({ '1': '', '2': '', '3': '', '4': '' });
  await run();
  for (const name of ['1', '2', '3']) await rm(join(bench.source, name));
  await fill({ '5': '' });
  await expect(run()).rejects.toMatchObject({ code: 'GuardRefused', context: { guard: 'maxDelete' } });
  expect(await namesIn(target)).toEqual(['1', '2', '3', '4']);
  await run({ accept: ['maxDelete'] });
  expect(await namesIn(target)).toEqual(['4', '5']);
});

test('a target that has vanished is not filled anew, unless no run succeeded before or the operator says so', async () => {
  await fill({ 'a.txt': 'a' });
  const request = bench.request(settings);
  await bench.record(request, await run());
  await rm(settings.to.local!.path, { recursive: true });
  await expect(run()).rejects.toMatchObject({ code: 'GuardRefused', context: { guard: 'missingTarget' } });
  // What the hint says to type must be taken.
  expect(GUARDS).toContain('missingTarget');
  await expect(lstat(settings.to.local!.path)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await figures({ accept: ['missingTarget'] })).toMatchObject({ filesCopied: 1 });
});

test('what is excluded is seen on neither side', async () => {
  settings.source = sourceSettings([bench.source], {
    exclude: ['*.tmp', join(bench.source, 'cache')],
    excludeIfPresent: ['.nobackup'],
    excludeLargerThanBytes: 10,
  });
  await fill({
    'a.txt': 'a',
    'b.tmp': 'b',
    'cache/c': 'c',
    'marked/.nobackup': '',
    'marked/d': 'd',
    big: 'x'.repeat(11),
  });
  await fill({ 'theirs.tmp': 't', 'cache/t': 't', 'gone/u.tmp': 'u', 'gone/v': 'v', big: 'old' }, target);
  const outcome = await run({ accept: ['foreignTarget'] });
  expect((await namesIn(target, { recursive: true })).toSorted()).toEqual(
    ['a.txt', 'big', 'cache', 'cache/t', 'gone', 'gone/u.tmp', 'marked', 'marked/.nobackup', 'theirs.tmp'].toSorted(),
  );
  expect(outcome.findings.map(({ code }) => code)).toEqual(['sync/kept-folder']);
});

test('include chooses files, and leaves what it does not choose alone', async () => {
  settings.include = ['*.txt'];
  await fill({ 'a.txt': 'a', 'b.log': 'b', 'sub/c.txt': 'c', 'sub/d.log': 'd' });
  await fill({ 'theirs.log': 't' }, target);
  await run({ accept: ['foreignTarget'] });
  expect((await namesIn(target, { recursive: true })).toSorted()).toEqual(['a.txt', 'sub', 'sub/c.txt', 'theirs.log']);
});

test('checksum mode finds changes that size and time hide, and copies nothing that is equal', async () => {
  await fill({ 'a.txt': 'aaa', 'b.txt': 'bbb' });
  await run();
  const { mtime } = await lstat(join(bench.source, 'a.txt'));
  await writeFile(join(bench.source, 'a.txt'), 'AAA');
  await utimes(join(bench.source, 'a.txt'), mtime, mtime);
  await utimes(join(target, 'a.txt'), mtime, mtime);
  await utimes(join(bench.source, 'b.txt'), new Date(1e12), new Date(1e12));
  settings.checksum = true;
  expect(await figures({ dryRun: true })).toMatchObject({ filesCopied: 1, filesUnchanged: 1 });
  expect(await figures()).toMatchObject({ filesCopied: 1, filesUnchanged: 1, metadataUpdated: 1 });
  expect(await describe(target)).toEqual(await describe(bench.source));
});

test('the verification finds a copy that rotted, and takes turns through all files', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `file-${index}`);
  await fill(Object.fromEntries(names.map((name) => [name, 'content'])));
  await run();
  const { mtime } = await lstat(join(target, 'file-7'), { bigint: false });
  await writeFile(join(target, 'file-7'), 'CONTENT');
  await utimes(join(target, 'file-7'), mtime, mtime);
  const exact = await lstat(join(bench.source, 'file-7'));
  await utimes(join(bench.source, 'file-7'), exact.mtime, exact.mtime);
  await utimes(join(target, 'file-7'), exact.mtime, exact.mtime);
  await tick();
  await tick();
  settings.verifyShare = 0.25;
  let verified = 0;
  let mismatches = 0;
  for (let day = 0; day < 4; day++) {
    bench.now = new Date(Date.UTC(2026, 10, 23 + day, 2));
    const outcome = await run();
    verified += (outcome.figures as SyncFigures).filesVerified;
    mismatches += outcome.findings.filter(({ code }) => code === 'sync/mismatch').length;
  }
  expect([verified, mismatches]).toEqual([40, 1]);
});

test('a dry run tells what it would do, with reasons, and changes nothing', async () => {
  await fill({ 'a.txt': 'a', 'b.txt': 'b' });
  await run();
  await rm(join(bench.source, 'a.txt'));
  await fill({ 'b.txt': 'bb', 'sub/c.txt': 'ccc' });
  const before = await describe(target);
  const outcome = await run({ dryRun: true });
  expect(outcome.figures).toMatchObject({ filesCopied: 2, filesRemoved: 1, bytesCopied: 5 });
  expect((outcome.figures as SyncFigures).decisions).toEqual([
    { step: 'remove', path: 'a.txt', reason: 'not in the source' },
    { step: 'replace', path: 'b.txt', reason: 'size 1 → 2' },
    { step: 'folder', path: 'sub', reason: 'new' },
    { step: 'copy', path: 'sub/c.txt', reason: 'new' },
  ]);
  expect(await describe(target)).toEqual(before);
});

test('an aborted run stops, leaves whole files only, and the next one completes', async () => {
  await fill(Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`f${index}`, `${index}`.repeat(1000)])));
  const context = abortAfter(80);
  await expect(sync(bench.deps, bench.request(settings), context)).rejects.toMatchObject({ code: 'Interrupted' });
  const copied = await namesIn(target);
  expect(copied.length).toBeLessThan(60);
  for (const name of copied)
    expect(await readFile(join(target, name))).toEqual(await readFile(join(bench.source, name)));
  await run();
  expect(await describe(target)).toEqual(await describe(bench.source));
});

test('two runs of the same sync do not interleave', async () => {
  await fill(Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`f${index}`, 'x'])));
  const outcomes = await Promise.all([figures(), figures(), figures()]);
  expect(outcomes.map(({ filesCopied }) => filesCopied).toSorted((a, b) => a - b)).toEqual([0, 0, 30]);
  expect((await namesIn(settings.to.local!.path)).filter((name) => name.includes('lock'))).toEqual([]);
});

test('a lock file of a dead process is taken over', async () => {
  await fill({ 'a.txt': 'a' });
  settings.path = '';
  await mkdir(settings.to.local!.path);
  const lock = join(settings.to.local!.path, '.holdfast-sync.lock');
  const { hostname } = await import('node:os');
  await writeFile(lock, JSON.stringify({ token: 't', pid: 2 ** 22 - 1, host: hostname(), startedAt: 'then' }));
  expect(await figures()).toMatchObject({ filesCopied: 1, filesRemoved: 0 });
  expect(await namesIn(settings.to.local!.path)).toEqual(['a.txt']);
});

test('several directories are placed by their names, and one that is empty is noticed', async () => {
  const second = join(bench.directory, 'second');
  await mkdir(second);
  await fill({ 'a.txt': 'a' });
  await fill({ 'b.txt': 'b' }, second);
  settings.source = sourceSettings([bench.source, second]);
  await run();
  expect((await namesIn(target, { recursive: true })).toSorted()).toEqual([
    'second',
    'second/b.txt',
    'source',
    'source/a.txt',
  ]);
  await rm(join(second, 'b.txt'));
  await expect(run()).rejects.toMatchObject({ context: { guard: 'emptySource' } });
});

test('a file that changes while it is copied is noted, and right after the next run', async () => {
  const path = join(bench.source, 'log');
  await writeFile(path, Buffer.alloc(64 * 1024 * 1024, 1));
  let changes = 0;
  const timer = setInterval(() => void truncate(path, 64 * 1024 * 1024 - ++changes).catch(() => undefined), 3);
  const outcome = await run().finally(() => clearInterval(timer));
  expect(outcome.findings.map(({ code, severity }) => `${severity} ${code}`)).toContain('notice source/changed');
  await tick();
  await run();
  expect((await lstat(join(target, 'log'))).size).toBe((await lstat(path)).size);
});

test('pipes are left out with a notice', async () => {
  execFileSync('mkfifo', [join(bench.source, 'pipe')]);
  await fill({ 'a.txt': 'a' });
  const outcome = await run();
  expect(outcome.findings.map(({ code }) => code)).toEqual(['source/special']);
  expect(await namesIn(target)).toEqual(['a.txt']);
});

test('what may not be read is a finding, and its copy is kept', async () => {
  await fill({ 'a.txt': 'a', 'closed.txt': 'c', 'folder/inside.txt': 'i', 'gone.txt': 'g' });
  await run();
  const before = await describe(target);
  await writeFile(join(bench.source, 'closed.txt'), 'changed');
  await rm(join(bench.source, 'gone.txt'));
  await chmod(join(bench.source, 'closed.txt'), 0o000);
  await chmod(join(bench.source, 'folder'), 0o000);
  const outcome = runUnprivileged(bench.request(settings));
  await chmod(join(bench.source, 'folder'), 0o700);
  expect(outcome.findings.map(({ code, severity, subject }) => [code, severity, subject])).toEqual([
    ['source/unreadable', 'warning', join(bench.source, 'folder')],
    ['source/unreadable', 'warning', join(bench.source, 'closed.txt')],
  ]);
  const after = await describe(target);
  expect(after['closed.txt']).toBe(before['closed.txt']);
  expect(after['folder/inside.txt']).toBe(before['folder/inside.txt']);
  expect(after['gone.txt']).toBeUndefined();
});

test('a folder that its owner may not write is synced all the same, and has its mode afterwards', async () => {
  await fill({ 'closed/a.txt': 'a', 'closed/b.txt': 'b' });
  await chmod(join(bench.source, 'closed'), 0o555);
  runUnprivileged(bench.request(settings));
  await chmod(join(bench.source, 'closed'), 0o755);
  await rm(join(bench.source, 'closed/a.txt'));
  await fill({ 'closed/b.txt': 'bb', 'closed/c.txt': 'c' });
  await chmod(join(bench.source, 'closed'), 0o555);
  expect(runUnprivileged(bench.request(settings)).findings).toEqual([]);
  expect(await describe(target)).toEqual(await describe(bench.source));
  await chmod(join(bench.source, 'closed'), 0o755);
  await chmod(join(target, 'closed'), 0o755);
});
