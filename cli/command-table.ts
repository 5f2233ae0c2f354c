/** The list of all commands: their names and summaries, and how each is loaded, so that only the one that runs is. */
import type { CliCommand } from './command.ts';

export interface CommandEntry {
  name: string;
  summary: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- each command has options of its own, which only its own file reads
  load(): Promise<{ command: CliCommand<any> }>;
}

export interface CommandGroup {
  heading: string;
  commands: CommandEntry[];
}

/** In the order in which help shows them: by what they are for. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  {
    heading: 'Say what must be protected',
    commands: [
      { name: 'init', summary: 'write a first policy folder, or create a repository', load: () => import('./init.ts') },
      { name: 'validate', summary: 'check policies, without an engine', load: () => import('./validate.ts') },
      {
        name: 'import',
        summary: 'turn files of resticprofile, autorestic and borgmatic into policies',
        load: () => import('./import.ts'),
      },
      { name: 'schema', summary: 'explain the policy language', load: () => import('./schema.ts') },
      { name: 'fmt', summary: 'lay policy files out in one way', load: () => import('./fmt.ts') },
      { name: 'simulate', summary: 'play the policies on virtual time', load: () => import('./simulate.ts') },
      {
        name: 'upgrade',
        summary: 'rewrite policies of older versions of the language',
        load: () => import('./upgrade.ts'),
      },
    ],
  },
  {
    heading: 'Protect what the policies name',
    commands: [
      { name: 'plan', summary: 'what an apply would change', load: () => import('./plan.ts') },
      { name: 'drift', summary: 'what has changed outside of holdfast', load: () => import('./drift.ts') },
      { name: 'apply', summary: 'put the policies in force on their engine', load: () => import('./apply.ts') },
      {
        name: 'start',
        summary: 'engine, worker and policies in one; --once runs everything once',
        load: () => import('./start.ts'),
      },
      {
        name: 'worker',
        summary: 'run this machine’s actions beside an existing Temporal',
        load: () => import('./worker.ts'),
      },
      { name: 'run', summary: 'run one action now', load: () => import('./run.ts') },
      { name: 'pause', summary: 'stop a policy’s actions for a time', load: () => import('./pause.ts') },
      { name: 'resume', summary: 'let paused actions go on', load: () => import('./resume.ts') },
    ],
  },
  {
    heading: 'See what is protected, with the engine down too',
    commands: [
      {
        name: 'status',
        summary: 'what protects each policy now, and what is overdue',
        load: () => import('./status.ts'),
      },
      { name: 'runs', summary: 'what ran, and what it found', load: () => import('./runs.ts') },
      {
        name: 'coverage',
        summary: 'which folders and databases no policy protects',
        load: () => import('./coverage.ts'),
      },
      { name: 'audit', summary: 'expected runs against recorded ones', load: () => import('./audit.ts') },
    ],
  },
  {
    heading: 'Look and restore, with the engine down',
    commands: [
      { name: 'snapshots', summary: 'list the snapshots of a repository', load: () => import('./snapshots.ts') },
      { name: 'ls', summary: 'list the files of a snapshot', load: () => import('./ls.ts') },
      { name: 'find', summary: 'find files in all snapshots', load: () => import('./find.ts') },
      { name: 'diff', summary: 'what changed between two snapshots', load: () => import('./diff.ts') },
      {
        name: 'dump',
        summary: 'write a file to stdout, or a folder as a tar archive',
        load: () => import('./dump.ts'),
      },
      { name: 'restore', summary: 'bring files of a snapshot back', load: () => import('./restore.ts') },
      { name: 'stats', summary: 'how much snapshots hold, and take', load: () => import('./stats.ts') },
      { name: 'check', summary: 'verify a repository, and the data in it', load: () => import('./check.ts') },
      { name: 'unlock', summary: 'remove stale locks', load: () => import('./unlock.ts') },
    ],
  },
  {
    heading: 'Work on a repository',
    commands: [
      {
        name: 'adopt',
        summary: 'take snapshots that are there under a policy, as they are',
        load: () => import('./adopt.ts'),
      },
      { name: 'backup', summary: 'make a snapshot of folders', load: () => import('./backup.ts') },
      { name: 'copy', summary: 'copy snapshots into another repository', load: () => import('./copy.ts') },
      { name: 'forget', summary: 'drop snapshots by rules, or by id', load: () => import('./forget.ts') },
      { name: 'key', summary: 'list, add, remove and change passwords', load: () => import('./key.ts') },
      { name: 'prune', summary: 'free the data that no snapshot needs', load: () => import('./prune.ts') },
      { name: 'repair', summary: 'make the best of a damaged repository', load: () => import('./repair.ts') },
    ],
  },
  {
    heading: 'This machine',
    commands: [
      { name: 'doctor', summary: 'what this machine lacks, and how to get it', load: () => import('./doctor.ts') },
      {
        name: 'completion',
        summary: 'print a completion script for bash, zsh or fish',
        load: () => import('./completion.ts'),
      },
      { name: 'version', summary: 'print the version', load: () => import('./version.ts') },
    ],
  },
];

/** Commands that the policy language's page names and this version does not have. */
export const NOT_BUILT_COMMANDS: ReadonlySet<string> = new Set(
  'approve deny cancel explain recover evidence providers review'.split(' '),
);
