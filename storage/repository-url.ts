/** What `--repo WHERE` means: the place of a repository, written in one line. */
import { HoldfastError } from '../common/errors.ts';
import { endpointVariable } from './bucket-endpoint.ts';
import { joinPrefix } from './bucket-keys.ts';
import type { StorageLocation } from './storage-location.ts';

/** What the options beside it say of a bucket. */
export interface BucketOptions {
  endpoint?: string;
  region?: string;
  /** Where no endpoint is given, the variables of AWS and Google say where their services are. */
  environment?: Readonly<Record<string, string | undefined>>;
}

/** What `--repo WHERE` means: a path, or the URL of a backend. Throws Usage for what is neither. */
export function parseRepositoryUrl(where: string, options: BucketOptions = {}): StorageLocation {
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
  if (scheme === 'gs' || scheme === 's3') return parseBucketUrl(where, scheme, options);
  refuseBucketOptions(shown, options);
  if (scheme === undefined) return { local: { path: where } };
  if (scheme === 'file') return { local: { path: decodeURIComponent(new URL(where).pathname) } };
  if (scheme === 'sftp') return parseSftpUrl(where, shown);
  throw new HoldfastError('Usage', `"${shown}" names no kind of storage that is known`, {
    hint: 'Give a path, or sftp://user@host/path, gs://bucket/prefix or s3://bucket/prefix.',
  });
}

/**
 * `s3://bucket/prefix`, `gs://bucket/prefix`. Names of objects are taken as they are written, without the escapes of
 * URLs. With an endpoint of one's own the bucket stands in the path, as such services mostly want it, and as restic does.
 */
function parseBucketUrl(where: string, scheme: 'gs' | 's3', options: BucketOptions): StorageLocation {
  const { region, environment = {} } = options;
  const variable = options.endpoint === undefined ? endpointVariable(scheme, environment) : undefined;
  const endpoint = options.endpoint ?? variable?.url;
  const [bucket = '', ...parts] = where.slice(scheme.length + '://'.length).split('/');
  const prefix = joinPrefix(...parts);
  if (!/^[a-z0-9][a-z0-9._-]+$/i.test(bucket) || parts.includes('..')) {
    const shown = where.replace(/\/\/[^/]*@/, '//…@');
    throw new HoldfastError('Usage', `"${shown}" does not name a bucket`, {
      hint: `Write it as ${scheme}://bucket/prefix; the service is named by --endpoint, and credentials by the environment.`,
    });
  }
  if (endpoint !== undefined && !/^https?:\/\/[^/@\s]+\/?$/.test(endpoint)) {
    throw new HoldfastError('Usage', `${variable?.name ?? 'the endpoint'} is no URL of a service`, {
      hint: 'Write it as https://host:port.',
    });
  }
  const place = { bucket, ...(prefix === '' ? {} : { prefix }), ...(endpoint === undefined ? {} : { endpoint }) };
  if (scheme === 's3') {
    return {
      s3: {
        ...place,
        ...(region === undefined ? {} : { region }),
        ...(endpoint === undefined ? { mayBeConfigured: true } : { forcePathStyle: true }),
      },
    };
  }
  if (region !== undefined) refuseBucketOptions(where, { region });
  return { gcs: place };
}

function refuseBucketOptions(shown: string, { endpoint, region }: BucketOptions): void {
  if (endpoint === undefined && region === undefined) return;
  const option = endpoint === undefined ? '--region' : '--endpoint';
  throw new HoldfastError('Usage', `${option} says nothing of "${shown}"`, {
    hint: '--endpoint is for s3:// and gs://, --region for s3://.',
  });
}

/**
 * `sftp://user@host:port/path`: as restic has it, a path below the account's first folder; `//path` is absolute. Keys
 * are the person's own, from the agent and `~/.ssh`, and so is the list of known hosts.
 */
function parseSftpUrl(where: string, shown: string): StorageLocation {
  let url: URL;
  let path: string;
  try {
    url = new URL(where);
    path = decodeURIComponent(url.pathname).replace(/^\//, '');
  } catch (cause) {
    throw new HoldfastError('Usage', `"${shown}" is no URL`, {
      hint: 'Write it as sftp://user@host:port/path.',
      cause,
    });
  }
  if (url.password !== '') {
    throw new HoldfastError('Usage', `"${shown}" holds a password, which every user of this machine could read`, {
      hint: 'Leave it out, and use a key: of the SSH agent, or in ~/.ssh.',
    });
  }
  if (url.hostname === '' || url.search !== '' || url.hash !== '') {
    throw new HoldfastError('Usage', `"${shown}" does not name a folder of a server`, {
      hint: 'Write it as sftp://user@host:port/path, with %3F for a question mark and %23 for a hash.',
    });
  }
  const host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1');
  const user = decodeURIComponent(url.username);
  return {
    sftp: { host, port: url.port === '' ? 22 : Number(url.port), path: path === '' ? '.' : path },
    ...(user === '' ? {} : { identities: { writer: { user } } }),
  };
}
