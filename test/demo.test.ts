/** The demo on a clean checkout, twice, then the real restic on what it left. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeCleanCheckout, type CleanCheckout } from './clean-checkout.ts';
import { requirePeer } from './peers.ts';
import type { CommandResult } from './run-command.ts';

const MINUTES = 60_000;
const temporal = requirePeer('temporal');
const restic = requirePeer('restic');
let checkout: CleanCheckout;

const PLACE = ['.holdfast/vault/demo', '--password-file', '.holdfast/demo.password'];

function runRestic(args: string[]): Promise<CommandResult> {
  return checkout.run(restic.command, ['-r', ...PLACE, '--no-cache', ...args]);
}

/** Every entry with what a restore must bring back, in one text; the size of a folder is the file system's own affair. */
async function listTree(directory: string): Promise<string> {
  const { stdout } = await checkout.run('find', [
    directory,
    '-mindepth',
    '1',
    '-printf',
    '%P %y %m %U:%G %T@ %l %s\\n',
  ]);
  return stdout
    .split('\n')
    .map((line) => (/^\S* d /.test(line) ? line.replace(/ \d+$/, '') : line))
    .toSorted()
    .join('\n');
}

temporal.describe('npm run demo', () => {
  beforeAll(async () => {
    checkout = await makeCleanCheckout({ HOLDFAST_TEMPORAL_CLI: temporal.command, TZ: 'UTC' });
  });
  afterAll(() => checkout.remove());

  it(
    'ends with 0 twice, and the second run adds a snapshot to the first',
    async () => {
      await checkout.run('npm', ['run', 'demo']);
      await checkout.run('npm', ['run', 'demo']);
      const snapshots = await checkout.run('node', ['cli/holdfast.js', 'snapshots', '--json', '--repo', ...PLACE]);
      expect(snapshots.stdout.match(/"policy=checkout"/g)).toHaveLength(2);
    },
    5 * MINUTES,
  );

  it('keeps the password for its owner alone, and tells it nowhere else', async () => {
    const file = path.join(checkout.path, '.holdfast', 'demo.password');
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600');
    const password = (await readFile(file, 'utf8')).trim();
    const search = ['--recursive', '--files-with-matches', '--binary-files=text', '-e', password, '.holdfast'];
    expect((await checkout.run('grep', search)).stdout).toBe('.holdfast/demo.password\n');
  });

  restic.it(
    'leaves a repository that the real restic finds clean, to the last byte',
    async () => {
      expect((await runRestic(['check', '--read-data'])).stdout).toContain('no errors were found');
    },
    5 * MINUTES,
  );

  restic.it(
    'is restored by restic and by holdfast to the same files, which are those of the checkout',
    async () => {
      const byRestic = path.join(checkout.path, '..', 'by-restic');
      const byHoldfast = path.join(checkout.path, '..', 'by-holdfast');
      await runRestic(['restore', 'latest', '--target', byRestic]);
      await checkout.run('node', ['cli/holdfast.js', 'restore', 'latest', '--repo', ...PLACE, '--target', byHoldfast]);
      await checkout.run('diff', ['--recursive', '--no-dereference', byRestic, byHoldfast]);
      expect(await listTree(byHoldfast)).toBe(await listTree(byRestic));
      const left = ['node_modules', '.git', '.holdfast'].map((name) => `--exclude=${name}`);
      const restored = path.join(byHoldfast, checkout.path);
      await checkout.run('diff', ['--recursive', '--no-dereference', ...left, checkout.path, restored]);
    },
    5 * MINUTES,
  );
});
