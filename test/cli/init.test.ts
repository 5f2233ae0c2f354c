import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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
    expect(JSON.parse(written.stdout)).toEqual({ written: [`${folder}/vault.yaml`, `${folder}/project-files.yaml`] });
    const checked = await runCli(['validate', folder, '--json', '--resolved', 'project-files'], { directory });
    expect(JSON.parse(checked.stdout)).toMatchObject({ valid: true, problems: [], notBuilt: [] });
    const [backup] = (JSON.parse(checked.stdout) as { actions: { settings: { source: object } }[] }).actions;
    expect(backup?.settings.source).toMatchObject({
      directories: [directory],
      exclude: [join(directory, '.holdfast'), 'node_modules'],
    });
  },
);

test('a folder that holds policies is left as it is', async () => {
  const directory = emptyFolder();
  await runCli(['init'], { directory });
  const before = readFileSync(join(directory, 'policies/vault.yaml'), 'utf8');
  const again = await runCli(['init'], { directory });
  expect([again.status, again.stderr]).toEqual([8, expect.stringContaining('holds policies already')]);
  expect(readFileSync(join(directory, 'policies/vault.yaml'), 'utf8')).toBe(before);
  expect(readdirSync(directory)).toEqual(['policies']);
});
