/** Reads policies, and what they name, from a commit: as if it lay in the work tree, which is not touched. */
import { realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, posix, relative, resolve } from 'node:path';
import { HoldfastError } from '../common/errors.ts';
import type { PolicyFiles } from '../schemas/load-policies.ts';
import { callGit, callGitNow } from './call-git.ts';
import type { Environment } from './command.ts';
import { readCommit, reasonOf } from './git.ts';
import type { PolicyReader } from './policy-reader.ts';

/**
 * `ref`: a hash, a tag, a branch. The repository is the one that the first of the paths lies in, whether the commit's
 * files are there or not. Throws Usage when there is no such commit or repository.
 */
export async function openCommit(
  ref: string,
  paths: readonly string[],
  { directory, environment }: { directory: string; environment: Environment },
): Promise<PolicyReader> {
  const folder = nearestFolder(resolve(directory, paths[0] ?? '.'));
  const git = callGit(folder, environment);
  const root = (await git('rev-parse', '--show-toplevel').catch(noRepository)).trimEnd();
  const commit = await readCommit(git, ref).catch((error: unknown) => {
    throw new HoldfastError('Usage', `the git repository ${root} has no commit "${ref}"`, {
      hint: 'give a hash, a tag or a branch, and fetch it first if it is elsewhere',
      cause: error,
    });
  });
  const tree = new CommitTree(root, environment, await git('ls-tree', '-r', '-z', '--full-tree', commit.hash!));
  return {
    files: {
      currentFolder: directory,
      stat: async (path) => tree.kindOf(path),
      list: async (path) => tree.list(path),
      read: async (path) => tree.read(path),
    },
    readText: (path) => readText(tree, path),
    commit: { ...commit, ref, dirty: false },
  };
}

/** For `compile`, which tells by the reason alone. */
function readText(tree: CommitTree, path: string): string {
  try {
    return tree.read(path).toString('utf8');
  } catch (error) {
    if (error instanceof HoldfastError) throw new Error(error.message, { cause: error });
    throw error;
  }
}

function noRepository(error: unknown): never {
  throw new HoldfastError('Usage', `--ref needs a git repository: ${reasonOf(error)}`, { cause: error });
}

