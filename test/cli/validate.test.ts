import { mkdtempSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { PROJECT_FOLDER } from '../source-files.ts';
import { runCli } from './run-cli.ts';

const COPIED =
  'apiVersion: holdfast/v1\nkind: Location\nmetadata: { name: vault }\nspec: { local: { path: .. } }\n---\napiVersion: holdfast/v1\nkind: Repository\nmetadata: { name: demo }\nspec: { location: vault, passwordFrom: { env: A } }\n---\napiVersion: holdfast/v1\nkind: Policy\nmetadata: { name: orders }\nspec:\n  source: { directory: /srv/orders }\n  backup: [{ to: demo }]\n  hooks: {}\n';

function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-validate-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'policies'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'policies', name), content);
  return folder;
}

test('the policies of the demo are valid and built, told in less than 0.4 s', async () => {
  // The first run may find no compiled code in Node's cache.
  await runCli(['validate'], { directory: PROJECT_FOLDER });
  const seconds: number[] = [];
  // The best of several: other tests and programs run beside this one.
  for (let run = 0; run < 12 && !(Math.min(...seconds) < 0.4); run++) {
    const started = performance.now();
    const result = await runCli(['validate'], { directory: PROJECT_FOLDER });
    seconds.push((performance.now() - started) / 1000);
    expect(result).toEqual({ status: 0, stdout: '5 documents in 1 file: valid\n', stderr: '' });
  }
  expect(Math.min(...seconds)).toBeLessThan(0.4);
});

test('what is not built validates, and apply refuses it by name and place', async () => {
  const directory = folderOf({ 'a.yaml': COPIED });
  const valid = await runCli(['validate'], { directory });
  expect(valid.status).toBe(0);
  expect(valid.stdout).toContain('policies/a.yaml:17:3  warning: not built yet: hooks');
  expect(valid.stdout).toContain('3 documents in 1 file: valid');
  const applied = await runCli(['apply'], { directory });
  expect([applied.status, applied.stderr]).toEqual([
    2,
    expect.stringContaining('policies/a.yaml:17:3  not built yet: hooks'),
  ]);
  expect(readdirSync(directory)).toEqual(['policies']);
});

test('--resolved shows what a policy comes to, as YAML or as data', async () => {
  const directory = folderOf({ 'a.yaml': COPIED });
  const shown = await runCli(['validate', '--resolved', 'orders'], { directory });
  expect(shown.stdout).toMatch(/^- id: policy\/orders\/backup\/demo$/m);
  const json = await runCli(['validate', '--resolved', 'orders', '--json'], { directory });
  expect(JSON.parse(json.stdout)).toMatchObject({
    valid: true,
    actions: [{ kind: 'backup' }, { kind: 'access-check' }, { kind: 'restore-test' }],
    notBuilt: [{ code: 'not-built', line: 17, column: 3 }],
  });
  const unknown = await runCli(['validate', '--resolved', 'ordres'], { directory });
  expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringContaining('did you mean "orders"?')]);
});

test('without policies it says how to begin', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-validate-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const { status, stderr } = await runCli(['validate'], { directory });
  expect([status, stderr]).toEqual([2, expect.stringContaining('holdfast init')]);
});
