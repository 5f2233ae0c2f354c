/** Reads from git which commit the policies are at, and whether the files on disk are what was committed. */
import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { PolicyCommit } from '../domain/action.ts';
import type { Environment } from './command.ts';
import { callGit, type Git } from './call-git.ts';

export interface PolicySource {
  commit: PolicyCommit;
  /** Policy files that differ from the commit, or are not in git, as git names them. */
  uncommitted: string[];
  /** Why no commit can be named at all; absent: there is one. */
  outside?: string;
}

/**
 * The last commit that touched the policies (other commits of the repository change nothing here), and what is not in
 * it. `paths` are what was given; `files` are those that were really read, with scripts and lists of patterns, wherever
 * they lie. Never throws: a folder outside git is a folder without a commit.
 */
export async function readPolicySource(
  paths: readonly string[],
  directory: string,
  environment: Environment,
  files: readonly string[] = [],
): Promise<PolicySource> {
  try {
    // Git knows nothing of what lies behind a link.
    const given = await Promise.all(paths.map((path) => realpath(resolve(directory, path))));
    const git = callGit(await folderOf(given[0] ?? directory), environment);
    const root = (await git('rev-parse', '--show-toplevel')).trimEnd();
    const beside = files.filter((file) => !given.some((path) => isBelow(file, path)) && isBelow(file, root));
    const where = [...given, ...beside];
    const status = await git('status', '--porcelain', '-z', '--untracked-files=all', '--', ...where);
    const uncommitted = [...new Set([...parseStatus(status), ...(await findUnknown(files, root, environment))])];
    const commit = parseCommit(await git('log', '-1', `--format=${COMMIT_FORMAT}`, '--', ...where));
    if (commit === undefined)
      return { commit: { dirty: true }, uncommitted, outside: 'no commit of the git repository has these files' };
    return { commit: { ...commit, dirty: uncommitted.length > 0 }, uncommitted };
  } catch (error) {
    return { commit: { dirty: true }, uncommitted: [], outside: reasonOf(error) };
  }
}

async function folderOf(path: string): Promise<string> {
  return (await stat(path)).isDirectory() ? path : dirname(path);
}

function isBelow(path: string, folder: string): boolean {
  const rest = relative(folder, path);
  return rest === '' || (!rest.startsWith('..') && !isAbsolute(rest));
}

/**
 * What was read and is in no repository, or whose changes git was told not to look at: `git status` says nothing of
 * either. Of a link, both the link and what it points to count.
 */
async function findUnknown(files: readonly string[], root: string, environment: Environment): Promise<string[]> {
  const real = await Promise.all(files.map((file) => realpath(file)));
  const all = [...new Set([...files, ...real])];
  const unknown: string[] = [];
  for (const [folder, own] of Map.groupBy(all, (file) => dirname(file))) {
    const tracked = await trackedIn(folder, environment);
    for (const file of own)
      // A folder that is a link itself is told by what it points to.
      if (!tracked.has(file) && (real.includes(file) || (await realpath(folder)) === folder))
        unknown.push(isBelow(file, root) ? relative(root, file) : file);
  }
  return unknown;
}

/** Absolute paths of what git follows in a folder, of whatever repository it is: a submodule has its own. */
async function trackedIn(folder: string, environment: Environment): Promise<Set<string>> {
  try {
    const listed = await callGit(folder, environment)('ls-files', '-v', '-z', '--', '.');
    const lines = listed.split('\0').filter((line) => line !== '');
    // `h`: assumed to be unchanged; `S`: left out of the work tree.
    return new Set(lines.filter((line) => !/^[a-zS]/.test(line)).map((line) => resolve(folder, line.slice(2))));
  } catch {
    return new Set();
  }
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

const COMMIT_FORMAT = '%H%x00%an <%ae>%x00%cI%x00%s';

/** The commit that a name means now, a tag followed to what it names. Throws what git says. */
export async function readCommit(git: Git, name: string): Promise<Omit<PolicyCommit, 'dirty'>> {
  const hash = (await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`)).trim();
  return parseCommit(await git('log', '-1', `--format=${COMMIT_FORMAT}`, hash, '--'))!;
}

function parseCommit(line: string): Omit<PolicyCommit, 'dirty'> | undefined {
  const [hash, author, committedAt, subject] = line.trimEnd().split('\0');
  if (hash === undefined || hash === '') return undefined;
  return { hash, author, committedAt, subject };
}

export function reasonOf(error: unknown): string {
  const { code, stderr } = error as { code?: unknown; stderr?: string };
  if (code === 'ENOENT') return 'git is not installed';
  const said = stderr?.trim().split('\n')[0];
  if (said === undefined || said === '') return 'git cannot read the folder';
  return said.includes('not a git repository') ? 'the folder is in no git repository' : `git says "${said}"`;
}
