/** The list of backends: opens the storage of a location. */
import { join } from 'node:path';
import { HoldfastError } from '../common/errors.ts';
import { openLocalStorage } from './local.ts';
import type { StorageIdentity, StorageLocation, StorageSurroundings } from './storage-location.ts';
import type { Storage, StorageRole } from './storage.ts';

/**
 * The storage below `path` (empty: the location itself). The role chooses the identity; a local disk knows one account,
 * the process's own. Each backend but the local one is loaded when it is asked for.
 */
export async function openStorage(
  location: StorageLocation,
  path: string,
  role: StorageRole,
  surroundings: StorageSurroundings,
): Promise<Storage> {
  if (location.local !== undefined) return openLocalStorage(join(location.local.path, path));
  if (location.gcs !== undefined || location.s3 !== undefined) {
    const { openBucket } = await import('./open-bucket.ts');
    return openBucket(location, path, identityOf(location, role), surroundings);
  }
  throw new HoldfastError('NotBuilt', `a location on SFTP cannot be opened yet (as ${role}, ${path})`);
}

/** Who acts in a role; absent: whoever the environment says. */
export function identityOf({ identities }: StorageLocation, role: StorageRole): StorageIdentity {
  return identities?.[role] ?? identities?.writer ?? {};
}
