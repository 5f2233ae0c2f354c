/** What tells two places of storage apart, whatever their Locations are called. */
import { absolutePath } from '../common/paths.ts';
import type { LocationSettings } from './action.ts';

/** Where bytes are: within one realm paths mean the same. */
export interface Realm {
  /** A disk, a server, a bucket. */
  realm: string;
  /** Absolute within the realm; below `/~` where it begins at an account's first folder. */
  path: string;
}

/** Of the place at `path` below a location. */
export function realmOf(location: LocationSettings, path: string): Realm {
  if (location.local !== undefined) {
    const { host } = location.local;
    return { realm: host === undefined ? 'local' : `local:${host}`, path: join(location.local.path, path) };
  }
  if (location.sftp === undefined) {
    const [kind, { bucket, prefix, endpoint = '' }] =
      location.s3 === undefined ? (['gs', location.gcs] as const) : (['s3', location.s3] as const);
    const service = endpoint.toLowerCase().replace(/\/+$/, '');
    return { realm: `${kind}:${service}:${bucket}`, path: join(absolutePath('/', prefix ?? ''), path) };
  }
  const { host, port, path: base } = location.sftp;
  return { realm: `sftp:${host.toLowerCase()}:${port}`, path: join(absolutePath('/~', base), path) };
}

function join(base: string, path: string): string {
  return path === '' ? base : `${base === '/' ? '' : base}/${path}`;
}
