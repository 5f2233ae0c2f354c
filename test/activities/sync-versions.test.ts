import { lstat, readFile, readlink, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { ActionRequest, SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { openRclone } from '../files/real-rclone.ts';
import { requirePeer } from '../peers.ts';
import { fillFolder, syncSettings } from './sync-settings.ts';
import { abortAfter, namesIn, openWorkbench, sourceSettings, tick, type Workbench } from './workbench.ts';

const rclone = requirePeer('rclone');
const SECRET = { password: 'correct horse' };
let bench: Workbench;
let settings: SyncSettings;
let target: string;
let kept: string;

beforeEach(async () => {
  bench = await openWorkbench();
  bench.deps.resolveSecret = async () => SECRET.password;
  target = join(bench.directory, 'standby', 'orders');
  kept = join(target, '.holdfast-versions');
  settings = syncSettings(bench, { versions: '30d' });
});

afterEach(async () => {
  await bench.remove();
});

const run = (changes: Partial<ActionRequest> = {}) =>
  sync(bench.deps, bench.request(settings, changes), bench.context());
const figures = async (changes: Partial<ActionRequest> = {}) => (await run(changes)).figures as SyncFigures;
const fill = (files: Record<string, string>, folder = bench.source) => fillFolder(folder, files);

/** Files and links below a folder with their contents, without what was kept aside. */
async function contents(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await namesIn(folder, { recursive: true })).toSorted()) {
    if (name.startsWith('.holdfast-versions')) continue;
    const path = join(folder, name);
    const stats = await lstat(path);
    if (stats.isFile()) found[name] = await readFile(path, 'utf8');
    if (stats.isSymbolicLink()) found[name] = `-> ${await readlink(path)}`;
  }
  return found;
}

test('what a run replaces and removes lies in a folder of its time, as it was', async () => {
  await fill({ 'a.txt': 'old a', 'sub/b.txt': 'old b', 'gone/c/d.txt': 'old d', same: 'same', place: 'a file' });
  await symlink('a.txt', join(bench.source, 'link'));
  expect(await figures()).toMatchObject({ filesCopied: 6, filesKept: 0, filesExpired: 0 });
  expect(await namesIn(target)).not.toContain('.holdfast-versions');
  const before = await lstat(join(target, 'a.txt'), { bigint: true });

  await tick();
  await fill({ 'a.txt': 'new a', 'sub/b.txt': 'new b!' });
  await rm(join(bench.source, 'gone'), { recursive: true });
  await rm(join(bench.source, 'link'));
  await symlink('same', join(bench.source, 'link'));
  await rm(join(bench.source, 'place'));
  await fill({ 'place/inside': 'i' });
  bench.now = new Date('2026-11-24T03:04:05Z');
  const outcome = await run();
  expect(outcome.findings).toEqual([]);
  expect(outcome.figures).toMatchObject({ filesCopied: 4, filesRemoved: 2, filesKept: 5, filesExpired: 0 });
  expect(await contents(target)).toEqual(await contents(bench.source));
  expect((await namesIn(kept)).toSorted()).toEqual(['20261124T030405Z']);
  expect(await contents(join(kept, '20261124T030405Z'))).toEqual({
    'a.txt': 'old a',
    'sub/b.txt': 'old b',
    'gone/c/d.txt': 'old d',
    link: '-> a.txt',
    place: 'a file',
  });
  const aside = await lstat(join(kept, '20261124T030405Z', 'a.txt'), { bigint: true });
  expect([aside.ino, aside.mode, aside.mtimeNs]).toEqual([before.ino, before.mode, before.mtimeNs]);
  expect((await lstat(kept)).mode & 0o777).toBe(0o700);
  expect((await lstat(target, { bigint: true })).mtimeNs).toBe((await lstat(bench.source, { bigint: true })).mtimeNs);

  expect(await figures()).toMatchObject({ filesCopied: 0, filesRemoved: 0, metadataUpdated: 0, filesKept: 0 });
});

test('two runs of one second keep apart what they put aside', async () => {
  await fill({ 'a.txt': '1' });
  await run();
  for (const content of ['22', '333']) {
    await fill({ 'a.txt': content });
    await run();
  }
  expect((await namesIn(kept)).toSorted()).toEqual(['20261123T020000Z', '20261123T020000Z-2']);
  expect(await readFile(join(kept, '20261123T020000Z-2', 'a.txt'), 'utf8')).toBe('22');
});

test('what was kept goes when its time is over, and the folder with the last of it', async () => {
  await fill({ 'a.txt': '1', 'b/c.txt': 'c' });
  await run();
  await fill({ 'a.txt': '22' });
  await run();
  await rm(join(bench.source, 'b'), { recursive: true });
  bench.now = new Date('2026-12-10T02:00:00Z');
  await run();
  await fill({ note: 'mine' }, join(kept, 'notes'));
  bench.now = new Date('2026-12-23T02:00:00Z');
  expect(await figures()).toMatchObject({ filesExpired: 0 });
  bench.now = new Date('2026-12-23T02:00:01Z');
  expect(await figures({ dryRun: true })).not.toHaveProperty('filesExpired');
  expect(await namesIn(kept)).toContain('20261123T020000Z');
  expect(await figures()).toMatchObject({ filesExpired: 1, filesRemoved: 0 });
  expect((await namesIn(kept)).toSorted()).toEqual(['20261210T020000Z', 'notes']);
  await rm(join(kept, 'notes'), { recursive: true });
  bench.now = new Date('2027-02-01T02:00:00Z');
  expect(await figures()).toMatchObject({ filesExpired: 1 });
  expect(await namesIn(target)).toEqual(['a.txt']);
});

