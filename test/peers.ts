/** The real programs that tests compare with: found once, demanded under CI, loudly missed elsewhere. */
import { describe, inject, it } from 'vitest';
import { findOnPath, findServer } from '../bench/find-on-path.ts';

/**
 * A program on the PATH, or the Temporal CLI, which `test/locate-peers.ts` finds (or builds) before the tests start.
 * `restic` is the one that the system has; `restic-new` a newer one beside it, where there is one.
 */
export type PeerName =
  | 'restic'
  | 'restic-new'
  | 'rustic'
  | 'rclone'
  | 'go'
  | 'temporal'
  | 'setfacl'
  | 'getfacl'
  | 'setfattr'
  | 'getfattr'
  | 'git'
  | 'versitygw'
  | 'fake-gcs-server'
  | 'sshd'
  | 'openssl'
  | 'toxiproxy-server'
  | 'lowntfs-3g'
  | 'mount.exfat-fuse';

export interface Peer {
  name: PeerName;
  /** The program's path. Only read it inside `describe` and `it` of this peer: it throws when the peer is missing. */
  readonly command: string;
  /** vitest's `describe` and `it`: without the peer they fail under CI, and are skipped with a loud line elsewhere. */
  describe: (title: string, body: () => void) => void;
  it: (title: string, body: () => void | Promise<void>, timeoutMilliseconds?: number) => void;
}

const REMEDIES: Record<PeerName, string> = {
  restic: 'apt install restic',
  'restic-new': 'set HOLDFAST_TEST_RESTIC_NEW to a restic 0.17 or later, which .ci/run builds',
  rustic: 'put rustic on the PATH, or set HOLDFAST_TEST_RUSTIC to it',
  rclone: 'apt install rclone',
  go: 'install Go 1.19 or later',
  temporal: 'put the Temporal CLI v1.5.1 on the PATH, or install Go so that holdfast can build it',
  setfacl: 'apt install acl',
  getfacl: 'apt install acl',
  setfattr: 'apt install attr',
  getfattr: 'apt install attr',
  git: 'apt install git',
  versitygw: 'go install github.com/versity/versitygw/cmd/versitygw@v1.8.0',
  'fake-gcs-server': 'go install github.com/fsouza/fake-gcs-server@v1.56.1',
  sshd: 'apt install openssh-server',
  openssl: 'apt install openssl',
  'lowntfs-3g': 'apt install ntfs-3g',
  'mount.exfat-fuse': 'apt install exfat-fuse exfatprogs',
  'toxiproxy-server': 'go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0, and name it toxiproxy-server',
};

const SERVERS: ReadonlySet<PeerName> = new Set<PeerName>(['versitygw', 'fake-gcs-server', 'toxiproxy-server', 'sshd']);

/** Finds the peer; `const restic = requirePeer('restic')`, then `restic.it('…', async () => { … restic.command … })`. */
export function requirePeer(name: PeerName): Peer {
  const found = find(name);
  if (found !== undefined) return { name, command: found, describe, it };
  const missing = `${name} is missing: ${REMEDIES[name]}`;
  if (!isCi() || OPTIONAL.has(name)) return skippedPeer(name, missing);
  return {
    ...skippedPeer(name, missing),
    describe: (title) => it(title, () => fail(missing)),
    it: (title) => it(title, () => fail(missing)),
  };
}

/** Compared with where they are there: nothing else on the machine needs them, and having them takes long. */
const OPTIONAL: ReadonlySet<PeerName> = new Set<PeerName>(['restic-new', 'rustic']);

function skippedPeer(name: PeerName, missing: string): Peer {
  return {
    name,
    get command(): string {
      throw new Error(missing);
    },
    describe: (title, body) => skip(title, missing, () => describe.skip(title, body)),
    it: (title, body) => skip(title, missing, () => it.skip(title, body)),
  };
}

function find(name: PeerName): string | undefined {
  if (name === 'temporal') return inject('temporalCli') || undefined;
  if (name === 'restic-new') return process.env['HOLDFAST_TEST_RESTIC_NEW'] || findOnPath('restic-new');
  if (name === 'rustic') return process.env['HOLDFAST_TEST_RUSTIC'] || findOnPath(name);
  // The servers must be called by their whole paths.
  return SERVERS.has(name) ? findServer(name) : findOnPath(name);
}

/** For what only root may do, mounting above all: skipped for others, but not in CI. */
export const itAsRoot = process.getuid?.() === 0 || isCi() ? it : it.skip;

/** Whether the tests run where nothing may be skipped. */
export function isCi(): boolean {
  return !['', '0', 'false', undefined].includes(process.env['CI']);
}

function fail(message: string): never {
  throw new Error(`${message} (under CI no test is skipped)`);
}

function skip(title: string, missing: string, declare: () => void): void {
  process.stderr.write(`\n!!! NOT TESTED: "${title}": ${missing}\n`);
  declare();
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of the Temporal CLI; empty when there is none, or when no test of this run asks for it. */
    temporalCli: string;
  }
}
