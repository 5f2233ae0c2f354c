/** A checkout of its own, as `git clone` and `npm ci` leave one: the project's files, committed, and its packages. */
import { cp, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runSuccessfully, type CommandResult } from './run-command.ts';
import { listSourceFiles, PROJECT_FOLDER } from './source-files.ts';

export interface CleanCheckout {
  /** The checkout's folder; its parent is the test's own, too. */
  path: string;
  /** Runs a program in it; any other status than 0 is an error. */
  run(program: string, args: string[], environment?: Record<string, string>): Promise<CommandResult>;
  remove(): Promise<void>;
}

/** `environment`: for every program that runs in it, besides that of a clean shell. */
export async function makeCleanCheckout(environment: Record<string, string>): Promise<CleanCheckout> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'holdfast-checkout-')));
  const checkout = path.join(folder, 'holdfast');
  for (const file of listSourceFiles()) {
    await cp(path.join(PROJECT_FOLDER, file), path.join(checkout, file), { preserveTimestamps: true });
  }
  await symlink(path.join(PROJECT_FOLDER, 'node_modules'), path.join(checkout, 'node_modules'));
  const run: CleanCheckout['run'] = (program, args, more = {}) =>
    runSuccessfully(program, args, { cwd: checkout, environment: { ...environment, ...more } });
  const author = ['-c', 'user.name=A Newcomer', '-c', 'user.email=newcomer@localhost'];
  await run('git', ['init', '--quiet']);
  await run('git', ['add', '--all']);
  await run('git', [...author, 'commit', '--quiet', '--message', 'A checkout of its own']);
  return { path: checkout, run, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
}
