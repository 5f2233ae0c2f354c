/** The servers of the benchmark, real ones on loopback, and how each program reaches them. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, statfsSync } from 'node:fs';
import path from 'node:path';
import type { StorageLocation } from '../storage/storage-location.ts';
import { startFakeGcsServer } from '../test/servers/fake-gcs-server.ts';
import { startSshd } from '../test/servers/sshd.ts';
import { startVersitygw } from '../test/servers/versitygw.ts';
import { findServer } from './find-on-path.ts';
import type { ServerKind } from './transfer-workload.ts';

/** One server; a name is that of a folder there, such as `files-holdfast-1`. */
export interface Site {
  kind: ServerKind;
  /** The program of the server. */
  program: string;
  /** What is stored lies in a file system in memory. */
  isInMemory: boolean;
  /** Where what is stored under a name lies on this machine. */
  folderOf(name: string): string;
  location(name: string): StorageLocation;
  /** As rclone takes it on its command line; the settings come from `environment`. */
  remote(name: string): string;
  /** What programs find in their environment. */
  environment: Record<string, string>;
  /** Arguments by which OpenSSH's programs find account and server. Empty for buckets. */
  ssh: string[];
  /** `user@host`, and the same with the port, of SSH. */
  login: string;
  address: string;
  /** The server's process, which may have others. */
  pid(): number;
  stop(): Promise<void>;
}

const BUCKET = 'transfers';

/** Throws an Error with one sentence when the server is not on this machine. */
export async function startSite(kind: ServerKind): Promise<Site> {
  return STARTERS[kind]();
}

const STARTERS: Record<ServerKind, () => Promise<Site>> = { sftp: startSftp, s3: startS3, gcs: startGcs };

function demand(name: string, remedy: string): string {
  const found = findServer(name);
  if (found === undefined)
    throw new Error(`${name} is not on this machine: ${remedy}, or leave its server out with --only.`);
  return found;
}

async function startSftp(): Promise<Site> {
  const program = demand('sshd', 'apt install openssh-server');
  const server = await startSshd(program);
  const home = path.join(server.folder, 'home');
  mkdirSync(path.join(home, '.ssh'), { recursive: true, mode: 0o700 });
  copyFileSync(server.keyFile('admin'), path.join(home, '.ssh', 'id_ed25519'));
  copyFileSync(server.knownHosts, path.join(home, '.ssh', 'known_hosts'));
  const { port, user } = server;
  const folderOf = (name: string): string => path.join(server.data, name);
  return {
    kind: 'sftp',
    program,
    isInMemory: false,
    folderOf,
    location: (name) => ({ sftp: { host: '127.0.0.1', port, path: folderOf(name) }, identities: { writer: { user } } }),
    remote: (name) => `:sftp:${folderOf(name)}`,
    environment: {
      HOME: home,
      SSH_AUTH_SOCK: '',
      RCLONE_SFTP_HOST: '127.0.0.1',
      RCLONE_SFTP_PORT: String(port),
      RCLONE_SFTP_USER: user,
      RCLONE_SFTP_KEY_FILE: path.join(home, '.ssh', 'id_ed25519'),
      RCLONE_SFTP_KNOWN_HOSTS_FILE: server.knownHosts,
    },
    ssh: [
      ...['-F', 'none', '-o', `Port=${port}`, '-o', `UserKnownHostsFile=${server.knownHosts}`],
      ...['-o', `IdentityFile=${server.keyFile('admin')}`, '-o', 'IdentitiesOnly=yes', '-q'],
    ],
    login: `${user}@127.0.0.1`,
    address: `${user}@127.0.0.1:${port}`,
    pid: () => server.pid(),
    stop: () => server.stop(),
  };
}

async function startS3(): Promise<Site> {
  const program = demand('versitygw', 'go install github.com/versity/versitygw/cmd/versitygw@v1.8.0');
  // As services do; it would close each connection after one answer.
  const server = await startVersitygw(program, { flags: ['--keep-alive'] });
  await server.createBucket(BUCKET);
  const { endpoint, region, root } = server;
  return {
    ...bucketSite('s3', program, server.data),
    location: (prefix) => ({ s3: { bucket: BUCKET, prefix, endpoint, region, forcePathStyle: true } }),
    environment: {
      AWS_ACCESS_KEY_ID: root.accessKeyId,
      AWS_SECRET_ACCESS_KEY: root.secretAccessKey,
      // rclone cannot use one that the surroundings name.
      AWS_CA_BUNDLE: '',
      RCLONE_S3_PROVIDER: 'Other',
      RCLONE_S3_ENV_AUTH: 'true',
      RCLONE_S3_ENDPOINT: endpoint,
      RCLONE_S3_REGION: region,
    },
    pid: () => server.pid(),
    stop: () => server.stop(),
  };
}

async function startGcs(): Promise<Site> {
  const program = demand('fake-gcs-server', 'go install github.com/fsouza/fake-gcs-server@v1.56.1');
  // It syncs each object under one lock, which Google's service does not: on a disk all clients would wait for that alone.
  const memory = findMemoryFolder();
  const folder = memory === undefined ? {} : { folder: mkdtempSync(path.join(memory, 'holdfast-gcs-')) };
  const server = await startFakeGcsServer(program, folder);
  await server.createBucket(BUCKET);
  const { endpoint } = server;
  return {
    ...bucketSite('gcs', program, server.data),
    isInMemory: memory !== undefined,
    location: (prefix) => ({ gcs: { bucket: BUCKET, prefix, endpoint } }),
    environment: {
      RCLONE_GCS_ANONYMOUS: 'true',
      RCLONE_GCS_ENDPOINT: `${endpoint}/storage/v1/`,
      RCLONE_GCS_BUCKET_POLICY_ONLY: 'true',
    },
    pid: () => server.pid(),
    stop: () => server.stop(),
  };
}

/** A file system in memory, where this machine has one. */
function findMemoryFolder(): string | undefined {
  const [folder, tmpfs] = ['/dev/shm', 0x01021994];
  return existsSync(folder) && statfsSync(folder).type === tmpfs ? folder : undefined;
}

function bucketSite(kind: 's3' | 'gcs', program: string, data: string) {
  return {
    kind,
    program,
    isInMemory: false,
    folderOf: (name: string) => path.join(data, BUCKET, name),
    remote: (name: string) => `:${kind}:${BUCKET}/${name}`,
    ssh: [],
    login: '',
    address: '',
  };
}
