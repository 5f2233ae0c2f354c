import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeLease } from '../../activities/file-lease.ts';
import { exfatPeer, mountExfat, type ForeignDisk } from '../servers/foreign-disk.ts';

let directory: string;
let disk: string;
let mounted: ForeignDisk | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-lease-'));
  disk = join(directory, 'disk');
  await mkdir(disk);
});

afterEach(async () => {
  mounted?.unmount();
  mounted = undefined;
  await rm(directory, { recursive: true });
});

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

exfatPeer.it('also on a disk without hard links', async () => {
  mounted = mountExfat(join(directory, 'image'), disk);
  await expectTurns();
});
