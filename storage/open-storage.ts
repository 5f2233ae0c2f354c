/** The list of backends: opens the storage of a location. */
import { join } from 'node:path';
import { HoldfastError } from '../common/errors.ts';
import { openLocalStorage } from './local.ts';
import type { Storage, StorageRole } from './storage.ts';

/** What of a location's settings tells where the bytes are; a new backend adds a branch here. */
export interface StorageLocation {
  local: { path: string };
}

/**
 * The storage below `path` (empty: the location itself). A local disk knows one account, the process's own, so that the
 * role changes nothing there; for other backends it chooses the credentials.
 */
export async function openStorage(location: StorageLocation, path: string, _role: StorageRole): Promise<Storage> {
  return openLocalStorage(join(location.local.path, path));
}

/**
 * What `--repo WHERE` means: a path (relative to `currentDirectory`), or the URL of a backend. Throws NotBuilt, naming
 * the backend, for those that this version cannot open; Usage for what is neither.
 */
export function parseRepositoryUrl(where: string): StorageLocation {
  // An unset variable of a script, not the current folder.
  if (where === '') throw new HoldfastError('Usage', 'the place of the repository is empty', { hint: 'Give a path.' });
  const shown = where.replace(/^([^/]*:\/\/[^/@:]*):[^/]*@/, '$1:…@');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(where)?.[1]?.toLowerCase();
  // restic's own spelling of remote places, never the name of a folder here.
  if (/^(s3|sftp|gs|b2|azure|swift|rest|rclone):(?!\/\/)/.test(where)) {
    throw new HoldfastError('Usage', `"${shown}" is written as restic writes it`, {
      hint: 'Give a path, or sftp://user@host/path, gs://bucket/prefix or s3://bucket/prefix. A folder of that name: put ./ before it.',
    });
  }
  if (scheme === undefined) return { local: { path: where } };
  if (scheme === 'file') return { local: { path: decodeURIComponent(new URL(where).pathname) } };
  if (scheme === 'sftp' || scheme === 'gs' || scheme === 's3') {
    throw new HoldfastError('NotBuilt', `${scheme}:// repositories cannot be opened yet: ${shown}`, {
      hint: 'Give the path of a local folder.',
    });
  }
  throw new HoldfastError('Usage', `"${shown}" names no kind of storage that is known`, {
    hint: 'Give a path, or sftp://user@host/path, gs://bucket/prefix or s3://bucket/prefix.',
  });
}
