/** Opens the connections to an SSH server for an account: whose key must be shown, and how the account logs in. */
import { connectSftp, DEFAULT_TIMING, type SftpTiming } from './sftp-connect.ts';
import { hostKeyRule } from './sftp-host-key.ts';
import { sftpLogin } from './sftp-login.ts';
import { SftpPool } from './sftp-pool.ts';
import type { SftpPlace, StorageIdentity, StorageSurroundings } from './storage-location.ts';

/** How many connections are opened when a location does not say. */
const DEFAULT_CONNECTIONS = 4;

export interface SftpPoolOptions {
  /** Connections at a time. */
  connections?: number;
  timing?: Partial<SftpTiming>;
}

export interface OpenedPool {
  pool: SftpPool;
  user: string;
  /** For messages, as `--repo` takes it: `sftp://user@host:port/path`; a second slash begins an absolute path. */
  name: string;
}

/** Connects with the first work. Throws NotFound (no file of known hosts) and what resolving the secrets throws. */
export async function openSftpPool(
  place: SftpPlace,
  identity: StorageIdentity,
  surroundings: StorageSurroundings,
  { connections = DEFAULT_CONNECTIONS, timing }: SftpPoolOptions,
): Promise<OpenedPool> {
  const [rule, login] = await Promise.all([hostKeyRule(place, surroundings), sftpLogin(identity, surroundings)]);
  const name = describe(place, login.user);
  const server = { place, login, rule, timing: { ...DEFAULT_TIMING, ...timing }, name };
  return { pool: new SftpPool(() => connectSftp(server), connections, surroundings.onRetry), user: login.user, name };
}

function describe({ host, port, path }: SftpPlace, user: string): string {
  const address = host.includes(':') ? `[${host}]` : host;
  return `sftp://${user}@${address}${port === 22 ? '' : `:${port}`}/${path}`;
}
