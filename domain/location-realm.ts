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
    return { realm: `${kind}:${serviceOf(endpoint)}:${bucket}`, path: join(absolutePath('/', prefix ?? ''), path) };
  }
  const { host, port, path: base } = location.sftp;
  return { realm: `sftp:${host.toLowerCase()}:${port}`, path: join(absolutePath('/~', base), path) };
}

/** The vendors' own addresses name the service that is meant where none is named; names of buckets are unique in all regions. */
const VENDORS_OWN =
  /^https:\/\/(s3([.-](dualstack\.)?[a-z]{2}(-[a-z]+)+-\d)?\.amazonaws\.com|storage\.googleapis\.com)$/;

function serviceOf(endpoint: string): string {
  const address = endpoint
    .toLowerCase()
    .replace(/\/+$/, '')
    .replace(/^(https:.*):443$|^(http:.*):80$/, '$1$2');
  return VENDORS_OWN.test(address) ? '' : address;
}

function join(base: string, path: string): string {
  return path === '' ? base : `${base === '/' ? '' : base}/${path}`;
}
