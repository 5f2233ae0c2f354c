import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepositoryFixture } from './repository-fixture.ts';
import { runCli } from './run-cli.ts';

const VAULT = 'apiVersion: holdfast/v1\nkind: Location\nmetadata: { name: vault }\nspec: { local: { path: .. } }';
const REPOSITORY =
  'apiVersion: holdfast/v1\nkind: Repository\nmetadata: { name: demo }\nspec: { location: vault, path: vault, passwordFrom: { file: ../password } }';
const BROKEN = 'apiVersion: holdfast/v1\nkind: Policy\nmetadata: { name: orders }\nspec: { sorce: { directory: . } }';

test('a repository is opened by its name in the policies, and one that is not there is told from those that are', async () => {
  await using fixture = await createRepositoryFixture();
  await fixture.addSnapshot({});
  mkdirSync(join(fixture.folder, 'policies'));
  writeFileSync(join(fixture.folder, 'policies/all.yaml'), [VAULT, REPOSITORY, BROKEN].join('\n---\n'));
  const run = (...args: string[]) => runCli(args, { directory: fixture.folder });
  const found = await run('snapshots', '--repository', 'demo');
  expect([found.status, found.stdout]).toEqual([0, expect.stringContaining('1 snapshot\n')]);
  expect(found.stderr).toContain('holdfast validate shows them');
  const unknown = await run('snapshots', '--repository', 'dem');
  expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringContaining('did you mean "demo"?')]);
  writeFileSync(join(fixture.folder, 'password'), 'other');
  expect((await run('snapshots', '--repository', 'demo')).status).toBe(12);
  writeFileSync(
    join(fixture.folder, 'policies/all.yaml'),
    [VAULT, REPOSITORY.replace('vault, path', 'valt, pth')].join('\n---\n'),
  );
  const broken = await run('snapshots', '--repository', 'demo');
  expect([broken.status, broken.stderr]).toEqual([2, expect.stringContaining('policies/all.yaml:9:')]);
});

test('malformed policies: all errors of all files at once, with their places, exit 2; as data with --json', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-policies-'));
  try {
    mkdirSync(join(folder, 'policies'));
    writeFileSync(join(folder, 'policies/a.yaml'), BROKEN);
    writeFileSync(join(folder, 'policies/b.yaml'), VAULT.replace('local', 'locl'));
    const { status, stdout, stderr } = await runCli(['validate'], { directory: folder });
    expect(status).toBe(2);
    expect(stdout + stderr).toMatch(/policies\/a\.yaml:4:9 .*"sorce"[^]*policies\/b\.yaml:4:9 .*"locl"/);
    const json = await runCli(['validate', '--json'], { directory: folder });
    expect(json.status).toBe(2);
    expect(JSON.stringify(JSON.parse(json.stdout))).toContain('"file":"policies/b.yaml"');
    const apply = await runCli(['apply'], { directory: folder });
    expect([apply.status, apply.stdout + apply.stderr]).toEqual([2, expect.stringContaining('policies/b.yaml:4:9')]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the errors of the command line keep no secret and no stack, unless a developer asks for it', async () => {
  const args = ['snapshots', '--repo', '/nonexistent', '--password-command', 'echo s3cret'];
  const plain = await runCli([...args, '-v']);
  expect([plain.status, plain.stderr]).toEqual([10, expect.not.stringMatching(/s3cret|\n {4}at /)]);
  const debug = await runCli(args, { environment: { HOLDFAST_DEBUG: '1' } });
  expect([debug.status, debug.stderr]).toEqual([10, expect.stringMatching(/\n {4}at /)]);
  expect(debug.stderr).not.toContain('s3cret');
});
