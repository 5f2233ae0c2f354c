import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runCli } from './run-cli.ts';

const OLD = `# Ours.
apiVersion: holdfast/v1beta1
kind: Repository
metadata: { name: offsite }
spec:
  location: vault # a disk
  passwordFrom: { env: PW }
  check: { interval:  7d }
`;
const VAULT = 'apiVersion: holdfast/v1\nkind: Location\nmetadata: { name: vault }\nspec: { local: { path: /vault } }\n';

function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-upgrade-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'policies'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'policies', name), content);
  return folder;
}

test('files of an older version are valid, rewritten on demand alone, and then have nothing left to do', async () => {
  const directory = folderOf({ 'old.yaml': OLD, 'vault.yaml': VAULT });
  const file = join(directory, 'policies/old.yaml');
  const valid = await runCli(['validate'], { directory });
  expect([valid.status, valid.stdout]).toEqual([0, expect.stringContaining('holdfast upgrade')]);
  const check = await runCli(['upgrade', '--check'], { directory });
  expect([check.status, check.stdout]).toEqual([7, 'policies/old.yaml\n1 file would be upgraded\n']);
  const diff = await runCli(['upgrade', '--diff'], { directory });
  expect([diff.status, diff.stdout]).toEqual([
    0,
    `--- a/policies/old.yaml
+++ b/policies/old.yaml
@@ -1,8 +1,8 @@
 # Ours.
-apiVersion: holdfast/v1beta1
+apiVersion: holdfast/v1
 kind: Repository
 metadata: { name: offsite }
 spec:
   location: vault # a disk
   passwordFrom: { env: PW }
-  check: { interval:  7d }
+  check: { every:  7d }
1 file would be upgraded
`,
  ]);
  expect(readFileSync(file, 'utf8')).toBe(OLD);
  const before = await runCli(['validate', '--json'], { directory });
  expect((await runCli(['upgrade'], { directory })).stdout).toBe('policies/old.yaml\n1 file upgraded\n');
  expect(readFileSync(file, 'utf8')).toBe(OLD.replace('v1beta1', 'v1').replace('interval', 'every'));
  const after = await runCli(['validate', '--json'], { directory });
  expect(JSON.parse(after.stdout)).toEqual({ ...JSON.parse(before.stdout), problems: [] });
  const again = await runCli(['upgrade', '--check', '--json'], { directory });
  expect([again.status, JSON.parse(again.stdout)]).toEqual([
    0,
    { files: 2, changed: [], written: false, problems: [] },
  ]);
});

test('what does not parse is told and left alone, and the other files are rewritten all the same', async () => {
  const directory = folderOf({ 'bad.yaml': 'apiVersion: holdfast/v1beta1\nspec: {\n', 'old.yaml': OLD });
  const { status, stdout } = await runCli(['upgrade'], { directory });
  expect([status, stdout]).toEqual([2, expect.stringContaining('policies/bad.yaml:')]);
  expect(readFileSync(join(directory, 'policies/old.yaml'), 'utf8')).toContain('holdfast/v1\n');
});

test('a file that is written keeps its mode, and a link stays one', async () => {
  const directory = folderOf({});
  writeFileSync(join(directory, 'shared.yaml'), OLD);
  chmodSync(join(directory, 'shared.yaml'), 0o640);
  symlinkSync('../shared.yaml', join(directory, 'policies/link.yaml'));
  expect((await runCli(['upgrade'], { directory })).status).toBe(0);
  expect(statSync(join(directory, 'shared.yaml')).mode & 0o777).toBe(0o640);
  expect(lstatSync(join(directory, 'policies/link.yaml')).isSymbolicLink()).toBe(true);
  expect(readFileSync(join(directory, 'shared.yaml'), 'utf8')).toContain('every');
});

test('a dash stands for stdin and stdout', async () => {
  const { stdout } = await runCli(['upgrade', '-'], { input: OLD });
  expect(stdout).toBe(OLD.replace('v1beta1', 'v1').replace('interval', 'every'));
});

test('a version that nobody knows is told at its place, and its file left alone', async () => {
  const text = OLD + '---\n' + VAULT.replace('holdfast/v1', 'holdfast/v3');
  const directory = folderOf({ 'old.yaml': OLD, 'new.yaml': text });
  const { status, stdout } = await runCli(['upgrade'], { directory });
  expect([status, stdout]).toEqual([
    2,
    `policies/new.yaml:10:13  unknown apiVersion "holdfast/v3"
   10 | apiVersion: holdfast/v3
      |             ^^^^^^^^^^^ did you mean "holdfast/v1"? known are holdfast/v1 and holdfast/v1beta1

policies/old.yaml
1 file upgraded; 1 error
`,
  ]);
  expect(readFileSync(join(directory, 'policies/new.yaml'), 'utf8')).toBe(text);
  const piped = await runCli(['upgrade', '-'], { input: 'kind: Policy\n' });
  expect([piped.status, piped.stdout]).toEqual([
    2,
    expect.stringContaining('<stdin>:1:1  the document lacks "apiVersion"'),
  ]);
});
