/** The two commands of the README on a clean checkout: the demo twice, then the real restic on what it left. */
import { cp, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePeer } from './peers.ts';
import { runSuccessfully, type CommandResult } from './run-command.ts';
import { listSourceFiles, PROJECT_FOLDER } from './source-files.ts';

const MINUTES = 60_000;
const temporal = requirePeer('temporal');
const restic = requirePeer('restic');
let folder: string;
let checkout: string;

function run(program: string, args: string[]): Promise<CommandResult> {
  const environment = { HOLDFAST_TEMPORAL_CLI: temporal.command, TZ: 'UTC' };
  return runSuccessfully(program, args, { cwd: checkout, environment });
}

function runRestic(args: string[]): Promise<CommandResult> {
  const repository = ['-r', '.holdfast/vault/demo', '--password-file', '.holdfast/demo.password', '--no-cache'];
  return run(restic.command, [...repository, ...args]);
}

/** Every entry with what a restore must bring back, in one text; the folder's own times are the restorer's. */
async function listTree(directory: string): Promise<string> {
  const { stdout } = await run('find', [directory, '-mindepth', '1', '-printf', '%P %y %m %U:%G %s %T@ %l\\n']);
  return stdout
    .split('\n')
    .map((line) => line.replace(/^(\S+ d \S+ \S+) \d+ /, '$1 '))
    .toSorted()
    .join('\n');
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-demo-'));
  checkout = path.join(folder, 'checkout');
  for (const file of listSourceFiles()) {
    await cp(path.join(PROJECT_FOLDER, file), path.join(checkout, file), { preserveTimestamps: true });
  }
  await symlink(path.join(PROJECT_FOLDER, 'node_modules'), path.join(checkout, 'node_modules'));
  const git = (...args: string[]) => run('git', ['-c', 'user.name=demo', '-c', 'user.email=demo@localhost', ...args]);
  await git('init', '--quiet');
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'A checkout of its own');
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('npm run demo', () => {
  temporal.it(
    'ends with 0 twice, and the second run adds a snapshot to the first',
    async () => {
      const first = await run('npm', ['run', 'demo']);
      expect(first.stdout).toContain('policy/checkout/backup/demo');
      const second = await run('npm', ['run', 'demo']);
      expect(second.stdout).toContain('policy/checkout/backup/demo');
      const { stdout } = await runRestic(['snapshots', '--json']);
      expect(JSON.parse(stdout)).toHaveLength(2);
    },
    5 * MINUTES,
  );

  it('keeps the password for its owner alone', async () => {
    const { mode } = await stat(path.join(checkout, '.holdfast', 'demo.password'));
    expect((mode & 0o777).toString(8)).toBe('600');
    const password = await readFile(path.join(checkout, '.holdfast', 'demo.password'), 'utf8');
    const { stdout } = await run('grep', [
      '--recursive',
      '--files-with-matches',
      '--text',
      '-e',
      password.trim(),
      '.holdfast',
    ]);
    expect(stdout.trim()).toBe('.holdfast/demo.password');
  });

  restic.it(
    'leaves a repository that the real restic finds clean, to the last byte',
    async () => {
      const { stdout } = await runRestic(['check', '--read-data']);
      expect(stdout).toContain('no errors were found');
    },
    5 * MINUTES,
  );

  restic.it(
    'is restored by restic and by holdfast to the same files, which are those of the checkout',
    async () => {
      await runRestic(['restore', 'latest', '--target', path.join(folder, 'by-restic')]);
      const place = ['--repo', '.holdfast/vault/demo', '--password-file', '.holdfast/demo.password'];
      await run('node', [
        'cli/holdfast.js',
        'restore',
        'latest',
        ...place,
        '--target',
        path.join(folder, 'by-holdfast'),
      ]);
      await run('diff', [
        '--recursive',
        '--no-dereference',
        path.join(folder, 'by-restic'),
        path.join(folder, 'by-holdfast'),
      ]);
      expect(await listTree(path.join(folder, 'by-holdfast'))).toBe(await listTree(path.join(folder, 'by-restic')));
      const restored = path.join(folder, 'by-holdfast', checkout);
      const left = ['node_modules', '.git', '.holdfast'].map((name) => `--exclude=${name}`);
      await run('diff', ['--recursive', '--no-dereference', ...left, checkout, restored]);
    },
    5 * MINUTES,
  );
});
