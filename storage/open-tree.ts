/** The list of trees of files elsewhere: opens a location as files with their metadata. */
import { posix } from 'node:path';
import { rateClock } from '../common/rate-limits.ts';
import type { FileTree } from '../files/file-tree.ts';
import { whileLoading } from '../files/v8-flags.ts';
import { createCounts } from './counting.ts';
import { identityOf, sftpOptionsOf } from './open-storage.ts';
import type { RemoteLocation, StorageSurroundings } from './storage-location.ts';
import type { StorageCounts, StorageRole } from './storage.ts';

/** Counts what is asked of it, as a remote storage does. */
export type RemoteTree = FileTree & { counts?(): StorageCounts };

/**
 * The tree below `path` (empty: the location itself) of a location that is not on this machine. The role chooses the
 * identity. Each kind is loaded when it is asked for. What is opened keeps to the location's rates, and counts what is asked of it.
 */
export async function openTree(
  location: RemoteLocation,
  path: string,
  role: StorageRole,
  surroundings: StorageSurroundings,
): Promise<RemoteTree> {
  const tree = await whileLoading(() => openKind(location, path, role, surroundings));
  const limitsAt = rateClock(location.limits ?? {});
  if (limitsAt === undefined) return tree;
  const { throttledTree } = await import('./throttled-tree.ts');
  return { ...throttledTree(tree, limitsAt, surroundings.now), counts: tree.counts };
}

async function openKind(
  location: RemoteLocation,
  path: string,
  role: StorageRole,
  surroundings: StorageSurroundings,
): Promise<RemoteTree> {
  const counts = createCounts();
  if (location.s3 !== undefined || location.gcs !== undefined) {
    const [{ openBucket }, { openBucketTree }, { countingBucket }] = await Promise.all([
      import('./open-bucket.ts'),
      import('./bucket-tree.ts'),
      import('./counting-bucket.ts'),
    ]);
    const bucket = await openBucket(location, path, identityOf(location, role), surroundings);
    return Object.assign(openBucketTree(countingBucket(bucket, counts)), { counts: () => ({ ...counts }) });
  }
  const { openSftpTree } = await import('./sftp-tree.ts');
  const place = { ...location.sftp, path: posix.join(location.sftp.path, path) };
  const options = { ...sftpOptionsOf(location, role, surroundings), counts };
  const tree = await openSftpTree(place, identityOf(location, role), surroundings, options);
  return Object.assign(tree, { counts: () => ({ ...counts }) });
}
