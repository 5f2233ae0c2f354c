/** The list of trees of files elsewhere: opens a location as files with their metadata. */
import { posix } from 'node:path';
import { rateClock } from '../common/rate-limits.ts';
import type { FileTree } from '../files/file-tree.ts';
import { identityOf, sftpOptionsOf } from './open-storage.ts';
import type { RemoteLocation, StorageSurroundings } from './storage-location.ts';
import type { StorageRole } from './storage.ts';

/**
 * The tree below `path` (empty: the location itself) of a location that is not on this machine. The role chooses the
 * identity. Each kind is loaded when it is asked for. What is opened keeps to the location's rates.
 */
export async function openTree(
  location: RemoteLocation,
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
  location: RemoteLocation,
  path: string,
  role: StorageRole,
  surroundings: StorageSurroundings,
): Promise<FileTree> {
  if (location.s3 !== undefined || location.gcs !== undefined) {
    const [{ openBucket }, { openBucketTree }] = await Promise.all([
      import('./open-bucket.ts'),
      import('./bucket-tree.ts'),
    ]);
    return openBucketTree(await openBucket(location, path, identityOf(location, role), surroundings));
  }
  const { openSftpTree } = await import('./sftp-tree.ts');
  const place = { ...location.sftp, path: posix.join(location.sftp.path, path) };
  return openSftpTree(place, identityOf(location, role), surroundings, sftpOptionsOf(location, role, surroundings));
}
