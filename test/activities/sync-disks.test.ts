/** Syncs to disks of other systems, which keep less of a file than this one: what they cannot keep is no difference. */
import { chmod, lstat, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { ActionRequest, SyncSettings } from '../../domain/action.ts';
import { SYNC_MARKER_FILE } from '../../domain/sync-marker.ts';
import { exfatPeer, mountExfat, mountNtfs, ntfsPeer, type ForeignDisk } from '../servers/foreign-disk.ts';
import { fillFolder, syncSettings } from './sync-settings.ts';
import { namesIn, openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
let settings: SyncSettings;
let disk: string;
let target: string;
let mounted: ForeignDisk | undefined;

beforeEach(async () => {
  bench = await openWorkbench();
  bench.deps.resolveSecret = async () => 'secret';
  disk = join(bench.directory, 'disk');
  target = join(disk, 'orders');
  settings = syncSettings(bench, { to: { name: 'standby', local: { path: disk } } });
});
afterEach(async () => {
  mounted?.unmount();
  mounted = undefined;
  await bench.remove();
});

const run = (changes: Partial<ActionRequest> = {}) =>
  sync(bench.deps, bench.request(settings, changes), bench.context());
const marker = async () => JSON.parse(await readFile(join(target, SYNC_MARKER_FILE), 'utf8')) as { keeps?: object };

/** Names, times and modes of all kinds; on the disk seconds are even more than not. */
async function fill(): Promise<void> {
  await fillFolder(bench.source, { 'a.txt': 'a', 'sub/b.txt': 'bb', 'sub/deep/c': 'ccc' });
  await chmod(join(bench.source, 'a.txt'), 0o640);
  await utimes(join(bench.source, 'a.txt'), 1_500_000_001.987_654, 1_500_000_001.987_654);
  await utimes(join(bench.source, 'sub'), 1_400_000_001.5, 1_400_000_001.5);
}

const NOTHING = { filesCopied: 0, filesRemoved: 0, metadataUpdated: 0 };

exfatPeer.it('exFAT: what it keeps is compared, and nothing is copied again', async () => {
  mounted = mountExfat(join(bench.directory, 'image'), disk);
  await fill();
  await symlink('a.txt', join(bench.source, 'link'));
  await fillFolder(bench.source, { 'what?.txt': 'x', 'from: me/inside.txt': 'y' });
  const first = await run();
  const told = first.findings.map(({ code, severity, subject }) => [code, severity, subject.split('/').at(-1)]);
  expect(told).toEqual([
    ['sync/not-kept', 'warning', 'from: me'],
    ['sync/not-kept', 'warning', 'inside.txt'],
    ['sync/not-kept', 'notice', 'link'],
    ['sync/not-kept', 'warning', 'what?.txt'],
  ]);
  expect(first.figures).toMatchObject({ filesCopied: 3, filesVerified: 3 });
  expect((await marker()).keeps).toEqual({
    ...{ timeUnitNs: 1e9, modes: false, owners: false, links: false },
    ...{ oddNames: false, anyBytes: false },
  });
  expect((await run()).figures).toMatchObject({ ...NOTHING, filesUnchanged: 3 });
  const plan = await run({ dryRun: true });
  expect(plan.figures).toMatchObject({ ...NOTHING, filesUnchanged: 3 });
  expect((await namesIn(target)).filter((name) => name.startsWith('.'))).toEqual([]);

  // A change of less than the disk keeps is none; one of more is one.
  await utimes(join(bench.source, 'a.txt'), 1_500_000_001.1, 1_500_000_001.1);
  expect((await run()).figures).toMatchObject(NOTHING);
  await utimes(join(bench.source, 'a.txt'), 1_500_000_003, 1_500_000_003);
  expect((await run()).figures).toMatchObject({ ...NOTHING, metadataUpdated: 0, filesCopied: 1 });
  expect((await lstat(join(target, 'a.txt'))).mtimeMs).toBe(1_500_000_003_000);
});

ntfsPeer.it('NTFS without permissions: times to 100 nanoseconds, and nothing else', async () => {
  mounted = mountNtfs(join(bench.directory, 'image'), disk);
  await fill();
  await symlink('a.txt', join(bench.source, 'link'));
  const first = await run();
  expect(first.findings).toEqual([]);
  expect((await marker()).keeps).toMatchObject({ timeUnitNs: 100, links: true });
  expect((await run()).figures).toMatchObject({ ...NOTHING, filesUnchanged: 4 });
  expect((await run({ dryRun: true })).figures).toMatchObject({ ...NOTHING, filesUnchanged: 4 });
});

ntfsPeer.it('NTFS, encrypted: the stored files are compared by what their disk keeps', async () => {
  mounted = mountNtfs(join(bench.directory, 'image'), disk, ['permissions']);
  settings.encrypt = { password: { env: 'X' }, names: 'standard' };
  await fill();
  await chmod(join(bench.source, 'sub/b.txt'), 0o604);
  expect((await run()).figures).toMatchObject({ filesCopied: 3 });
  expect((await marker()).keeps).toMatchObject({ timeUnitNs: 100, modes: true });
  expect((await run()).figures).toMatchObject({ ...NOTHING, filesUnchanged: 3 });
});

exfatPeer.it('a disk that is a copy of another one, marker and all, is tried anew', async () => {
  mounted = mountExfat(join(bench.directory, 'image'), disk);
  await fill();
  await run();
  const text = JSON.stringify({
    ...(await marker()),
    keeps: { timeUnitNs: 1, modes: true, owners: true, links: true },
  });
  await writeFile(join(target, SYNC_MARKER_FILE), text);
  expect((await run()).figures).toMatchObject({ ...NOTHING, filesUnchanged: 3 });
  expect((await marker()).keeps).toMatchObject({ timeUnitNs: 1e9, modes: false });
  await rm(join(bench.source, 'sub/b.txt'));
  settings.guards.maxDelete = { share: 1, files: 10 };
  // The folder that it was in has another time for it.
  expect((await run()).figures).toMatchObject({ filesCopied: 0, filesRemoved: 1, metadataUpdated: 1 });
  expect(await namesIn(target, { recursive: true })).toEqual(['a.txt', 'sub', 'sub/deep', 'sub/deep/c']);
});
