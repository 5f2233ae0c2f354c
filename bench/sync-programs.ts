/** Who takes part in the benchmark of syncs: holdfast's use case in a process of its own, rclone with its defaults and with more hands, and `cp`. */
import path from 'node:path';
import { findOnPath } from './find-on-path.ts';
import { run, type Command } from './measure-process.ts';
import { CHECKOUT, digestSources, HOLDFAST } from './programs.ts';

const PRODUCT_FOLDERS = ['activities', 'common', 'domain', 'evidence', 'files', 'storage', 'bench'];

/** Links are kept as links, which is what holdfast does; by default rclone leaves them out. */
const RCLONE_FLAGS = ['--links', '--quiet'];

/** rclone as it comes: what the targets are measured against. */
export const RCLONE = 'rclone';
/** rclone with what makes it fastest here. It then does not hash what it copies to see that it arrived whole. */
export const RCLONE_TUNED = 'rclone-tuned';
const TUNED_FLAGS = ['--transfers', '16', '--checkers', '16', '--ignore-checksum'];

/**
 * What the system itself takes to make the files: one thread that asks for nothing else. How fast a copy can be is
 * judged beside it, as no program makes files without the kernel's part.
 */
const CP = 'cp';
const CP_FLAGS = '--archive --update --no-target-directory';

export interface SyncProgram {
  name: string;
  /** What it says of itself, for holdfast with a digest of its sources: rounds of other code are other rounds. */
  version: string;
  /** What it is run with. */
  told: string;
  command: (source: string, target: string) => Command;
}

/** holdfast first. Throws an Error when rclone is missing. */
export function findSyncPrograms(work: string): SyncProgram[] {
  const rclone = findOnPath('rclone');
  if (rclone === undefined) throw new Error('rclone is missing, beside which syncs are measured (apt install rclone).');
  const version = run({ file: rclone, args: ['version'] }).split('\n')[0] ?? '';
  return [
    {
      name: HOLDFAST,
      version: `sources ${digestSources(CHECKOUT, PRODUCT_FOLDERS)}`,
      told: 'the use case of a sync (activities/sync.ts) in a Node process of its own, as a policy has it by default; its start counts, the engine takes no part',
      command: (source, target) => ({
        file: process.execPath,
        args: [path.join(CHECKOUT, 'bench', 'sync-child.ts'), source, target],
        environment: { NODE_COMPILE_CACHE: path.join(work, 'compile-cache') },
      }),
    },
    rcloneProgram(RCLONE, rclone, version, []),
    rcloneProgram(RCLONE_TUNED, rclone, version, TUNED_FLAGS),
    {
      name: CP,
      version: run({ file: 'cp', args: ['--version'] }).split('\n')[0] ?? '',
      told: `cp ${CP_FLAGS}; it compares times alone, removes nothing and does not wait for the disk`,
      command: (source, target) => ({
        file: 'sh',
        args: ['-c', `mkdir -p "$(dirname "$2")" && exec cp ${CP_FLAGS} "$1" "$2"`, 'sh', source, target],
      }),
    },
  ];
}

function rcloneProgram(name: string, file: string, version: string, more: string[]): SyncProgram {
  const flags = [...RCLONE_FLAGS, ...more];
  return {
    name,
    version,
    told: `rclone sync ${flags.join(' ')}; it keeps neither modes nor owners nor times of folders, and does not wait for the disk`,
    // The configuration of whoever runs this takes no part.
    command: (source, target) => ({
      file,
      args: ['sync', ...flags, source, target],
      environment: { RCLONE_CONFIG: '/notfound' },
    }),
  };
}
