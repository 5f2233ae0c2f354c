/** Real file systems of other systems for the tests, by FUSE, in an image: one must be root. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { requirePeer, type Peer } from '../peers.ts';

export interface ForeignDisk {
  unmount(): void;
}

export const exfatPeer: Peer = requirePeer('mount.exfat-fuse');
export const ntfsPeer: Peer = requirePeer('lowntfs-3g');

/** What sticks and cards have: no hard or symbolic links, no modes, no owners, times in whole seconds or two. `folder` is made. */
export function mountExfat(image: string, folder: string): ForeignDisk {
  makeImage(image, folder);
  execFileSync('mkfs.exfat', [image], { stdio: 'ignore' });
  const device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim();
  execFileSync(exfatPeer.command, [device, folder], { stdio: 'ignore' });
  return {
    unmount() {
      execFileSync('umount', [folder]);
      execFileSync('losetup', ['--detach', device]);
    },
  };
}

/** `options`: of ntfs-3g; without `permissions` it has no modes and no owners. */
export function mountNtfs(image: string, folder: string, options: string[] = []): ForeignDisk {
  makeImage(image, folder);
  execFileSync('mkntfs', ['--force', '--quick', '--quiet', image], { stdio: 'ignore' });
  const fresh = ['entry_timeout=0', 'negative_timeout=0', 'attr_timeout=0'];
  execFileSync(ntfsPeer.command, ['-o', [...options, ...fresh].join(','), image, folder], { stdio: 'ignore' });
  return { unmount: () => void execFileSync('umount', [folder]) };
}

function makeImage(image: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(image, '');
  truncateSync(image, 64 * 1024 * 1024);
}
