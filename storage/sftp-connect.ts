/** Connects to an SSH server: checks its key, logs in, and opens the SFTP session. */
import { Client, type ConnectConfig, type SFTPWrapper } from 'ssh2';
import { HoldfastError, StorageError } from '../common/errors.ts';
import { algorithmsOf, otherTypes, refusedHost, type HostKeyRule } from './sftp-host-key.ts';
import { keyType } from './known-hosts.ts';
import type { SftpLogin } from './sftp-login.ts';
import { moveDirectly } from './sftp-direct.ts';
import { SftpSession } from './sftp-session.ts';
import { useOwnCiphers } from './ssh-ciphers.ts';
import { GatheringSocket } from './ssh-socket.ts';
import type { SftpPlace } from './storage-location.ts';

/** How long things may take; the tests make it short. */
export interface SftpTiming {
  /** From the first packet to the login. */
  handshakeMilliseconds: number;
  /** Of that, what passes before it is told that the server is silent. */
  tellMilliseconds: number;
  /** Between questions whether the server is still there, when nothing else comes from it. */
  keepaliveMilliseconds: number;
  /** Questions without an answer after which it is taken for gone. */
  keepaliveCount: number;
  /** See `SILENCE_MILLISECONDS`. */
  silenceMilliseconds: number;
}

export const DEFAULT_TIMING: SftpTiming = {
  handshakeMilliseconds: 30_000,
  tellMilliseconds: 3000,
  keepaliveMilliseconds: 10_000,
  keepaliveCount: 3,
  silenceMilliseconds: 120_000,
};

/** AES-GCM runs in OpenSSL, at once encrypted and authenticated; chacha20 is a third slower here. */
const CIPHERS: NonNullable<ConnectConfig['algorithms']>['cipher'] = {
  prepend: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'],
  append: [],
  remove: [],
};

export interface SftpServer {
  place: SftpPlace;
  login: SftpLogin;
  rule: HostKeyRule;
  timing: SftpTiming;
  /** For messages. */
  name: string;
}

interface Attempt {
  session?: SftpSession;
  /** A key that was shown and is not known. */
  refused?: Buffer;
  /** The server has no key of these types. */
  noSuchKey?: boolean;
}

/**
 * Throws AccessDenied for a server whose key is not known (both fingerprints in the message) and for a refused login,
 * StorageError when it does not answer in time.
 */
export async function connectSftp(server: SftpServer): Promise<SftpSession> {
  const { place, rule } = server;
  const refused: Buffer[] = [];
  // A fingerprint does not say of which type its key is: the server is asked for each that it has.
  for (let types = rule.types; ; types = otherTypes(refused.map(keyType))) {
    const attempt = await connectOnce(server, algorithmsOf(types));
    if (attempt.session !== undefined) return attempt.session;
    if (attempt.refused !== undefined) {
      refused.push(attempt.refused);
      const isFinal = rule.types.length > 0 || rule.known.length === 0 || rule.judge(attempt.refused) === 'revoked';
      if (isFinal || otherTypes(refused.map(keyType)).length === 0) throw refusedHost(place, rule, refused);
    } else if (refused.length > 0) {
      throw refusedHost(place, rule, refused);
    } else {
      // It has no key of the known types any more: what it has instead is shown.
      const shown = await connectOnce(server, algorithmsOf(otherTypes(rule.types)));
      shown.session?.lose();
      throw refusedHost(place, rule, shown.refused === undefined ? [] : [shown.refused]);
    }
  }
}

async function connectOnce(server: SftpServer, serverHostKey: string[]): Promise<Attempt> {
  const { place, login, rule, timing } = server;
  const client = new Client();
  const { promise, resolve, reject } = Promise.withResolvers<Attempt>();
  let refused: Buffer | undefined;
  const sessions = new Set<SftpSession>();
  const fail = (error?: Error & { level?: string }): void => {
    for (const session of sessions) session.lose(error);
    if (refused !== undefined) resolve({ refused });
    else if (error?.message.includes('no matching host key') === true) resolve({ noSuchKey: true });
    else reject(connectError(server, error));
    client.destroy();
  };
  const openSession = async (): Promise<SftpSession> => {
    const sftp = await openChannel(client);
    moveDirectly(sftp);
    const session = new SftpSession(sftp, {
      place: server.name,
      disconnect: () => client.destroy(),
      openAnother: openSession,
      silenceMilliseconds: timing.silenceMilliseconds,
    });
    sftp.on('error', fail);
    sftp.on('close', () => fail());
    sessions.add(session);
    return session;
  };
  // Both stay for the life of the connection; a cut before the login gives `close` alone.
  client.on('error', fail);
  client.on('close', () => fail());
  client.on('ready', () => {
    openSession().then((session) => resolve({ session }), fail);
  });
  const authHandler = nextMethod(login);
  const sock = new GatheringSocket();
  sock.setNoDelay(true);
  sock.connect({ host: place.host, port: place.port });
  client.connect({
    sock,
    username: login.user,
    readyTimeout: timing.handshakeMilliseconds,
    keepaliveInterval: timing.keepaliveMilliseconds,
    keepaliveCountMax: timing.keepaliveCount,
    algorithms: { serverHostKey: serverHostKey as never, cipher: CIPHERS },
    hostVerifier: (key: Buffer) => {
      if (rule.judge(key) === 'known') return true;
      refused = key;
      return false;
    },
    authHandler: authHandler as never,
  });
  useOwnCiphers(client, sock);
  return promise;
}

/** Its callback is not called when the connection ends meanwhile. */
async function openChannel(client: Client): Promise<SFTPWrapper> {
  const { promise, resolve, reject } = Promise.withResolvers<SFTPWrapper>();
  const onClose = (): void => reject(new Error('it closed the connection'));
  client.once('close', onClose);
  client.sftp((error, sftp) => {
    if (error === undefined) resolve(sftp);
    else reject(error);
  });
  try {
    return await promise;
  } finally {
    client.removeListener('close', onClose);
  }
}

/** Each way once, those left out that the server does not offer: its patience counts attempts. */
function nextMethod({ methods }: SftpLogin): (offered: string[] | null) => unknown {
  const left = [...methods];
  return (offered) => {
    for (let method = left.shift(); method !== undefined; method = left.shift()) {
      const type = method.type === 'agent' ? 'publickey' : method.type;
      if (offered === null || offered.includes(type)) return method;
    }
    return false;
  };
}

function connectError({ name, login }: SftpServer, error: (Error & { level?: string }) | undefined): HoldfastError {
  if (error instanceof HoldfastError) return error;
  if (error?.level === 'client-authentication' || error?.level === 'agent') {
    return new HoldfastError(
      'AccessDenied',
      `${name} does not let ${login.user} log in with ${login.tried.join(', ')}`,
      {
        hint: 'Add the public key to authorized_keys of that account, or correct the identity of the Location.',
        cause: error,
      },
    );
  }
  const reason = error === undefined ? 'it closed the connection' : error.message.replace(/\.$/, '');
  return new StorageError(`${name} cannot be reached: ${reason}`, {
    hint: 'Look at the network and the server (does "sftp" reach it?), then run it again.',
    cause: error,
  });
}
