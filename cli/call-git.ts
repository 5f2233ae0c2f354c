/** Runs git in a folder, for questions alone. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { Environment } from './command.ts';

/** Answers with what git writes to stdout; rejects with its exit status and stderr. */
export type Git = (...args: string[]) => Promise<string>;

const LARGEST_ANSWER = 512 * 1024 * 1024;

/** No lock is taken: who works in the folder meanwhile is not disturbed. */
export function callGit(folder: string, environment: Environment): Git {
  return async (...args) => {
    const { stdout } = await promisify(execFile)(
      'git',
      ['--no-optional-locks', ...args],
      optionsOf(folder, environment),
    );
    return stdout;
  };
}

/** The same at once, in bytes. */
export function callGitNow(folder: string, environment: Environment, args: string[], input?: string): Buffer {
  const options = optionsOf(folder, environment);
  return execFileSync('git', ['--no-optional-locks', ...args], {
    ...options,
    input: input ?? '',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

function optionsOf(cwd: string, environment: Environment): { cwd: string; env: NodeJS.ProcessEnv; maxBuffer: number } {
  return { cwd, env: withoutRepository(environment), maxBuffer: LARGEST_ANSWER };
}

/** Set inside git's own hooks, these would point every question at another repository. */
function withoutRepository(environment: Environment): NodeJS.ProcessEnv {
  const { GIT_DIR: _directory, GIT_WORK_TREE: _tree, GIT_INDEX_FILE: _index, ...rest } = environment;
  return { ...rest, LC_ALL: 'C' };
}
