import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { requirePeer } from '../peers.ts';
import { runCommand } from '../run-command.ts';
import { runCli, type CliResult } from './run-cli.ts';

const restic = requirePeer('restic');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-init-'));
  writeFileSync(join(folder, 'password'), 'geheim\n', { mode: 0o600 });
});
afterEach(() => rmSync(folder, { recursive: true }));

function run(...args: string[]): Promise<CliResult> {
  return runCli(args, { directory: folder });
}

restic.it('init creates a repository that restic opens, for this account alone', async () => {
  const created = await run('init', '--repo', 'vault', '--password-file', 'password');
  expect([created.status, created.stderr]).toEqual([0, '']);
  expect(created.stdout).toMatch(/^created repository [0-9a-f]{8} at local:.*vault\nKeep its password/);
  expect(statSync(join(folder, 'vault')).mode & 0o777).toBe(0o700);
  const args = ['-r', 'vault', '-p', 'password', '--no-cache', 'snapshots', '--json'];
  const listed = await runCommand(restic.command, args, { cwd: folder });
  expect(JSON.parse(listed.stdout)).toEqual([]);
});

test('a repository that is there is never made anew: exit 8', async () => {
  const args = ['init', '--repo', 'vault', '--password-file', 'password', '--json'];
  expect(JSON.parse((await run(...args)).stdout)).toMatchObject({
    version: 2,
    id: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const again = await run(...args);
  expect(again.status).toBe(8);
  expect(JSON.parse(again.stdout)).toMatchObject({ error: { code: 'AlreadyExists' } });
});

test('a repository of the policies is created by its name, once its password is there', async () => {
  mkdirSync(join(folder, 'policies'));
  const documents = [
    'apiVersion: holdfast/v1\nkind: Location\nmetadata: { name: disk }\nspec: { local: { path: ../disk } }',
    'apiVersion: holdfast/v1\nkind: Repository\nmetadata: { name: offsite }\nspec: { location: disk, path: deep/offsite, passwordFrom: { file: ../offsite.password } }',
  ];
  writeFileSync(join(folder, 'policies/all.yaml'), documents.join('\n---\n'));
  const without = await run('init', '--repository', 'offsite');
  expect([without.status, without.stderr]).toEqual([2, expect.stringContaining('offsite.password does not exist')]);
  writeFileSync(join(folder, 'offsite.password'), 'other\n');
  expect((await run('init', '--repository', 'offsite')).status).toBe(0);
  const listed = await run('snapshots', '--repo', 'disk/deep/offsite', '--password-file', 'offsite.password');
  expect([listed.status, listed.stdout]).toEqual([0, '0 snapshots\n']);
});
