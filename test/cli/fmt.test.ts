import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { PROJECT_FOLDER } from '../source-files.ts';
import { runCli } from './run-cli.ts';

const MESSY = `kind:   Location   # where
apiVersion: holdfast/v1
spec: {local: {path: /vault}}
metadata:
    name: vault
`;
const CLEAN = `apiVersion: holdfast/v1
kind: Location # where
metadata:
  name: vault
spec: { local: { path: /vault } }
`;

function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-fmt-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'policies'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'policies', name), content);
  return folder;
}

test('files are laid out once, and named; --check and --diff write nothing', async () => {
  const directory = folderOf({ 'messy.yaml': MESSY, 'clean.yaml': CLEAN.replace('vault', 'other') });
  const read = (): string => readFileSync(join(directory, 'policies/messy.yaml'), 'utf8');
  const check = await runCli(['fmt', '--check'], { directory });
  expect([check.status, check.stdout]).toEqual([7, 'policies/messy.yaml\n1 file would be formatted\n']);
  const diff = await runCli(['fmt', 'policies', '--diff', '--check', '-q'], { directory });
  expect([diff.status, diff.stdout]).toEqual([7, expect.stringContaining('\n-kind:   Location   # where\n')]);
  expect(read()).toBe(MESSY);
  const written = await runCli(['fmt', '--json'], { directory });
  expect([written.status, JSON.parse(written.stdout)]).toEqual([
    0,
    { files: 2, changed: [{ file: 'policies/messy.yaml' }], written: true, problems: [] },
  ]);
  expect(read()).toBe(CLEAN);
  const again = await runCli(['fmt', '--check'], { directory });
  expect([again.status, again.stdout]).toEqual([0, 'nothing to do\n']);
});

test('a dash stands for stdin and stdout, and what does not parse is an error with its place', async () => {
  expect(await runCli(['fmt', '-'], { input: MESSY })).toEqual({ status: 0, stdout: CLEAN, stderr: '' });
  expect((await runCli(['fmt', '-', '--check'], { input: MESSY })).status).toBe(7);
  const broken = await runCli(['fmt', '-'], { input: 'a: {\n' });
  expect([broken.status, broken.stdout]).toEqual([2, expect.stringContaining('<stdin>:')]);
});

test('a form that is not known is told and left alone', async () => {
  const directory = folderOf({ 'odd.yaml': '? kind\n:   Policy\n' });
  const { status, stderr } = await runCli(['fmt'], { directory });
  expect([status, stderr]).toEqual([
    0,
    expect.stringContaining('policies/odd.yaml has a form that cannot be formatted'),
  ]);
  expect(readFileSync(join(directory, 'policies/odd.yaml'), 'utf8')).toBe('? kind\n:   Policy\n');
});

test('the policies of the demo are formatted', async () => {
  expect((await runCli(['fmt', '--check'], { directory: PROJECT_FOLDER })).status).toBe(0);
});
