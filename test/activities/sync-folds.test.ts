import { lstat, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { ActionRequest, SyncSettings } from '../../domain/action.ts';
import type { ActionOutcome } from '../../domain/run-record.ts';
import { SYNC_MARKER_FILE } from '../../domain/sync-marker.ts';
import { mountNtfs, ntfsPeer as ntfs, type ForeignDisk } from '../servers/foreign-disk.ts';
import { syncSettings } from './sync-settings.ts';
import { namesIn, openWorkbench, type Workbench } from './workbench.ts';

const LONG_AGO = 1_500_000_000;
let bench: Workbench;
let settings: SyncSettings;
let target: string;
let disk: string;
let mounted: ForeignDisk | undefined;

beforeEach(async () => {
  bench = await openWorkbench();
  bench.deps.resolveSecret = async () => 'secret';
  disk = join(bench.directory, 'disk');
  target = join(disk, 'orders');
  await mkdir(disk);
  settings = syncSettings(bench, { to: { name: 'standby', local: { path: disk } } });
});

afterEach(async () => {
  mounted?.unmount();
  mounted = undefined;
  await bench.remove();
});

/** A real file system of Windows, which keeps names in small letters and takes them in any. */
function mountFolding(): void {
  mounted = mountNtfs(join(bench.directory, 'image'), disk, ['ignore_case', 'permissions']);
}

const run = (changes: Partial<ActionRequest> = {}) =>
  sync(bench.deps, bench.request(settings, changes), bench.context());
const told = ({ findings }: ActionOutcome) =>
  findings.map(({ code, severity, subject }) => [code, severity, subject.slice(bench.source.length + 1)]);

/** Of a time that every file system can keep. */
async function fill(files: Record<string, string>, time = LONG_AGO): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(bench.source, name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, content);
    await utimes(path, time, time);
    for (let folder = join(path, '..'); folder !== join(bench.source, '..'); folder = join(folder, '..'))
      await utimes(folder, LONG_AGO, LONG_AGO);
  }
}

ntfs.it('a target that does not tell case apart is recognized, and spells names as it likes', async () => {
  mountFolding();
  await fill({ 'Reports/June.txt': 'june', 'readme.TXT': 'read', 'ÄRGER.txt': 'a' });
  const first = await run();
  expect(first.findings).toEqual([]);
  expect(first.figures).toMatchObject({ filesCopied: 3, filesVerified: 3, marked: true });
  expect(JSON.parse(await readFile(join(target, SYNC_MARKER_FILE), 'utf8'))).toMatchObject({
    folds: ['case', 'spelling'],
  });
  expect(await namesIn(target, { recursive: true })).toEqual([
    'readme.txt',
    'reports',
    'reports/june.txt',
    'ärger.txt',
  ]);
  const second = await run();
  expect(second.findings).toEqual([]);
  expect(second.figures).toMatchObject({ filesCopied: 0, filesRemoved: 0, filesUnchanged: 3, metadataUpdated: 0 });

  await rename(join(bench.source, 'readme.TXT'), join(bench.source, 'README.txt'));
  await fill({ 'Reports/July.txt': 'july' });
  await rm(join(bench.source, 'ÄRGER.txt'));
  await utimes(bench.source, LONG_AGO, LONG_AGO);
  const third = await run();
  expect(third.findings).toEqual([]);
  expect(third.figures).toMatchObject({ filesCopied: 1, filesRemoved: 1, filesUnchanged: 2 });
  expect(await namesIn(target, { recursive: true })).toEqual([
    'readme.txt',
    'reports',
    'reports/july.txt',
    'reports/june.txt',
  ]);
});

ntfs.it('of names that are one in the target one is copied, and the others are told, with all below them', async () => {
  mountFolding();
  await fill({ 'Notes.txt': 'capital', 'notes.txt': 'small', 'DIR/a': 'a', 'dir/b': 'b', 'new/X': 'x', 'new/x': '' });
  const outcome = await run();
  expect(told(outcome)).toEqual([
    ['sync/not-kept', 'warning', 'dir'],
    ['sync/not-kept', 'warning', 'new/x'],
    ['sync/not-kept', 'warning', 'notes.txt'],
  ]);
  expect(outcome.findings[2]?.message).toMatch(/does not tell case apart, and "Notes.txt" has its place/);
  expect(outcome.figures).toMatchObject({ filesCopied: 3, filesPending: 4 });
  expect(await readFile(join(target, 'Notes.txt'), 'utf8')).toBe('capital');
  expect(await readdir(join(target, 'dir'))).toEqual(['a']);
  const again = await run();
  expect([told(again), again.figures]).toMatchObject([told(outcome), { filesCopied: 0, filesRemoved: 0 }]);
  await rm(join(bench.source, 'Notes.txt'));
  await rm(join(bench.source, 'DIR'), { recursive: true });
  await rm(join(bench.source, 'new'), { recursive: true });
  const after = await run();
  expect(after.findings).toEqual([]);
  expect(await readFile(join(target, 'notes.txt'), 'utf8')).toBe('small');
  expect(await readdir(join(target, 'dir'))).toEqual(['b']);
});

ntfs.it('encrypted names are never confused, and plain ones as without encryption', async () => {
  mountFolding();
  await fill({ 'Notes.txt': 'capital', 'notes.txt': 'small' });
  settings.encrypt = { password: { env: 'PASSWORD' }, names: 'standard' };
  expect(await run()).toMatchObject({ findings: [], figures: { filesCopied: 2 } });
  expect(await run()).toMatchObject({ findings: [], figures: { filesCopied: 0, filesRemoved: 0 } });
  settings.path = 'plain';
  settings.encrypt.names = 'plain';
  expect(told(await run())).toEqual([['sync/not-kept', 'warning', 'notes.txt']]);
  expect(told(await run())).toEqual([['sync/not-kept', 'warning', 'notes.txt']]);
});

ntfs.it('on a target that tells all names apart nothing of this happens', async () => {
  await fill({ 'Notes.txt': 'capital', 'notes.txt': 'small' });
  expect(await run()).toMatchObject({ findings: [], figures: { filesCopied: 2 } });
  expect(await namesIn(target)).toEqual(['Notes.txt', 'notes.txt']);
  expect((await lstat(join(target, SYNC_MARKER_FILE))).isFile()).toBe(true);
});
