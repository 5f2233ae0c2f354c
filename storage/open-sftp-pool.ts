/** Opens the connections to an SSH server for an account: whose key must be shown, and how the account logs in. */
import type { OnRetry } from '../common/progress.ts';
import { connectSftp, DEFAULT_TIMING, type SftpServer, type SftpTiming } from './sftp-connect.ts';
import { hostKeyRule } from './sftp-host-key.ts';
import { sftpLogin } from './sftp-login.ts';
import { SftpPool } from './sftp-pool.ts';
import type { SftpSession } from './sftp-session.ts';
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
  const connect = (): Promise<SftpSession> => tellingWait(() => connectSftp(server), server, surroundings.onRetry);
  return { pool: new SftpPool(connect, connections, surroundings.onRetry), user: login.user, name };
}

/** A server that is silent while it is connected to is waited for until the time limit: who watches hears of it sooner. */
async function tellingWait(
  connect: () => Promise<SftpSession>,
  { name, timing }: SftpServer,
  onRetry: OnRetry | undefined,
): Promise<SftpSession> {
  const atMs = Date.now() + timing.handshakeMilliseconds;
  let isTold = false;
  const timer = setInterval(() => {
    isTold = true;
    onRetry?.({ what: `${name} does not answer yet`, atMs, isWaiting: true });
  }, timing.tellMilliseconds);
  try {
    return await connect();
  } finally {
    clearInterval(timer);
    if (isTold) onRetry?.(undefined);
  }
}

function describe({ host, port, path }: SftpPlace, user: string): string {
  const address = host.includes(':') ? `[${host}]` : host;
  return `sftp://${user}@${address}${port === 22 ? '' : `:${port}`}/${path}`;
}
