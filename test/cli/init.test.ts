import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runCli } from './run-cli.ts';

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-init-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test.each([[[]], [['deep/down/rules']]])(
  'the starter folder is valid as it is, and all of it is built (%j)',
  async (given) => {
    const directory = emptyFolder();
    const written = await runCli(['init', ...given, '--json'], { directory });
    expect(written.status).toBe(0);
    const folder = given[0] ?? 'policies';
    const files = [`${folder}/vault.yaml`, `${folder}/project-files.yaml`, '.holdfast/.gitignore'];
    expect(JSON.parse(written.stdout)).toEqual({ written: files });
    const checked = await runCli(['validate', folder, '--json', '--resolved', 'project-files'], { directory });
    expect(JSON.parse(checked.stdout)).toMatchObject({ valid: true, problems: [], notBuilt: [] });
    const [backup] = (JSON.parse(checked.stdout) as { actions: { settings: { source: object } }[] }).actions;
    expect(backup?.settings.source).toMatchObject({
      directories: [directory],
      exclude: [join(directory, '.holdfast'), 'node_modules'],
    });
  },
);

test('git takes neither the password nor the backups, and an own list of what to ignore stays', async () => {
  const directory = emptyFolder();
  mkdirSync(join(directory, '.holdfast'));
  writeFileSync(join(directory, '.holdfast/.gitignore'), '*.password\n');
  await runCli(['init'], { directory });
  expect(readFileSync(join(directory, '.holdfast/.gitignore'), 'utf8')).toBe('*.password\n');
  const fresh = emptyFolder();
  await runCli(['init'], { directory: fresh });
  writeFileSync(join(fresh, '.holdfast/vault.password'), 'secret');
  execFileSync('git', ['init', '-q'], { cwd: fresh });
  execFileSync('git', ['add', '.'], { cwd: fresh });
  const added = execFileSync('git', ['ls-files'], { cwd: fresh, encoding: 'utf8' });
  expect(added.trim().split('\n').sort()).toEqual(['policies/project-files.yaml', 'policies/vault.yaml']);
});

test('a folder that holds policies is left as it is', async () => {
  const directory = emptyFolder();
  await runCli(['init'], { directory });
  const before = readFileSync(join(directory, 'policies/vault.yaml'), 'utf8');
  const again = await runCli(['init'], { directory });
  expect([again.status, again.stderr]).toEqual([8, expect.stringContaining('holds policies already')]);
  expect(readFileSync(join(directory, 'policies/vault.yaml'), 'utf8')).toBe(before);
  expect(readdirSync(directory)).toEqual(['.holdfast', 'policies']);
});
