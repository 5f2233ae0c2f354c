import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Snapshot } from '../../domain/snapshot.ts';
import { requirePeer } from '../peers.ts';
import { runCli } from './run-cli.ts';

const restic = requirePeer('restic');

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-import-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const PROFILES = `default:
  repository: vault
  password-file: key
documents:
  inherit: default
  backup:
    source: documents
    exclude: "*.tmp"
    run-before: echo hunter2
  retention: { keep-daily: 7 }
`;

restic.it('a resticprofile’s repository goes on under the imported policies: import, validate, adopt', async () => {
  const directory = makeFolder();
  mkdirSync(join(directory, 'documents'));
  writeFileSync(join(directory, 'documents', 'a.txt'), 'a');
  writeFileSync(join(directory, 'key'), 'geheim');
  writeFileSync(join(directory, 'profiles.yaml'), PROFILES);
  const run = (...args: string[]) =>
    execFileSync(restic.command, ['-r', 'vault', '-p', 'key', '--no-cache', ...args], {
      cwd: directory,
      encoding: 'utf8',
    });
  run('init');
  run('backup', join(directory, 'documents'));

  const imported = await runCli(['import', 'profiles.yaml', '--out', 'policies'], { directory });
  expect([imported.status, imported.stdout]).toEqual([
    0,
    'wrote policies/documents.yaml\nwrote policies/repositories.yaml\n',
  ]);
  expect(imported.stderr).toContain('holdfast adopt --policies policies --repository vault --policy documents');
  expect(imported.stderr).toMatch(/^profiles\.yaml:9 +documents\.backup\.run-before/m);
  expect((await runCli(['validate'], { directory })).stdout).toBe('3 documents in 2 files: valid\n');
  const adopted = await runCli(['adopt', '--repository', 'vault', '--policy', 'documents', '--yes'], { directory });
  expect([adopted.status, adopted.stdout]).toEqual([0, expect.stringContaining('adopted 1 snapshot for documents')]);
  const [snapshot] = JSON.parse(run('snapshots', '--json')) as Snapshot[];
  expect(snapshot?.tags).toEqual(['holdfast', 'policy=documents']);

  const again = await runCli(['import', 'profiles.yaml', '--out', 'policies'], { directory });
  expect([again.status, again.stderr]).toEqual([8, expect.stringContaining('nothing was written')]);
});

test('without --out the policies go to stdout, and all else beside it; --json has both', async () => {
  const directory = makeFolder();
  writeFileSync(join(directory, 'profiles.yaml'), PROFILES);
  const shown = await runCli(['import', 'profiles.yaml'], { directory });
  expect(shown.stdout).toMatch(/^apiVersion: holdfast\/v1$/m);
  expect(shown.stdout).not.toContain('wrote');
  const json = JSON.parse((await runCli(['import', 'profiles.yaml', '--json'], { directory })).stdout) as {
    policies: string;
  };
  expect(json).toMatchObject({
    files: [{ file: 'profiles.yaml', program: 'resticprofile' }],
    documents: [{ kind: 'Location' }, { kind: 'Repository' }, { kind: 'Policy', name: 'documents', open: false }],
  });
  expect(`${json.policies}`).toBe(shown.stdout);
  const quiet = await runCli(['import', 'profiles.yaml', '--out', 'p', '--quiet'], { directory });
  expect([quiet.stdout, quiet.stderr, readdirSync(join(directory, 'p'))]).toEqual([
    '',
    '',
    ['documents.yaml', 'repositories.yaml'],
  ]);
  expect(readFileSync(join(directory, 'p', 'documents.yaml'), 'utf8')).not.toContain('hunter2');
});

test('files of Windows’ editors are read: UTF-8 and UTF-16 with their marks', async () => {
  const directory = makeFolder();
  const marked = Buffer.from(`\ufeff${PROFILES}`, 'utf16le');
  writeFileSync(join(directory, 'little.yaml'), marked);
  writeFileSync(join(directory, 'big.yaml'), Buffer.from(marked).swap16());
  writeFileSync(join(directory, 'utf8.yaml'), `\ufeff${PROFILES.replaceAll('\n', '\r\n')}`);
  const texts = ['little', 'big', 'utf8'].map(async (name) => {
    const { status, stdout } = await runCli(['import', `${name}.yaml`], { directory });
    return [status, stdout.replaceAll(`${name}.yaml`, 'X')];
  });
  const [first, ...others] = await Promise.all(texts);
  expect(first?.[0]).toBe(0);
  for (const other of others) expect(other).toEqual(first);
});

test('what is no configuration is refused by name', async () => {
  const directory = makeFolder();
  writeFileSync(join(directory, 'binary'), Buffer.from([0x80, 0xfe, 0x00]));
  writeFileSync(join(directory, 'compose.yaml'), 'services: {}\n');
  const refusals = [
    ['nowhere.yaml', 'nowhere.yaml does not exist'],
    ['.', '. is no file'],
    ['binary', 'binary is not text'],
    ['compose.yaml', 'say what it is: --from resticprofile'],
  ];
  for (const [file, message] of refusals)
    expect(await runCli(['import', file!], { directory })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(message!),
    });
  const forced = await runCli(['import', 'compose.yaml', '--from', 'autorestic'], { directory });
  expect([forced.status, forced.stderr]).toEqual([2, expect.stringContaining('nothing to protect')]);
});
