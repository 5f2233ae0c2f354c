import { lstat, mkdir, readdir, readFile, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { ActionRequest, SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { openRclone, type RealRclone } from '../files/real-rclone.ts';
import { requirePeer } from '../peers.ts';
import { fillFolder, syncSettings } from './sync-settings.ts';
import { namesIn, openWorkbench, tick, type Workbench } from './workbench.ts';

const rclone = requirePeer('rclone');
const SECRETS: Record<string, string> = { PASSWORD: 'correct horse', SALT: 'battery staple' };
let bench: Workbench;
let settings: SyncSettings;
let target: string;
let secrets: Record<string, string>;

beforeEach(async () => {
  bench = await openWorkbench();
  target = join(bench.directory, 'standby', 'orders');
  secrets = { ...SECRETS };
  bench.deps.resolveSecret = async (reference) => ('env' in reference ? secrets[reference.env]! : '');
  settings = syncSettings(bench, {
    encrypt: { password: { env: 'PASSWORD' }, salt: { env: 'SALT' }, names: 'standard' },
  });
});

afterEach(async () => {
  await bench.remove();
});

const run = (changes: Partial<ActionRequest> = {}) =>
  sync(bench.deps, bench.request(settings, changes), bench.context());
const figuresOf = async (changes: Partial<ActionRequest> = {}) => (await run(changes)).figures as SyncFigures;
const fill = (files: Record<string, string>, folder = bench.source) => fillFolder(folder, files);
const openReal = (): Promise<RealRclone> =>
  openRclone(
    rclone.command,
    target,
    { password: SECRETS['PASSWORD']!, salt: SECRETS['SALT']! },
    settings.encrypt!.names,
  );

/** Every entry below a folder: its content, mode and time. */
async function describe(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await namesIn(folder, { recursive: true })).toSorted()) {
    const path = join(folder, name);
    const stats = await lstat(path, { bigint: true });
    const content = stats.isFile() ? (await readFile(path)).toString('latin1') : 'folder';
    found[name] = [content, stats.mode.toString(8), stats.mtimeNs].join(' ');
  }
  return found;
}

test.each(['standard', 'plain'] as const)(
  'a mirror with %s names follows its source and holds nothing readable',
  async (names) => {
    settings.encrypt!.names = names;
    await fill({ 'a.txt': 'secret', 'sub/deep/b.txt': 'secret too', 'sub/empty': '', 'grüße.txt': 'secret' });
    const first = await run();
    expect(first.findings).toEqual([]);
    expect(first.figures).toMatchObject({ filesCopied: 4, filesVerified: 4, bytesTotal: 22 });
    const stored = await describe(target);
    expect(JSON.stringify(stored)).not.toContain('secret');
    expect(JSON.stringify(stored).includes('a.txt')).toBe(names === 'plain');
    expect(await figuresOf()).toMatchObject({ filesCopied: 0, filesRemoved: 0, filesUnchanged: 4, metadataUpdated: 0 });
    expect(await describe(target)).toEqual(stored);

    await tick();
    await rm(join(bench.source, 'sub/deep'), { recursive: true });
    await fill({ 'a.txt': 'longer secret', 'sub/deep': 'a file now', 'new/n': 'n' });
    const second = await run();
    expect(second.findings).toEqual([]);
    expect(second.figures).toMatchObject({ filesCopied: 3, filesRemoved: 1, filesVerified: 5 });
    expect(await figuresOf()).toMatchObject({ filesCopied: 0, filesRemoved: 0, metadataUpdated: 0 });
  },
);

rclone.it('a mirror is checked and restored by rclone, and one that rclone made is taken over', async () => {
  await fill({ 'a.txt': 'a', 'sub/deep/b.txt': 'bb', 'sub/empty': '', 'grüße.txt': 'c' });
  await run();
  const real = await openReal();
  await real.run('cryptcheck', bench.source, 'crypt:');
  const restored = join(bench.directory, 'restored');
  await real.run('copy', 'crypt:', restored);
  expect(await readFile(join(restored, 'sub/deep/b.txt'), 'utf8')).toBe('bb');
  expect(await readFile(join(restored, 'grüße.txt'), 'utf8')).toBe('c');

  await rm(target, { recursive: true });
  await mkdir(target);
  await real.run('copy', bench.source, 'crypt:');
  await fill({ 'grüße.txt': 'changed' });
  await rm(join(bench.source, 'a.txt'));
  await expect(run()).rejects.toMatchObject({ context: { guard: 'foreignTarget' } });
  const taken = await run({ accept: ['foreignTarget'] });
  expect(taken.findings).toEqual([]);
  expect(taken.figures).toMatchObject({ filesCopied: 1, filesRemoved: 1, filesVerified: 3 });
  await real.run('cryptcheck', bench.source, 'crypt:');
});

