import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { whyNeverNeeded } from '../../domain/never-needed.ts';
import { fromText } from '../../files/byte-path.ts';
import { readMounts } from '../../files/mounts.ts';

test('mounts are read with their escapes, the last one of a point counts; a system that does not tell has none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-mounts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'mounts');
  writeFileSync(
    file,
    '/dev/sda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\n/dev/sdb1 /mnt/two\\040words\\134x xfs rw 0 0\n/dev/sdc1 /srv/ä ext4 rw 0 0\ntmpfs /srv/ä tmpfs rw 0 0\n\nbroken\n',
  );
  expect([...readMounts(file)]).toEqual([
    ['/', 'ext4'],
    ['/proc', 'proc'],
    ['/mnt/two words\\x', 'xfs'],
    [fromText('/srv/ä'), 'tmpfs'],
  ]);
  expect(readMounts(join(folder, 'nowhere')).size).toBe(0);
  expect(readMounts().get('/proc')).toBe('proc');
});

test('what never needs a backup is known by its place, its name, and the type of its file system', () => {
  const mounts = new Map([
    ['/home', 'ext4'],
    ['/srv/memory', 'tmpfs'],
    ['/var/lib/docker/overlay2/ab/merged', 'overlay'],
    ['/snap/core/1', 'squashfs'],
    ['/mnt/nas', 'nfs4'],
  ]);
  const why = (path: string): string | undefined => whyNeverNeeded(fromText(path), mounts);
  expect(['/proc', '/sys', '/tmp', '/var/tmp', '/run', '/dev'].filter((path) => why(path) === undefined)).toEqual([]);
  expect([why('/home/lost+found'), why('/srv/memory')]).toEqual(['made by fsck', 'a file system of the type tmpfs']);
  expect(why('/var/lib/docker/overlay2/ab/merged')).toContain('container');
  expect(why('/snap/core/1')).toContain('squashfs');
  expect(['/home', '/srv/tmp', '/mnt/nas', '/process', '/tmp/x'].map(why)).toEqual(Array(5).fill(undefined));
});
