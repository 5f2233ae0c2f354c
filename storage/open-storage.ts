/** The list of backends: opens the storage of a location. */
import { join, posix } from 'node:path';
import { rateClock } from '../common/rate-limits.ts';
import { whileLoading } from '../files/v8-flags.ts';
import { openLocalStorage } from './local.ts';
import { sftpTiming, silenceLimit } from './silence-limit.ts';
import type { StorageIdentity, StorageLocation, StorageSurroundings } from './storage-location.ts';
import type { Storage, StorageRole } from './storage.ts';

/**
 * The storage below `path` (empty: the location itself). The role chooses the identity; a local disk knows one account,
 * the process's own. Each backend but the local one is loaded when it is asked for. What is opened keeps to the location's rates, and counts
 * what is asked of a remote one.
 */
export async function openStorage(
  location: StorageLocation,
  path: string,
  role: StorageRole,
  surroundings: StorageSurroundings,
): Promise<Storage> {
  const storage = await withinLimits(
    await whileLoading(() => openBackend(location, path, role, surroundings)),
    location,
    surroundings,
  );
  if (location.local !== undefined) return storage;
  // Requests to others cost money; those to a disk are nobody's business.
  const { counting } = await import('./counting.ts');
  return counting(storage);
}

async function withinLimits(storage: Storage, location: StorageLocation, { now }: StorageSurroundings) {
  const limitsAt = rateClock(location.limits ?? {});
  if (limitsAt === undefined) return storage;
  const { throttled } = await import('./throttled.ts');
  return throttled(storage, limitsAt, now);
}

async function openBackend(
  location: StorageLocation,
  path: string,
  role: StorageRole,
  surroundings: StorageSurroundings,
): Promise<Storage> {
  if (location.local !== undefined) return openLocalStorage(join(location.local.path, path));
  if (location.gcs !== undefined || location.s3 !== undefined) {
    const [{ openBucket }, { bucketStorage }] = await Promise.all([
      import('./open-bucket.ts'),
      import('./bucket-storage.ts'),
    ]);
    return bucketStorage(await openBucket(location, path, identityOf(location, role), surroundings));
  }
  const [{ openSftpStorage }, { retrying }] = await Promise.all([import('./sftp.ts'), import('./retrying.ts')]);
  const place = { ...location.sftp, path: posix.join(location.sftp.path, path) };
  const options = sftpOptionsOf(location, role, surroundings);
  // The driver connects anew once; a server that is away for some seconds needs more patience.
  return retrying(
    await openSftpStorage(place, identityOf(location, role), surroundings, options),
    surroundings.onRetry,
  );
}

/** Who acts in a role; absent: whoever the environment says. */
export function identityOf({ identities }: StorageLocation, role: StorageRole): StorageIdentity {
  return identities?.[role] ?? identities?.writer ?? {};
}

/** How an SSH server is to be used. */
export function sftpOptionsOf({ limits }: StorageLocation, role: StorageRole, surroundings: StorageSurroundings) {
  const limit = silenceLimit(surroundings);
  return {
    role,
    ...(limits?.connections === undefined ? {} : { connections: limits.connections }),
    ...(limit === undefined ? {} : { timing: sftpTiming(limit) }),
  };
}
