import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadPolicies } from '../../schemas/load-policies.ts';
import { localPolicyFiles } from '../../schemas/local-policy-files.ts';
import { memoryPolicyFiles } from './memory-policy-files.ts';

const location = (name: string): string =>
  `apiVersion: holdfast/v1\nkind: Location\nmetadata: { name: ${name} }\nspec: { local: { path: /srv } }\n`;
const load = (files: Record<string, string | Uint8Array>, paths = ['policies']) =>
  loadPolicies(paths, memoryPolicyFiles(files));

test('a folder is read with its folders, in byte order, *.yaml and *.yml alone', async () => {
  const { documents, files } = await load({
    'b.yml': location('b'),
    'B.yaml': location('upper-b'),
    'a/z.yaml': location('z'),
    'é.yaml': location('accent'),
    'notes.md': '# not a policy',
    '.hidden/x.yaml': location('hidden'),
  });
  expect(files).toEqual(['policies/B.yaml', 'policies/a/z.yaml', 'policies/b.yml', 'policies/é.yaml']);
  expect(documents.map(({ name }) => name)).toEqual(['upper-b', 'z', 'b', 'accent']);
});

test('files and folders may be named together, and no file is read twice', async () => {
  const { files } = await load({ 'a.yaml': location('a'), 'b.yaml': location('b') }, ['policies/b.yaml', 'policies']);
  expect(files).toEqual(['policies/b.yaml', 'policies/a.yaml']);
});

test('a document knows its folder and the policy folder', async () => {
  const { documents } = await load({ 'team/a.yaml': location('a') });
  expect(documents[0]).toMatchObject({ directory: '/project/policies/team', policyFolder: '/project/policies' });
});

test('a file may hold several documents, empty ones too', async () => {
  const { documents } = await load({ 'a.yaml': `# nothing\n---\n${location('a')}---\n---\n${location('b')}...\n` });
  expect(documents.map(({ name }) => name)).toEqual(['a', 'b']);
});

test('a byte order mark and Windows line ends change nothing', async () => {
  const text = `\ufeff${location('a')}`.replaceAll('\n', '\r\n').replace('local', 'locl');
  const { problems } = await load({ 'a.yaml': text });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ line: 4, column: 9, sourceLine: 'spec: { locl: { path: /srv } }' });
});

test('a file that is not UTF-8 is an error at its first wrong byte', async () => {
  const bytes = new Uint8Array([...new TextEncoder().encode('apiVersion: holdfast/v1\nkind: '), 0xff, 0xfe]);
  const { problems } = await load({ 'a.yaml': bytes });
  expect(problems).toMatchObject([{ code: 'not-utf8', line: 2, column: 7 }]);
});

test('YAML 1.1 words stay text, and dates stay text, whatever a %YAML directive says', async () => {
  const text = `%YAML 1.1\n---\napiVersion: holdfast/v1\nkind: Location\nmetadata: { name: no, owner: on }\nspec: { local: { path: yes } }\n`;
  const { documents, problems } = await load({ 'a.yaml': text });
  expect(problems).toEqual([]);
  expect(documents[0]?.content.metadata).toEqual({ name: 'no', owner: 'on' });
});

test('aliases are resolved, and errors stand where they are written', async () => {
  const text = `apiVersion: holdfast/v1\nkind: Policy\nmetadata: { name: a }\nspec:\n  source: { directory: /srv }\n  backup:\n    - &first { to: a, evry: 1h }\n    - *first\n`;
  const { problems } = await load({ 'a.yaml': text });
  expect(problems.map(({ line, column }) => [line, column])).toEqual([
    [7, 23],
    [7, 23],
  ]);
});

test('aliases that multiply without end are an error, not an exhausted machine', async () => {
  const levels = Array.from(
    { length: 12 },
    (_, level) =>
      `${'abcdefghijkl'[level]}: &${'abcdefghijkl'[level]} [${Array(12)
        .fill(level === 0 ? 'x' : `*${'abcdefghijkl'[level - 1]}`)
        .join(', ')}]`,
  );
  const { problems } = await load({ 'a.yaml': levels.join('\n') });
  expect(problems).toMatchObject([{ code: 'yaml-syntax' }]);
});

test('brackets nested by the thousand are an error, not a crash', async () => {
  const { problems } = await load({ 'a.yaml': `spec: ${'['.repeat(10_000)}` });
  expect(problems[0]).toMatchObject({ code: 'yaml-syntax' });
});

test('a path that does not exist, and a folder without policies, say what to do', async () => {
  await expect(load({ 'a.yaml': location('a') }, ['elsewhere'])).rejects.toMatchObject({
    code: 'Usage',
    message: 'there is no policy file or folder elsewhere',
  });
  await expect(load({ 'notes.md': 'x' })).rejects.toMatchObject({
    code: 'Usage',
    message: 'there are no policies in policies',
  });
});

test('on a real disk, links to files are read and links to folders are not followed in a circle', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-policies-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(path.join(folder, 'policies'));
  await writeFile(path.join(folder, 'elsewhere.yaml'), location('a'));
  await symlink('../elsewhere.yaml', path.join(folder, 'policies/link.yaml'));
  await symlink('.', path.join(folder, 'policies/circle'));
  const { files, documents } = await loadPolicies(['policies'], localPolicyFiles(folder));
  expect(files).toEqual(['policies/link.yaml']);
  expect(documents).toHaveLength(1);
});
