/** The list of trees of files elsewhere: opens a location as files with their metadata. */
import { posix } from 'node:path';
import { rateClock } from '../common/rate-limits.ts';
import { HoldfastError } from '../common/errors.ts';
import type { FileTree } from '../files/file-tree.ts';
import { identityOf, sftpOptionsOf } from './open-storage.ts';
import type { StorageLocation, StorageSurroundings } from './storage-location.ts';
import type { StorageRole } from './storage.ts';

/**
 * The tree below `path` (empty: the location itself) of a location that is not on this machine. The role chooses the
 * identity. Each kind is loaded when it is asked for. What is opened keeps to the location's rates.
 */
export async function openTree(
  location: StorageLocation,
  path: string,
  role: StorageRole,
  surroundings: StorageSurroundings,
): Promise<FileTree> {
  const tree = await openKind(location, path, role, surroundings);
  const limitsAt = rateClock(location.limits ?? {});
  if (limitsAt === undefined) return tree;
  const { throttledTree } = await import('./throttled-tree.ts');
  return throttledTree(tree, limitsAt, surroundings.now);
}

async function openKind(
  location: StorageLocation,
  path: string,
  role: StorageRole,
  surroundings: StorageSurroundings,
): Promise<FileTree> {
  if (location.sftp === undefined) {
    throw new HoldfastError('NotBuilt', 'files are kept as they are on disks and SSH servers alone', {
      hint: 'Use a location with sftp: or local:, or back up into a repository.',
    });
  }
  const { openSftpTree } = await import('./sftp-tree.ts');
  const place = { ...location.sftp, path: posix.join(location.sftp.path, path) };
  return openSftpTree(place, identityOf(location, role), surroundings, sftpOptionsOf(location, role, surroundings));
}
