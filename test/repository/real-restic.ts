/** A fresh repository made and driven by the real restic, for comparing with it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PASSWORD } from './archive-fixture.ts';

export interface RealRestic {
  readonly directory: string;
  readonly password: string;
  /** Runs restic; returns its standard output, throws with its standard error when it fails. */
  run(args: string[], options?: { cwd?: string }): string;
  /** Like `run`, for when failing is the point. */
  tryRun(args: string[]): { status: number | null; stdout: string; stderr: string };
}

/** Drives `command` on the repository in `workFolder/vault`, which is made when it is missing; cache and temporary files stay in the folder. */
export function realRestic(command: string, workFolder: string): RealRestic {
  const directory = path.join(workFolder, 'vault');
  const password = PASSWORD;
  const passwordFile = path.join(workFolder, 'password');
  const scratch = path.join(workFolder, 'scratch');
  mkdirSync(scratch, { recursive: true });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  const base = ['--repo', directory, '--password-file', passwordFile, '--no-cache', '--quiet'];
  const env = { PATH: process.env['PATH'], HOME: scratch, TMPDIR: scratch, TZ: process.env['TZ'] };
  const restic: RealRestic = {
    directory,
    password,
    run: (args, options = {}) =>
      execFileSync(command, [...base, ...args], { env, cwd: options.cwd, encoding: 'utf8', maxBuffer: 1 << 28 }),
    tryRun: (args) => {
      const { status, stdout, stderr } = spawnSync(command, [...base, ...args], { env, encoding: 'utf8' });
      return { status, stdout, stderr };
    },
  };
  if (!existsSync(path.join(directory, 'config'))) restic.run(['init', '--repository-version', '2']);
  return restic;
}
