/** The packed package in an empty folder: what npm installs validates, starts and makes a snapshot. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { requirePeer } from '../peers.ts';
import { runSuccessfully, type CommandResult } from '../run-command.ts';
import { PROJECT_FOLDER } from '../source-files.ts';

const temporal = requirePeer('temporal');
let folder: string;
let tarball: string;

const POLICIES = `apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec: { local: { path: ../vault } }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: main }
spec: { location: vault, path: main, passwordFrom: { file: ../keys/main.password } }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: letters }
spec:
  importance: low
  source: { directory: ../letters }
  backup: [{ to: main }]
  restoreTest: { sample: { all: true } }
`;

function holdfast(args: string[]): Promise<CommandResult> {
  const environment = { HOLDFAST_TEMPORAL_CLI: temporal.command };
  return runSuccessfully(path.join(folder, 'node_modules', '.bin', 'holdfast'), args, { cwd: folder, environment });
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-package-'));
  await runSuccessfully('npm', ['pack', '--pack-destination', folder], { cwd: PROJECT_FOLDER });
  tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '';
  await writeFile(path.join(folder, 'package.json'), '{ "private": true }\n');
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${tarball}`];
  await runSuccessfully('npm', install, { cwd: folder });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

temporal.it('holds compiled code, schemas and the bundle, and neither tests nor TypeScript', async () => {
  const { stdout } = await runSuccessfully('tar', ['-tzf', tarball], { cwd: folder });
  const entries = stdout.trim().split('\n');
  expect(entries).toEqual(expect.arrayContaining(['package/cli/holdfast.js', 'package/dist/cli/main.js']));
  expect(entries).toEqual(expect.arrayContaining(['package/dist/workflow-bundle.js', 'package/LICENSE']));
  expect(entries).toContain('package/schemas/holdfast.schema.json');
  expect(entries.filter((entry) => /\.ts$|test|\.holdfast/.test(path.basename(entry)))).toEqual([
    'package/dist/activities/restore-test.js',
    'package/dist/workflows/restore-test.js',
  ]);
});

temporal.it('prints its version', async () => {
  expect((await holdfast(['version'])).stdout).toMatch(/^holdfast \d+\.\d+\.\d+ \(node v?24\./);
});

temporal.it('writes a starter policy folder that validates', async () => {
  await holdfast(['init', 'starter']);
  await holdfast(['validate', 'starter']);
});

temporal.it('protects a folder: start --once ends with 0 and leaves a snapshot', async () => {
  for (const name of ['policies', 'letters', 'keys']) await mkdir(path.join(folder, name));
  await writeFile(path.join(folder, 'letters', 'first.txt'), 'Dear reader,\n');
  await writeFile(path.join(folder, 'keys', 'main.password'), 'correct horse battery staple\n', { mode: 0o600 });
  await writeFile(path.join(folder, 'policies', 'letters.yaml'), POLICIES);
  await holdfast(['start', '--once']);
  const place = ['--repo', 'vault/main', '--password-file', 'keys/main.password'];
  const { stdout } = await holdfast(['snapshots', '--json', ...place]);
  expect(JSON.stringify(JSON.parse(stdout))).toContain('policy=letters');
  await holdfast(['restore', 'latest', '--target', 'restored', ...place]);
});
