/** What `--repo WHERE` means: the place of a repository, written in one line. */
import { HoldfastError } from '../common/errors.ts';
import type { StorageLocation } from './storage-location.ts';

/**
 * What `--repo WHERE` means: a path, or the URL of a backend. Throws NotBuilt, naming
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
  if (scheme === 'sftp') return parseSftpUrl(where, shown);
  if (scheme === 'gs' || scheme === 's3') {
    throw new HoldfastError('NotBuilt', `${scheme}:// repositories cannot be opened yet: ${shown}`, {
      hint: 'Give the path of a local folder.',
    });
  }
  throw new HoldfastError('Usage', `"${shown}" names no kind of storage that is known`, {
    hint: 'Give a path, or sftp://user@host/path, gs://bucket/prefix or s3://bucket/prefix.',
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
