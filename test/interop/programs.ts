/** Programs that read and write repositories, all driven by the same verbs: holdfast, restic of several versions, rustic. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { requirePeer, type Peer } from '../peers.ts';
import { CLI } from '../cli/run-cli.ts';

const execute = promisify(execFile);

/** All snapshots are of this host, whoever makes them: so that each program finds the parent that another has made. */
export const HOST = 'app-01';

/** A repository on disk, and the file with a password of it. */
export interface Vault {
  directory: string;
  passwordFile: string;
}

/** Each verb throws, with all that the program said, when the program fails. */
export interface BackupProgram {
  /** Name and version. */
  name: string;
  init(vault: Vault): Promise<void>;
  backup(vault: Vault, source: string): Promise<void>;
  /** The whole snapshot, each path below the target. */
  restore(vault: Vault, snapshotId: string, target: string): Promise<void>;
  /** Reads all data. */
  check(vault: Vault): Promise<void>;
  forget(vault: Vault, snapshotIds: string[]): Promise<void>;
  /** Leaves nothing unused. */
  prune(vault: Vault): Promise<void>;
  addKey(vault: Vault, newPasswordFile: string): Promise<void>;
  removeKey(vault: Vault, keyId: string): Promise<void>;
  /** All snapshots, into a repository that it makes, with the same chunker so that both deduplicate alike. */
  copyAnew(from: Vault, to: Vault): Promise<void>;
  /** Lines of `describeTree` that it is known not to keep when it backs up, and not to bring back when it restores. */
  loses: { backup?: RegExp; restore?: RegExp };
}

/** How a program is started; what it caches and writes besides stays in a folder of its own. */
type Start = (args: string[]) => Promise<string>;

function starter(command: string, scratch: string): Start {
  mkdirSync(scratch, { recursive: true });
  const env = { PATH: process.env['PATH'], HOME: scratch, TMPDIR: scratch, TZ: process.env['TZ'] };
  return async (args) => (await execute(command, args, { env, cwd: scratch, maxBuffer: 1 << 28 })).stdout;
}

export function holdfast(scratch: string): BackupProgram {
  const start = starter(process.execPath, scratch);
  const run = (vault: Vault, [command = '', ...args]: string[]): Promise<string> =>
    start([CLI, command, '--repo', vault.directory, '--password-file', vault.passwordFile, ...args]);
  return {
    name: 'holdfast',
    init: async (vault) => void (await run(vault, ['init'])),
    backup: async (vault, source) => void (await run(vault, ['backup', '--host', HOST, source])),
    restore: async (vault, id, target) => void (await run(vault, ['restore', id, '--target', target])),
    check: async (vault) => void (await run(vault, ['check', '--read-data'])),
    forget: async (vault, ids) => void (await run(vault, ['forget', ...ids])),
    prune: async (vault) => void (await run(vault, ['prune', '--max-unused', '0%'])),
    addKey: async (vault, file) => void (await run(vault, ['key', 'add', '--new-password-file', file])),
    removeKey: async (vault, id) => void (await run(vault, ['key', 'remove', id])),
    async copyAnew(from, to) {
      const source = ['--from-repo', from.directory, '--from-password-file', from.passwordFile];
      await run(to, ['init', '--copy-chunker-params', ...source]);
      await run(to, ['copy', ...source]);
    },
    loses: {},
  };
}

function restic(peer: Peer, name: string, scratch: string): BackupProgram {
  const start = starter(peer.command, scratch);
  const run = (vault: Vault, args: string[]): Promise<string> =>
    start(['--repo', vault.directory, '--password-file', vault.passwordFile, '--no-cache', '--quiet', ...args]);
  return {
    name,
    init: async (vault) => void (await run(vault, ['init', '--repository-version', '2'])),
    backup: async (vault, source) => void (await run(vault, ['backup', '--host', HOST, source])),
    restore: async (vault, id, target) => void (await run(vault, ['restore', id, '--target', target])),
    check: async (vault) => void (await run(vault, ['check', '--read-data'])),
    forget: async (vault, ids) => void (await run(vault, ['forget', ...ids])),
    prune: async (vault) => void (await run(vault, ['prune', '--max-unused', '0'])),
    addKey: async (vault, file) => void (await run(vault, ['key', 'add', '--new-password-file', file])),
    removeKey: async (vault, id) => void (await run(vault, ['key', 'remove', id])),
    async copyAnew(from, to) {
      const source = ['--from-repo', from.directory, '--from-password-file', from.passwordFile];
      await run(to, ['init', '--copy-chunker-params', ...source]);
      await run(to, ['copy', ...source]);
    },
    loses: {},
  };
}

function rustic(peer: Peer, name: string, scratch: string): BackupProgram {
  const start = starter(peer.command, scratch);
  const run = (vault: Vault, [command = '', ...args]: string[]): Promise<string> =>
    start([command, '--repository', vault.directory, '--password-file', vault.passwordFile, '--no-cache', ...args]);
  return {
    name,
    init: async (vault) => void (await run(vault, ['init'])),
    backup: async (vault, source) => void (await run(vault, ['backup', '--host', HOST, source])),
    restore: async (vault, id, target) => void (await run(vault, ['restore', id, target])),
    check: async (vault) => void (await run(vault, ['check', '--read-data'])),
    forget: async (vault, ids) => void (await run(vault, ['forget', ...ids])),
    prune: async (vault) =>
      void (await run(vault, ['prune', '--max-unused', '0%', '--max-repack', 'unlimited', '--instant-delete'])),
    addKey: async (vault, file) => void (await run(vault, ['key', 'add', '--new-password-file', file])),
    removeKey: async (vault, id) => void (await run(vault, ['key', 'remove', id])),
    async copyAnew(from, to) {
      // It knows the second repository by a profile only.
      const profile = `[repository]\nrepository = "${to.directory}"\npassword-file = "${to.passwordFile}"\nno-cache = true\n`;
      writeFileSync(path.join(scratch, 'target.toml'), profile);
      await run(from, ['copy', '--init', '--target', 'target']);
    },
    // The folders that lead to the files of a source have no metadata; a file of mode 0 gets a usual mode.
    loses: { backup: /^"" /, restore: /^"none" / },
  };
}

/** A program that others are compared with; `open` only where the peer is there. */
export interface PeerProgram {
  peer: Peer;
  /** With the version where the program is there: for titles. */
  title: string;
  open(scratch: string): BackupProgram;
}

/** The restic that the system has, a newer one, and rustic. */
export async function peerPrograms(): Promise<PeerProgram[]> {
  const named = async (peer: Peer, make: typeof restic): Promise<PeerProgram> => {
    const title = await titleOf(peer);
    return { peer, title, open: (scratch) => make(peer, title, scratch) };
  };
  return [
    await named(requirePeer('restic'), restic),
    await named(requirePeer('restic-new'), restic),
    await named(requirePeer('rustic'), rustic),
  ];
}

async function titleOf(peer: Peer): Promise<string> {
  let command: string;
  try {
    command = peer.command;
  } catch {
    return peer.name;
  }
  const { stdout } = await execute(command, [peer.name === 'rustic' ? '--version' : 'version']);
  return stdout.trim().split(' ').slice(0, 2).join(' ');
}
