/** `holdfast init`: writes a starter policy folder, a workflow for pull requests, or creates a repository. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { Option } from 'commander';
import { HoldfastError } from '../common/errors.ts';
import type { CliCommand, CliContext } from './command.ts';
import { ExitStatus } from './exit-status.ts';
import { addFromOptions, type FromOptions } from './from-repository.ts';
import { addRepositoryOptions, type RepositoryOptions } from './open-from-options.ts';
import { starterFiles } from './starter-policies.ts';
import { stateDirectoryOf } from './state-folder.ts';
import { WORKFLOW_PATH, workflowFile } from './workflow-file.ts';

interface Options extends RepositoryOptions, FromOptions {
  copyChunkerParams?: boolean;
  ci?: string;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Writes a starter policy folder; with --ci github, a workflow that plans pull requests and applies what is merged; with --repository or --repo, creates the repository of that name or at that place.',
      )
      .argument('[dir]', 'the folder to write (default: policies)')
      .option(
        '--copy-chunker-params',
        'cut files where the repository of --from-repo or --from-repository cuts them, so that copies share data',
      );
    command.addOption(
      new Option(
        '--ci <service>',
        `write ${WORKFLOW_PATH} for the policies in the folder, which stay as they are`,
      ).choices(['github']),
    );
    addRepositoryOptions(addFromOptions(command));
  },

  async run(context, { args, options }) {
    const directory = args[0] as string | undefined;
    requireFromRepository(options);
    if (options.ci !== undefined) return writeWorkflow(context, directory ?? 'policies');
    if (options.repository === undefined && options.repo === undefined)
      return writeStarter(context, directory ?? 'policies');
    if (directory !== undefined) {
      throw new HoldfastError('Usage', 'both a folder and a repository are given', {
        hint: 'write the folder with holdfast init DIR, and create the repository with a second call',
      });
    }
    const { createRepository } = await import('./create-repository.ts');
    return createRepository(context, options);
  },
};

/** Another repository is read for its chunker's parameters alone, and they are found nowhere else. */
function requireFromRepository({ copyChunkerParams, fromRepo, fromRepository, repo, repository }: Options): void {
  const hasFrom = fromRepo !== undefined || fromRepository !== undefined;
  if (hasFrom === (copyChunkerParams === true) && (!hasFrom || (repo ?? repository) !== undefined)) return;
  throw new HoldfastError('Usage', '--copy-chunker-params and the repository to read them from go together', {
    hint: 'give --repo WHERE (or --repository NAME), --copy-chunker-params, and --from-repo or --from-repository',
  });
}

/** Throws AlreadyExists when there is such a file: it may have been changed by hand. */
async function writeWorkflow({ directory, output, json }: CliContext, given: string): Promise<ExitStatus> {
  const folder = relative(directory, resolve(directory, given));
  if (folder === '' || folder.startsWith('..')) {
    throw new HoldfastError('Usage', `the folder ${given} is not below this one`, {
      hint: 'run it in the root of the git repository, with the folder of the policies in it',
    });
  }
  const path = join(directory, WORKFLOW_PATH);
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(path, workflowFile(folder), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new HoldfastError('AlreadyExists', `${WORKFLOW_PATH} exists already`, {
      hint: 'remove or rename it, to have it written anew',
    });
  }
  if (json) output.json({ written: [WORKFLOW_PATH] });
  output.say(`wrote ${WORKFLOW_PATH}`);
  output.say('It needs holdfast in package.json, and an engine.address in the Project that its runner reaches.');
  return ExitStatus.done;
}

/** Throws AlreadyExists when the folder holds policies: nothing is overwritten. */
async function writeStarter({ directory, output, json }: CliContext, given: string): Promise<ExitStatus> {
  const folder = resolve(directory, given);
  const existing = await listFolder(folder);
  if (existing.some((name) => /\.ya?ml$/.test(name))) {
    throw new HoldfastError('AlreadyExists', `${given} holds policies already`, {
      hint: 'name another folder, or change the files there: holdfast schema explains the language',
    });
  }
  await mkdir(folder, { recursive: true });
  const fromFolder = relative(folder, directory) || '.';
  const files: string[] = [];
  for (const [name, content] of Object.entries(starterFiles(fromFolder))) {
    const path = join(folder, name);
    // `wx`: a file that appeared meanwhile is somebody's work.
    await writeFile(path, content, { flag: 'wx' });
    files.push(relative(directory, path));
  }
  files.push(...(await ignoreState(directory)));
  if (json) output.json({ written: files });
  for (const file of files) output.say(`wrote ${file}`);
  output.say(`
It protects this folder. Now
  1. give the repository a password, and keep a copy of it elsewhere (without it nobody can read the backups):
       (umask 077; head -c 24 /dev/urandom | base64 > .holdfast/vault.password)
  2. see that it is right:  npx holdfast validate${given === 'policies' ? '' : ` ${given}`}
  3. run everything once:   npx holdfast start${given === 'policies' ? '' : ` ${given}`} --once`);
  return ExitStatus.done;
}

/** Passwords and backups lie there: `git add .` must take neither. Tells what it wrote: nothing where something is there. */
async function ignoreState(directory: string): Promise<string[]> {
  const state = stateDirectoryOf(directory);
  await mkdir(state, { recursive: true });
  const path = join(state, '.gitignore');
  try {
    await writeFile(path, '# The state of holdfast, with passwords and backups: none of it is for git.\n*\n', {
      flag: 'wx',
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return [];
  }
  return [relative(directory, path)];
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code === 'ENOTDIR') throw new HoldfastError('Usage', `${folder} is a file`, { hint: 'name a folder' });
    throw error;
  }
}
