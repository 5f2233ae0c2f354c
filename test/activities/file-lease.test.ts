import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeLease } from '../../activities/file-lease.ts';
import { requirePeer } from '../peers.ts';

const exfat = requirePeer('mount.exfat-fuse');
let directory: string;
let disk: string;
/** The loop device of a disk that is mounted. */
let device: string | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-lease-'));
  disk = join(directory, 'disk');
  await mkdir(disk);
});

afterEach(async () => {
  if (device !== undefined) {
    execFileSync('umount', [disk]);
    execFileSync('losetup', ['--detach', device]);
  }
  device = undefined;
  await rm(directory, { recursive: true });
});

/** What sticks and cards have: a file system without hard links. */
async function mountExfat(): Promise<void> {
  const image = join(directory, 'image');
  await writeFile(image, '');
  await truncate(image, 16 * 1024 * 1024);
  execFileSync('mkfs.exfat', [image], { stdio: 'ignore' });
  device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim();
  execFileSync(exfat.command, [device, disk], { stdio: 'ignore' });
}

/** Of many who come at once each has the lease once, none beside another, and nothing is left. */
async function expectTurns(): Promise<void> {
  const path = join(disk, 'x.lock');
  let holders = 0;
  let most = 0;
  let turns = 0;
  const take = async (): Promise<void> => {
    const lease = await takeLease(path, { subject: 'it', waitSeconds: 30 });
    most = Math.max(most, ++holders);
    turns++;
    await new Promise((resolve) => setTimeout(resolve, 5));
    holders--;
    await lease.release();
  };
  await Promise.all([take(), take(), take()]);
  expect([turns, most, await readdir(disk)]).toEqual([3, 1, []]);
  const held = await takeLease(path, { subject: 'the disk' });
  await expect(takeLease(path, { subject: 'the disk' })).rejects.toMatchObject({
    code: 'RepositoryLocked',
    message: expect.stringContaining('the disk is in use by process') as string,
  });
  await held.release();
}

test('a lease is held by one at a time', expectTurns);

exfat.it('also on a disk without hard links', async () => {
  await mountExfat();
  await expectTurns();
});
