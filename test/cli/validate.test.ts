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

test('--resolved shows each value in force and where it came from, as text or as data', async () => {
  const directory = folderOf({ 'a.yaml': COPIED });
  const shown = await runCli(['validate', '--resolved', 'orders'], { directory });
  expect(shown.stdout).toMatch(/^Policy orders {2}policies\/a\.yaml:11$/m);
  expect(shown.stdout).toMatch(/^ {2}spec\.backup\[0\]\.every +1d +class normal, built-in$/m);
  expect(shown.stdout).toMatch(/^ {2}spec\.backup\[0\]\.to +demo +policies\/a\.yaml:16$/m);
  expect(shown.stdout).toMatch(/^ {2}policy\/orders\/backup\/demo +every 1d, offset \S+ +1d +any$/m);
  const json = await runCli(['validate', '--resolved', 'orders', '--json'], { directory });
  expect(JSON.parse(json.stdout)).toMatchObject({
    valid: true,
    resolved: [{ kind: 'Policy', name: 'orders' }, { kind: 'Repository' }, { kind: 'Location' }],
    actions: [{ kind: 'backup' }, { kind: 'access-check' }, { kind: 'restore-test' }],
    notBuilt: [{ code: 'not-built', line: 17, column: 3 }],
  });
  const unknown = await runCli(['validate', '--resolved', 'ordres'], { directory });
  expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringContaining('did you mean "orders"?')]);
});

test('--resolved of what is no policy says what it is, and which policies there are', async () => {
  const set = `kind: PolicySet
metadata: { name: shares }
spec:
  each: { finance: { importance: critical }, scans: { importance: low } }
  template: { spec: { importance: "\${importance}", source: { directory: "/srv/\${key}" }, backup: [{ to: offsite }] } }
`;
  const base = COPIED.slice(0, COPIED.lastIndexOf('---')).replace('name: demo', 'name: offsite');
  const directory = folderOf({ 'base.yaml': base, 'shares.yaml': `apiVersion: holdfast/v1\n${set}` });
  const ask = async (name: string) => (await runCli(['validate', '--resolved', name], { directory })).stderr;
  expect(await ask('shares')).toContain('"shares" is a PolicySet, which makes 2 policies');
  expect(await ask('shares')).toContain('name one of them: shares-finance, shares-scans');
  expect(await ask('offsite')).toContain('"offsite" is a Repository, and no policy');
  expect(await ask('nothing-like-it')).toContain('there is no policy named "nothing-like-it"');
  expect(await ask('nothing-like-it')).toContain('known: shares-finance, shares-scans');
});

test('without policies it says how to begin', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-validate-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const { status, stderr } = await runCli(['validate'], { directory });
  expect([status, stderr]).toEqual([2, expect.stringContaining('holdfast init')]);
});

const MISSPELT = COPIED.replace('backup:', 'backp:');

test('--format github gives annotations, one a line, that no text of a policy can break out of', async () => {
  const run = (text: string) =>
    runCli(['validate', '--format', 'github'], { directory: folderOf({ 'a,b.yaml': text }) });
  const place = 'file=policies/a%2Cb.yaml,line=16,col=3,endColumn=8,title=holdfast%3A unknown-key';
  expect(await run(MISSPELT)).toMatchObject({
    status: 2,
    stdout: `::error ${place}::unknown key "backp"%0Adid you mean "backup"?\n`,
  });
  const notBuilt = await run(COPIED);
  expect([notBuilt.status, notBuilt.stdout]).toEqual([
    0,
    expect.stringMatching(
      /^::warning file=policies\/a%2Cb\.yaml,line=17,col=3,endColumn=8,title=holdfast%3A not-built::.*\n$/,
    ),
  ]);
  const valid = await runCli(['validate', '--format', 'github'], { directory: PROJECT_FOLDER });
  expect(valid).toEqual({ status: 0, stdout: '', stderr: '' });
});

test('--format sarif gives a log that names rule and region of each problem', async () => {
  const directory = folderOf({ 'a b.yaml': MISSPELT });
  const { status, stdout } = await runCli(['validate', '--format', 'sarif'], { directory });
  expect(status).toBe(2);
  const log = JSON.parse(stdout) as {
    version: string;
    runs: { tool: { driver: { rules: object[] } }; results: object[] }[];
  };
  expect(log.version).toBe('2.1.0');
  const [run] = log.runs;
  expect(run?.tool.driver.rules).toEqual([{ id: 'unknown-key', shortDescription: { text: 'unknown key' } }]);
  expect(run?.results[0]).toEqual({
    ruleId: 'unknown-key',
    ruleIndex: 0,
    level: 'error',
    message: { text: 'unknown key "backp": did you mean "backup"?' },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: 'policies/a%20b.yaml' },
          region: { startLine: 16, startColumn: 3, endColumn: 8 },
        },
      },
    ],
  });
  const elsewhere = await runCli(['validate', '--format', 'sarif', join(directory, 'policies')], {
    directory: tmpdir(),
  });
  expect(elsewhere.stdout).toContain('a%20b.yaml"');
  const valid = await runCli(['validate', '--format', 'sarif'], { directory: PROJECT_FOLDER });
  expect([valid.status, JSON.parse(valid.stdout)]).toMatchObject([0, { runs: [{ results: [] }] }]);
});

test('a form does not go with what it could not hold', async () => {
  const directory = folderOf({ 'a.yaml': COPIED });
  const { status, stderr } = await runCli(['validate', '--format', 'sarif', '--resolved', 'orders'], { directory });
  expect([status, stderr]).toEqual([2, expect.stringContaining('--resolved')]);
  expect((await runCli(['validate', '--format', 'sarif', '--json'], { directory })).status).toBe(2);
  const unknown = await runCli(['validate', '--format', 'xml'], { directory });
  expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringContaining('github, sarif')]);
});
