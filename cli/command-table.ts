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
    heading: 'This machine',
    commands: [
      { name: 'doctor', summary: 'say what this machine lacks, and how to get it', load: () => import('./doctor.ts') },
      {
        name: 'completion',
        summary: 'print a completion script for bash, zsh or fish',
        load: () => import('./completion.ts'),
      },
      { name: 'version', summary: 'print the version', load: () => import('./version.ts') },
    ],
  },
];