/** The path itself may be in the commit alone. */
function nearestFolder(path: string): string {
  let folder = path;
  while (!isFolder(folder)) folder = dirname(folder);
  return folder;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

const LINK = '120000';
const SUBMODULE = '160000';
const MAX_LINKS = 40;

interface Entry {
  mode: string;
  hash: string;
}

class CommitTree {
  readonly #root: string;
  readonly #environment: Environment;
  /** By path below the root, with slashes. */
  readonly #entries = new Map<string, Entry>();
  /** Names in each folder. */
  readonly #folders = new Map<string, Set<string>>([['', new Set()]]);
  readonly #contents = new Map<string, Buffer>();

  /** `listing`: of `git ls-tree -r -z`: `MODE TYPE HASH\tPATH\0`. */
  constructor(root: string, environment: Environment, listing: string) {
    this.#root = root;
    this.#environment = environment;
    for (const line of listing.split('\0')) {
      const tab = line.indexOf('\t');
      if (tab < 0) continue;
      const [mode, , hash] = line.slice(0, tab).split(' ');
      this.#add(line.slice(tab + 1), { mode: mode!, hash: hash! });
    }
  }

  #add(path: string, entry: Entry): void {
    this.#entries.set(path, entry);
    for (let name = path; name !== '';) {
      const folder = posix.dirname(name) === '.' ? '' : posix.dirname(name);
      const names = this.#folders.get(folder);
      if (names !== undefined) return void names.add(posix.basename(name));
      this.#folders.set(folder, new Set([posix.basename(name)]));
      name = folder;
    }
  }

  kindOf(path: string): 'file' | 'folder' | undefined {
    const found = this.#resolve(this.#below(path));
    if (found === undefined) return undefined;
    return this.#folders.has(found) ? 'folder' : 'file';
  }

  list(path: string): Awaited<ReturnType<PolicyFiles['list']>> {
    const folder = this.#resolve(this.#below(path)) ?? '';
    const entries: { name: string; kind: 'file' | 'folder' }[] = [];
    for (const name of this.#folders.get(folder) ?? []) {
      const own = folder === '' ? name : `${folder}/${name}`;
      const mode = this.#entries.get(own)?.mode;
      // Its files are in another repository: to leave them out would take away what they protect.
      if (mode === SUBMODULE) throw submodule(own);
      const target = mode === LINK ? this.#resolve(own) : own;
      if (target === undefined) continue;
      const isFolder = this.#folders.has(target);
      if (!isFolder || mode !== LINK) entries.push({ name, kind: isFolder ? 'folder' : 'file' });
    }
    this.#preload(
      folder,
      entries.map(({ name }) => name),
    );
    return entries;
  }

  read(path: string): Buffer {
    const found = this.#resolve(this.#below(path));
    const entry = found === undefined ? undefined : this.#entries.get(found);
    if (entry === undefined) throw Object.assign(new Error(`${path} is not in the commit`), { code: 'ENOENT' });
    return this.#content(entry.hash);
  }

  /** Throws Usage for what lies in no commit of this repository. */
  #below(path: string): string {
    const below = belowRoot(this.#root, path);
    if (below.startsWith('..') || isAbsolute(below))
      throw new HoldfastError('Usage', `${path} is outside of the git repository ${this.#root}`, {
        hint: 'with --ref, all that is read at apply lies in one repository',
      });
    return below;
  }

  /** Follows links, as far as they stay in the commit; undefined: there is nothing. */
  #resolve(path: string, links = 0): string | undefined {
    let done = '';
    const steps = path.split('/').filter((step) => step !== '' && step !== '.');
    for (const [index, step] of steps.entries()) {
      const next = done === '' ? step : `${done}/${step}`;
      const entry = this.#entries.get(next);
      if (entry?.mode === SUBMODULE) throw submodule(next);
      if (entry?.mode === LINK) {
        const target = this.#content(entry.hash).toString('utf8');
        const rest = steps.slice(index + 1).join('/');
        const joined = posix.normalize(posix.join(done, target, rest));
        if (links >= MAX_LINKS || target.startsWith('/') || joined.startsWith('..')) return undefined;
        return this.#resolve(joined, links + 1);
      }
      if (entry === undefined && !this.#folders.has(next)) return undefined;
      done = next;
    }
    return done;
  }

  #content(hash: string): Buffer {
    const known = this.#contents.get(hash);
    if (known !== undefined) return known;
    const content = callGitNow(this.#root, this.#environment, ['cat-file', 'blob', hash]);
    this.#contents.set(hash, content);
    return content;
  }

  /** The policy files of a folder in one question: one for each takes seconds of a thousand. */
  #preload(folder: string, names: readonly string[]): void {
    const hashes = names
      .filter((name) => /\.ya?ml$/.test(name))
      .flatMap((name) => this.#entries.get(folder === '' ? name : `${folder}/${name}`)?.hash ?? [])
      .filter((hash) => !this.#contents.has(hash));
    if (hashes.length < 2) return;
    const input = hashes.map((hash) => `${hash}\n`).join('');
    const answer = callGitNow(this.#root, this.#environment, ['cat-file', '--batch'], input);
    // `HASH blob SIZE\n`, the content, `\n`.
    for (let at = 0; at < answer.length;) {
      const end = answer.indexOf(0x0a, at);
      const [hash, , size] = answer.toString('utf8', at, end).split(' ');
      this.#contents.set(hash!, answer.subarray(end + 1, end + 1 + Number(size)));
      at = end + 2 + Number(size);
    }
  }
}

/** Links on the disk count above the root alone, which git names without them: below it, those of the commit do. */
function belowRoot(root: string, path: string): string {
  for (let folder = path; ; folder = dirname(folder)) {
    if (isFolder(folder) && realpathSync(folder) === root) return relative(folder, path);
    if (folder === dirname(folder)) break;
  }
  const there = nearestFolder(dirname(path));
  return relative(root, join(realpathSync(there), relative(there, path)));
}

function submodule(path: string): HoldfastError {
  return new HoldfastError('Usage', `${path} is a submodule, whose files the commit does not hold`, {
    hint: 'apply the policies of a submodule by a path in it, with --ref of its own repository',
  });
}
