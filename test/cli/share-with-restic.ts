/** A repository that holdfast and restic use in turns, wherever it lies: each reads, extends, prunes and verifies what the other wrote. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { CliResult } from './run-cli.ts';

/** Both programs at one place where nothing is yet. `source` has a `file 7`; `folder` is for what is restored. */
export interface SharedPlace {
  run(command: string, ...args: string[]): Promise<CliResult>;
  restic(...args: string[]): void;
  source: string;
  folder: string;
}

export async function shareWithRestic({ run, restic, source, folder }: SharedPlace): Promise<void> {
  const succeed = async (result: Promise<CliResult>): Promise<void> => {
    const { status, stderr } = await result;
    expect([status, stderr]).toEqual([0, expect.any(String)]);
  };
  await succeed(run('init'));
  await succeed(run('backup', source));
  restic('check', '--read-data');
  rmSync(join(source, 'file 7'));
  restic('backup', source);
  await succeed(run('check', '--read-data'));
  await succeed(run('forget', '--keep-last', '1'));
  await succeed(run('prune', '--max-unused', '0%'));
  restic('check', '--read-data');
  restic('restore', 'latest', '--target', join(folder, 'by-restic'));
  await succeed(run('restore', 'latest', '--path', source, '--target', join(folder, 'by-holdfast')));
  execFileSync('diff', ['-r', join(folder, 'by-restic'), join(folder, 'by-holdfast')]);
}
