/** OpenSSH's own server for the tests: on a free port of 127.0.0.1, with keys, accounts and folders of its own. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SftpPlace, StorageIdentity, StorageSurroundings } from '../../storage/storage-location.ts';
import { freePort, spawnRestartable } from './spawn-server.ts';

const run = promisify(execFile);

/**
 * What the key of an account may do: all; all, and everybody may write into what is made (umask 0); only add files, in
 * `data`; only read. The encrypted one opens with PASSPHRASE.
 */
export type SshAccount = 'admin' | 'lax' | 'writer' | 'reader' | 'encrypted';
const ACCOUNTS: readonly SshAccount[] = ['admin', 'lax', 'writer', 'reader', 'encrypted'];
export const PASSPHRASE = 'a passphrase for tests';

export interface SshServer {
  /** Of the process that runs now. */
  pid(): number;
  port: number;
  user: string;
  /** Temporary; `data` in it is where the sessions of all accounts begin. */
  folder: string;
  data: string;
  /** Fingerprints by key type: `SHA256:…`. */
  fingerprints: { ed25519: string; rsa: string };
  /** A known_hosts file that knows both keys. */
  knownHosts: string;
  /** The file of an account's private key. */
  keyFile(account: SshAccount): string;
  place(path: string): SftpPlace;
  identity(account: SshAccount): StorageIdentity;
  /** The same, as a policy says it: a line of YAML each. */
  placeYaml(path: string): string;
  identityYaml(account: SshAccount): string;
  surroundings: StorageSurroundings;
  /** Whose keys have logged in since the last call, each once, in the order of `ACCOUNTS`. */
  logins(): Promise<SshAccount[]>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The options of authorized_keys that make an account which may only create files and read them. */
export function appendOnlyOptions(folder: string): string {
  const denied = 'remove,rename,posix-rename,rmdir,mkdir,setstat,fsetstat,lsetstat,hardlink,symlink,copy-data';
  return `command="internal-sftp -d ${folder} -u 0337 -P ${denied}",restrict`;
}

/**
 * `folder`: below it are its files, keys and settings; removed when it stops. Default: a temporary one. `maxSessions`: on each
 * connection; default: OpenSSH's own, 10.
 */
export async function startSshd(
  command: string,
  options: { folder?: string; maxSessions?: number } = {},
): Promise<SshServer> {
  const { folder = await mkdtemp(join(tmpdir(), 'holdfast-sshd-')), maxSessions = 10 } = options;
  const data = join(folder, 'data');
  await mkdir(data);
  // As root, Debian's sshd wants the folder that its service makes.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const file = (name: string): string => join(folder, name);
  const makeKey = (name: string, type: string, passphrase = '') =>
    run('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', name, '-f', file(name)]);
  await Promise.all([
    makeKey('host-ed25519', 'ed25519'),
    makeKey('host-rsa', 'rsa'),
    ...ACCOUNTS.map((account) => makeKey(account, 'ed25519', account === 'encrypted' ? PASSPHRASE : '')),
  ]);
  const publicKey = async (name: string): Promise<string> => (await readFile(file(`${name}.pub`), 'utf8')).trim();
  const limits: Record<SshAccount, string> = {
    admin: `command="internal-sftp -d ${data}",restrict`,
    lax: `command="internal-sftp -d ${data} -u 0000",restrict`,
    writer: appendOnlyOptions(data),
    reader: `command="internal-sftp -d ${data} -R",restrict`,
    encrypted: 'restrict',
  };
  const authorized = await Promise.all(ACCOUNTS.map(async (name) => `${limits[name]} ${await publicKey(name)}\n`));
  await writeFile(file('authorized_keys'), authorized.join(''), { mode: 0o600 });
  const port = await freePort();
  const settings = {
    Port: port,
    ListenAddress: '127.0.0.1',
    PidFile: 'none',
    AuthorizedKeysFile: file('authorized_keys'),
    StrictModes: 'no',
    UsePAM: 'no',
    PasswordAuthentication: 'no',
    KbdInteractiveAuthentication: 'no',
    PermitRootLogin: 'yes',
    MaxStartups: 100,
    MaxSessions: maxSessions,
    LogLevel: 'INFO',
    Subsystem: 'sftp internal-sftp',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  const hostKeys = ['host-ed25519', 'host-rsa'].map((name) => `HostKey ${file(name)}`);
  await writeFile(file('sshd_config'), `${[...lines, ...hostKeys].join('\n')}\n`);
  const knownHosts = file('known_hosts');
  const known = await Promise.all(['host-ed25519', 'host-rsa'].map((name) => publicKey(name)));
  await writeFile(knownHosts, known.map((key) => `[127.0.0.1]:${port} ${key}\n`).join(''));
  const server = await spawnRestartable(command, ['-D', '-E', file('log'), '-f', file('sshd_config')], port);
  const fingerprint = async (name: string): Promise<string> =>
    (await run('ssh-keygen', ['-l', '-f', file(`${name}.pub`)])).stdout.split(' ')[1]!;
  const { username: user } = userInfo();
  const fingerprints = await Promise.all(ACCOUNTS.map((account) => fingerprint(account)));
  const hostFingerprints = { ed25519: await fingerprint('host-ed25519'), rsa: await fingerprint('host-rsa') };
  let seen = 0;
  return {
    port,
    user,
    folder,
    data,
    fingerprints: hostFingerprints,
    knownHosts,
    keyFile: (account) => file(account),
    place: (path) => ({ host: '127.0.0.1', port, path, knownHosts }),
    identity: (account) => ({
      user,
      privateKey: { file: file(account) },
      ...(account === 'encrypted' ? { passphrase: { env: 'PASSPHRASE' } } : {}),
    }),
    placeYaml: (path) =>
      `sftp: { host: 127.0.0.1, port: ${port}, path: ${path}, hostKey: "${hostFingerprints.ed25519}" }`,
    identityYaml: (account) => `{ user: ${user}, privateKeyFrom: { file: ${file(account)} } }`,
    surroundings: {
      environment: { HOME: folder },
      resolveSecret: async (reference) =>
        'file' in reference ? (await readFile(reference.file, 'utf8')).trimEnd() : PASSPHRASE,
    },
    async logins() {
      const log = await readFile(file('log'), 'utf8');
      const accepted = log
        .slice(seen)
        .split('\n')
        .filter((line) => line.startsWith('Accepted publickey'));
      seen = log.length;
      return ACCOUNTS.filter((_, index) => accepted.some((line) => line.includes(fingerprints[index]!)));
    },
    pid: () => server.pid(),
    restart: () => server.restart(),
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
