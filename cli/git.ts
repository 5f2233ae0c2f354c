/** Reads from git which commit the policies are at, and whether the files on disk are what was committed. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { PolicyCommit } from '../domain/action.ts';
import type { Environment } from './command.ts';

export interface PolicySource {
  commit: PolicyCommit;
  /** Policy files that differ from the commit, or are not in git, as git names them. */
  uncommitted: string[];
  /** Why no commit can be named at all; absent: there is one. */
  outside?: string;
}

/**
 * The last commit that touched the policies (other commits of the repository change nothing here), and what is not in
 * it. Never throws: a folder outside git is a folder without a commit.
 */
export async function readPolicySource(
  paths: string[],
  directory: string,
  environment: Environment,
): Promise<PolicySource> {
  const git = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)('git', args, {
      cwd: directory,
      env: withoutRepository(environment),
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  };
  try {
    const status = await git('status', '--porcelain', '-z', '--untracked-files=all', '--', ...paths);
    const uncommitted = parseStatus(status);
    const commit = parseCommit(await git('log', '-1', '--format=%H%x00%an <%ae>%x00%cI%x00%s', '--', ...paths));
    if (commit === undefined)
      return { commit: { dirty: true }, uncommitted, outside: 'no commit of the git repository has these files' };
    return { commit: { ...commit, dirty: uncommitted.length > 0 }, uncommitted };
  } catch (error) {
    return { commit: { dirty: true }, uncommitted: [], outside: reasonOf(error) };
  }
}

/** Set inside git's own hooks, these would point every question at another repository. */
function withoutRepository(environment: Environment): NodeJS.ProcessEnv {
  const { GIT_DIR: _directory, GIT_WORK_TREE: _tree, GIT_INDEX_FILE: _index, ...rest } = environment;
  return { ...rest, LC_ALL: 'C' };
}

/** `XY NAME\0`, and for a rename `XY NEW\0OLD\0` (git-status(1), porcelain format 1). */
export function parseStatus(status: string): string[] {
  const names: string[] = [];
  const parts = status.split('\0').values();
  for (const part of parts) {
    if (part === '') continue;
    names.push(part.slice(3));
    if (part[0] === 'R' || part[0] === 'C') parts.next();
  }
  return names;
}

function parseCommit(line: string): Omit<PolicyCommit, 'dirty'> | undefined {
  const [hash, author, committedAt, subject] = line.trimEnd().split('\0');
  if (hash === undefined || hash === '') return undefined;
  return { hash, author, committedAt, subject };
}

function reasonOf(error: unknown): string {
  const { code, stderr } = error as { code?: unknown; stderr?: string };
  if (code === 'ENOENT') return 'git is not installed';
  const said = stderr?.trim().split('\n')[0];
  if (said === undefined || said === '') return 'git cannot read the folder';
  return said.includes('not a git repository') ? 'the folder is in no git repository' : `git says "${said}"`;
}