test('kept files are no part of the copy, nor of a source that is a copy itself', async () => {
  await fill({ 'a.txt': '1' });
  await run();
  await fill({ 'a.txt': '22' });
  await run();
  const second: SyncSettings = { ...settings, source: sourceSettings([target]), path: 'again' };
  delete second.versions;
  const outcome = await sync(bench.deps, bench.request(second), bench.context());
  expect(outcome.findings).toEqual([]);
  expect(outcome.figures).toMatchObject({ filesExamined: 1, filesCopied: 1 });
  expect(await namesIn(join(bench.directory, 'standby', 'again'))).toEqual(['a.txt']);
});

test('a policy that keeps nothing any more leaves what was kept, and says so', async () => {
  await fill({ 'a.txt': '1' });
  await run();
  await fill({ 'a.txt': '22' });
  await run();
  delete settings.versions;
  bench.now = new Date('2030-01-01T00:00:00Z');
  const outcome = await run();
  expect(outcome.findings.map(({ code, severity }) => [code, severity])).toEqual([['sync/old-versions', 'notice']]);
  expect(await namesIn(kept)).toEqual(['20261123T020000Z']);
});

test('the guards count removals as before, and a refused run puts nothing aside', async () => {
  settings.guards.maxDelete = { share: 0.1, files: 1 };
  await fill({ a: '1', b: '2', c: '3' });
  await run();
  for (const name of ['a', 'b']) await rm(join(bench.source, name));
  await expect(run()).rejects.toMatchObject({ code: 'GuardRefused', context: { guard: 'maxDelete' } });
  expect((await namesIn(target)).toSorted()).toEqual(['a', 'b', 'c']);
  expect(await figures({ accept: ['maxDelete'] })).toMatchObject({ filesRemoved: 2, filesKept: 2 });
});

test('a run that is stopped has old or new content at every path, and the next one clears up and goes on', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `f${index}`);
  await fill(Object.fromEntries(names.map((name) => [name, `old ${name}`])));
  await run();
  await tick();
  await fill(Object.fromEntries(names.map((name) => [name, `new ${name}!`])));
  await expect(sync(bench.deps, bench.request(settings), abortAfter(60))).rejects.toMatchObject({
    code: 'Interrupted',
  });
  const halfway = await contents(target);
  expect(Object.keys(halfway)).toHaveLength(40);
  for (const name of names) expect([`old ${name}`, `new ${name}!`]).toContain(halfway[name]);
  await fill({ leftover: 'of a run that was killed' }, join(kept, 'incoming'));
  await run();
  expect(await contents(target)).toEqual(await contents(bench.source));
  const aside = (await namesIn(kept)).filter((name) => name !== 'incoming');
  expect(await namesIn(kept)).not.toContain('incoming');
  const all = await Promise.all(aside.map((name) => contents(join(kept, name))));
  expect(Object.assign({}, ...all)).toEqual(Object.fromEntries(names.map((name) => [name, `old ${name}`])));
});

test('of a file that changes while it is copied, only what was there before is kept', async () => {
  const path = join(bench.source, 'log');
  await writeFile(path, 'before');
  await run();
  const size = 64 * 1024 * 1024;
  await writeFile(path, Buffer.alloc(size, 1));
  let changes = 0;
  const timer = setInterval(() => void truncate(path, size - ++changes).catch(() => undefined), 3);
  const outcome = await run().finally(() => clearInterval(timer));
  expect(outcome.findings.map(({ code }) => code)).toContain('source/changed');
  expect(outcome.figures).toMatchObject({ filesCopied: 1, filesKept: 1 });
  expect(await readFile(join(kept, '20261123T020000Z', 'log'), 'utf8')).toBe('before');
});

rclone.it('an encrypted copy keeps its versions encrypted, where rclone finds them', async () => {
  settings.encrypt = { password: { env: 'PASSWORD' }, names: 'standard' };
  await fill({ 'a.txt': 'old', 'gone/b.txt': 'b' });
  await run();
  await fill({ 'a.txt': 'newer' });
  await rm(join(bench.source, 'gone'), { recursive: true });
  expect(await figures()).toMatchObject({ filesCopied: 1, filesRemoved: 1, filesKept: 2 });
  const real = await openRclone(rclone.command, target, SECRET);
  const listed = (await real.run('lsf', '-R', '--files-only', 'crypt:')).trim().split('\n').toSorted();
  const stamp = '.holdfast-versions/20261123T020000Z';
  expect(listed).toEqual([`${stamp}/a.txt`, `${stamp}/gone/b.txt`, 'a.txt']);
  expect(await real.run('cat', `crypt:${stamp}/a.txt`)).toBe('old');
  await real.run('cryptcheck', bench.source, 'crypt:', '--one-way');
  bench.now = new Date('2027-01-01T00:00:00Z');
  expect(await figures()).toMatchObject({ filesExpired: 2 });
  expect((await real.run('lsf', '-R', 'crypt:')).trim()).toBe('a.txt');
});
