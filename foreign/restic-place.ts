/** Where a restic repository lies, as restic writes it (`s3:…`, `sftp:…`, a path), as a Location of policies. */
import { absolutePath } from '../common/paths.ts';

export interface ResticPlace {
  /** Of a Location. */
  spec: Record<string, unknown>;
  /** What a person has to look at, for a comment. */
  decisions: string[];
}

export interface PlaceContext {
  /** Absolute: relative paths begin here. */
  directory: string;
  /** Of the person: where `known_hosts` is. */
  home: string;
}

const KNOWN_HOSTS = 'knownHosts is this person’s file: a hostKey ("SHA256:…") holds everywhere';

/** A text: why there is no such Location. It never names what could be a password in a URL. */
export function placeOfRestic(url: string, context: PlaceContext): ResticPlace | string {
  const scheme = /^([a-z0-9]+):/i.exec(url)?.[1]?.toLowerCase();
  const rest = url.slice((scheme?.length ?? -1) + 1);
  switch (scheme) {
    case undefined:
      return placeOfFolder(url, context);
    case 'local':
      return placeOfFolder(rest, context);
    case 'sftp':
      return placeOfSftp(rest, context);
    case 's3':
      return placeOfS3(rest);
    case 'gs':
      return placeOfGoogle(rest);
    case 'b2':
      return placeOfBackblaze(rest);
    default:
      return `holdfast has no storage of the kind "${scheme}:"; copy the repository to a disk, an SSH server, S3 or Google Cloud Storage`;
  }
}

function placeOfFolder(path: string, { directory, home }: PlaceContext): ResticPlace {
  const full = path.startsWith('~/') ? `${home}/${path.slice(2)}` : path;
  return { spec: { local: { path: absolutePath(directory, full) } }, decisions: [] };
}

/** `user@host:path`, `//user@host:port/path`; a second slash makes that path absolute. */
function placeOfSftp(rest: string, { home }: PlaceContext): ResticPlace | string {
  const match =
    /^\/\/(?:([^@/]*)@)?([^:/]+)(?::(\d+))?\/(.*)$/.exec(rest) ?? /^(?:([^@/]*)@)?([^:/]+)()?:(.*)$/.exec(rest);
  if (match === null) return 'the place of this SFTP repository cannot be read';
  const [, user = '', host = '', port, path = ''] = match;
  return sshPlace({ user: user.split(':')[0]!, host, port, path, home });
}

export function sshPlace(server: {
  user: string;
  host: string;
  port?: string | undefined;
  path: string;
  home: string;
  /** The file of the private key, where it is told. */
  key?: string | undefined;
}): ResticPlace {
  const { user, host, port, path, home, key } = server;
  const decisions = [KNOWN_HOSTS];
  if (key === undefined)
    decisions.push('the key is taken from the SSH agent: name one with privateKeyFrom where no agent runs');
  if (!host.includes('.'))
    decisions.push(`"${host}" may be a name of ~/.ssh/config, which holdfast does not read: write the server’s name`);
  if (user === '') decisions.push('user: the account at the server, which nothing here names');
  return {
    spec: {
      sftp: {
        host,
        ...(port === undefined || port === '' || port === '22' ? {} : { port: Number(port) }),
        path: path === '' ? '.' : path,
        knownHosts: `${home}/.ssh/known_hosts`,
      },
      identities: {
        writer: {
          user: user === '' ? 'root' : user,
          ...(key === undefined ? { agent: true } : { privateKeyFrom: { file: key } }),
        },
      },
    },
    decisions,
  };
}

/** `https://host/bucket/prefix`, `host/bucket/prefix`. */
function placeOfS3(rest: string): ResticPlace | string {
  const match = /^(https?:\/\/|\/\/)?(?:[^@/]*@)?([^/]+)\/([^/]+)(?:\/(.*))?$/.exec(rest);
  if (match === null) return 'the place of this S3 repository cannot be read';
  const [, scheme = 'https://', host = '', bucket = '', prefix = ''] = match;
  const aws = /^s3(?:[.-]([a-z]{2}-[a-z]+-\d))?\.amazonaws\.com$/.exec(host);
  const endpoint = `${scheme === 'http://' ? 'http' : 'https'}://${host}`;
  return bucketPlace(
    bucket,
    prefix,
    aws === null ? { endpoint, forcePathStyle: true } : aws[1] === undefined ? {} : { region: aws[1] },
  );
}

function bucketPlace(bucket: string, prefix: string, service: Record<string, unknown>): ResticPlace {
  const trimmed = trimSlashes(prefix);
  return {
    spec: { s3: { bucket, ...(trimmed === '' ? {} : { prefix: trimmed }), ...service } },
    decisions: [
      'the credentials are those of the environment (AWS_ACCESS_KEY_ID, …), or identities with credentialsFrom',
    ],
  };
}

/** `bucket:/prefix`. */
function placeOfGoogle(rest: string): ResticPlace {
  const [bucket = '', prefix = ''] = rest.split(':');
  const trimmed = trimSlashes(prefix);
  return {
    spec: { gcs: { bucket, ...(trimmed === '' ? {} : { prefix: trimmed }) } },
    decisions: [
      'the credentials are those of the environment (GOOGLE_APPLICATION_CREDENTIALS), or identities with credentialsFrom',
    ],
  };
}

/** `bucket:prefix`; B2 speaks S3, too. */
function placeOfBackblaze(rest: string): ResticPlace {
  const [bucket = '', prefix = ''] = rest.split(':');
  const { spec, decisions } = bucketPlace(bucket, prefix, {
    endpoint: 'https://s3.us-west-004.backblazeb2.com',
    forcePathStyle: true,
  });
  return {
    spec,
    decisions: [
      'endpoint: that of your bucket’s region, as Backblaze shows it; B2 is reached by its S3 interface',
      ...decisions,
    ],
  };
}

function trimSlashes(text: string): string {
  return text.replaceAll(/^\/+|\/+$/g, '');
}