test.each(['standard', 'plain'] as const)(
  'a wrong password or salt refuses the run and changes nothing, with %s names',
  async (names) => {
    settings.encrypt!.names = names;
    await fill({ 'a.txt': 'a', 'sub/b.txt': 'b' });
    await run();
    await fill({ 'c.txt': 'c' });
    const before = await describe(join(bench.directory, 'standby'));
    const wrongs: Record<string, string>[] = [{ PASSWORD: 'incorrect' }, { SALT: 'other' }];
    for (const wrong of wrongs) {
      secrets = { ...SECRETS, ...wrong };
      for (const changes of [{}, { dryRun: true }, { accept: ['maxDelete', 'emptySource'] }])
        await expect(run(changes)).rejects.toMatchObject({ code: 'WrongPassword' });
      expect(await describe(join(bench.directory, 'standby'))).toEqual(before);
    }
    secrets = SECRETS;
    expect(await figuresOf()).toMatchObject({ filesCopied: 1, filesRemoved: 0 });
  },
);

test('a damaged copy is found by the verification, and made anew when contents are compared', async () => {
  await fill({ 'a.txt': 'a', 'b.txt': 'b' });
  const longAgo = new Date(1e12);
  for (const name of ['a.txt', 'b.txt']) await utimes(join(bench.source, name), longAgo, longAgo);
  await run();
  const path = join(target, (await namesIn(target))[0]!);
  const damaged = await readFile(path);
  damaged[damaged.length - 1]! ^= 1;
  await writeFile(path, damaged);
  await utimes(path, longAgo, longAgo);
  const found = await run();
  expect(found.findings.map(({ code, severity }) => [code, severity])).toEqual([['sync/damaged', 'critical']]);
  expect(found.figures).toMatchObject({ filesVerified: 2 });

  settings.checksum = true;
  expect(await figuresOf({ dryRun: true })).toMatchObject({ filesCopied: 1, filesUnchanged: 1 });
  const mended = await run();
  expect(mended.findings.map(({ code, severity }) => [code, severity])).toEqual([['sync/damaged', 'warning']]);
  expect(mended.figures).toMatchObject({ filesCopied: 1 });
  expect((await run()).findings).toEqual([]);
});

test('a copy that was cut off is made anew', async () => {
  await fill({ 'a.txt': 'a' });
  await run();
  const path = join(target, (await namesIn(target))[0]!);
  await truncate(path, 40);
  expect((await figuresOf({ dryRun: true })).decisions).toEqual([
    { step: 'replace', path: 'a.txt', reason: 'a damaged copy' },
  ]);
  expect(await figuresOf()).toMatchObject({ filesCopied: 1, filesVerified: 1 });
});

test('links and names that are too long are left out and told, with all below them', async () => {
  const long = 'n'.repeat(144);
  await fill({ 'a.txt': 'a', [`${long}/inside.txt`]: 'i', [`${long}.txt`]: 'l' });
  await symlink('a.txt', join(bench.source, 'link'));
  const outcome = await run();
  expect(
    outcome.findings.map(({ code, severity, subject }) => [code, severity, subject.slice(bench.source.length + 1)]),
  ).toEqual([
    ['sync/not-kept', 'notice', 'link'],
    ['sync/not-kept', 'warning', long],
    ['sync/not-kept', 'warning', `${long}.txt`],
  ]);
  expect(outcome.figures).toMatchObject({ filesCopied: 1 });
  expect(await namesIn(target)).toHaveLength(1);
});

test('what is not encrypted in the target is told, and stays whatever the source has', async () => {
  settings.path = '';
  target = settings.to.local!.path;
  await fill({ 'gone/a.txt': 'a', 'b.txt': 'b' });
  await run();
  const folder = (await readdir(target, { withFileTypes: true })).find((entry) => entry.isDirectory())!.name;
  await fill({ 'readme.txt': 'r', [`${folder}/note`]: 'n' }, target);
  await rm(join(bench.source, 'gone'), { recursive: true });
  const outcome = await run();
  expect(outcome.findings.map(({ code, subject }) => [code, subject.slice(target.length + 1)])).toEqual([
    ['sync/foreign', 'readme.txt'],
    ['sync/foreign', `${folder}/note`],
    ['sync/kept-folder', 'gone'],
  ]);
  expect(outcome.figures).toMatchObject({ filesRemoved: 1 });
  expect(await readFile(join(target, folder, 'note'), 'utf8')).toBe('n');
});

rclone.it('several directories lie in the target by their names', async () => {
  const other = join(bench.directory, 'über');
  await fill({ 'a.txt': 'a' });
  await fill({ 'b.txt': 'b' }, other);
  settings.source.directories.push(other);
  await run();
  const real = await openReal();
  expect((await real.run('lsf', '-R', '--files-only', 'crypt:')).trim().split('\n').toSorted()).toEqual([
    'source/a.txt',
    'über/b.txt',
  ]);
  expect(await figuresOf()).toMatchObject({ filesCopied: 0, filesRemoved: 0, filesUnchanged: 2 });
});
