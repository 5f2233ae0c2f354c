import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findCrossFieldProblems } from '../../domain/cross-field-rules.ts';
import { loadPolicies } from '../../schemas/load-policies.ts';
import { localPolicyFiles } from '../../schemas/local-policy-files.ts';
import { type Problem, renderProblem, sortProblems } from '../../schemas/problem.ts';
import { runCli, WITHOUT_ROOT_POWERS } from '../cli/run-cli.ts';
import { PROJECT_FOLDER } from '../source-files.ts';

const HEAD = 'apiVersion: holdfast/v1\nkind: Policy\nmetadata: { name: orders }\nspec:\n';
const POLICY = `${HEAD}  source: { directory: /srv }\n`;
const SET = `${HEAD.replace('Policy', 'PolicySet')}  template: { spec: { source: { directory: "/srv/\${key}" } } }\n  each:\n`;
const MIB = 1024 * 1024;

function folderWith(content: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-hostile-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'policies'));
  writeFileSync(join(folder, 'policies/a.yaml'), content);
  return folder;
}

async function problemsOf(content: string | Uint8Array): Promise<Problem[]> {
  const { documents, misshapen, names, problems, files } = await loadPolicies(
    ['policies'],
    localPolicyFiles(folderWith(content)),
  );
  return sortProblems([...problems, ...findCrossFieldProblems(documents, names, misshapen)], files);
}

/** As many lines as go into a document of the greatest length. */
function lines(head: string, line: (index: number) => string): string {
  let text = head;
  for (let index = 0; text.length < 95 * 1024; index++) text += line(index);
  return text;
}

/** Ten of the greatest length, which together are as much as a file may have. */
function longDocuments(head: string, line: (index: number) => string, tail = ''): string {
  return Array.from(
    { length: 10 },
    (_, index) => `---\n${lines(head.replace('orders', `orders-${index}`), line)}${tail}`,
  ).join('');
}

test.each<[string, string | Uint8Array, string]>([
  ['UTF-16', Buffer.from(`\ufeff${POLICY}`, 'utf16le'), '1:1  this file is UTF-16'],
  [
    'UTF-16 without a mark',
    Buffer.from(POLICY, 'utf16le'),
    '1:2  this file holds zero bytes: it is no text, or UTF-16',
  ],
  ['Latin-1', Buffer.from(`${POLICY}  # f\u00fcr\n`, 'latin1'), '6:6  this file is not UTF-8 text'],
  ['zero bytes', POLICY.replace('/srv', '/srv\0x'), '5:28  this file holds zero bytes: it is no text, or UTF-16'],
  [
    'line ends of old Macs',
    POLICY.replaceAll('\n', '\r'),
    '1:24  a carriage return without a line feed ends this line',
  ],
  ['line ends of Windows', `${POLICY}  evry: 1d\n`.replaceAll('\n', '\r\n'), '6:3  unknown key "evry"'],
  ['a mark of UTF-8', `\ufeff${POLICY}  evry: 1d\n`, '6:3  unknown key "evry"'],
])('a file with %s: one problem at its place', async (_, content, expected) => {
  const problems = await problemsOf(content);
  expect(problems.map((problem) => renderProblem(problem).split('\n')[0])).toEqual([`policies/a.yaml:${expected}`]);
});

test.each<[string, string | (() => Uint8Array), RegExp]>([
  ['10 MiB of comments', `# ${'x'.repeat(97)}\n`.repeat(105_000), /more than 1 MiB/],
  ['10 MiB of brackets', '['.repeat(10 * MIB), /more than 1 MiB/],
  ['10 MiB in one line', `${HEAD}  "${'x'.repeat(10 * MIB)}": 1`, /more than 1 MiB/],
  ['a long document', `${POLICY}${'  # x\n'.repeat(20_000)}`, /more than 96 KiB/],
  ['many documents', `${POLICY}---\n`.repeat(2200), /more than 2,000 documents/],
  [
    'many wrong items',
    lines(`${HEAD}  source:\n    exclude:\n`, () => '      - 1\n'),
    /item 1 of exclude must be text/,
  ],
  ['many unknown keys', lines(POLICY, (index) => `  k${index}: 1\n`), /unknown key "k0"/],
  ['many equal keys', lines(HEAD, () => '  a: 1\n'), /written twice/],
  ['many errors of syntax', lines(HEAD, () => '  a: b: c\n'), /a second colon in one line/],
  ['many open brackets', lines('[\n'.repeat(90), () => 'a,\n'), /not closed|at the end/],
  ['many signs', '---\n'.concat('- \n'.repeat(20_000)).repeat(10), /more than 250,000 lines/],
  ['documents of many unknown keys', longDocuments(POLICY, (index) => `  k${index}: 1\n`), /unknown key "k0"/],
  ['documents of many equal keys', longDocuments(HEAD, () => '  key: 1\n'), /written twice/],
  [
    'documents of many secrets in a line',
    longDocuments(`${HEAD}  x: [`, (index) => `{ token: k${index} }, `, ']\n'),
    /unknown key "x"/,
  ],
  [
    'documents of many references',
    longDocuments(`${POLICY}  backup:\n`, (index) => `    - to: k${index}\n`),
    /no Repository/,
  ],
  [
    'a set of many values',
    lines(SET, (index) => (index < 900 ? `    k${index}: {}\n` : '    # more\n')).replace(
      '"/srv/${key}"',
      `"/srv/\${key}", exclude: [${'a,'.repeat(340)}]`,
    ),
    /would make more than 300,000 values/,
  ],
  [
    'sets of many policies',
    [0, 1, 2]
      .map((set) =>
        lines(`---\n${SET.replace('orders', `set-${set}`)}`, (index) =>
          index < 900 ? `    k${index}: {}\n` : '    # more\n',
        ),
      )
      .join(''),
    /would make more than 2,000 policies/,
  ],
  [
    'a set of many policies',
    lines(SET, (index) => `    k${index}: {}\n`),
    /would make \d+ policies; one may make 1,000/,
  ],
])('%s: a few problems, soon', async (_, content, expected) => {
  const started = process.cpuUsage();
  const problems = await problemsOf(typeof content === 'string' ? content : content());
  const shown = problems.map((problem) => renderProblem(problem)).join('\n');
  expect(process.cpuUsage(started).user / 1e6).toBeLessThan(MOST_SECONDS);
  expect(problems.length).toBeLessThanOrEqual(101);
  expect(shown).toMatch(expected);
  expect(shown.length).toBeLessThan(101 * 1000);
});

/** Of the processor: two are meant where nothing else runs, and other work takes the caches away. */
const MOST_SECONDS = 5;

test('what cannot be read, links that lead in a circle and folders with the name of a file', async () => {
  const directory = folderWith(`${POLICY}  evry: 1d\n`);
  const policies = join(directory, 'policies');
  symlinkSync('loop.yaml', join(policies, 'loop.yaml'));
  symlinkSync('..', join(policies, 'up'));
  mkdirSync(join(policies, 'b.yaml'));
  writeFileSync(join(policies, 'b.yaml/inner.yaml'), 'kind: [\n');
  writeFileSync(join(policies, 'secret.yaml'), POLICY);
  chmodSync(join(policies, 'secret.yaml'), 0);
  const { status, stdout, stderr } = await runCli(['validate'], { directory, wrapper: WITHOUT_ROOT_POWERS });
  const heads = stdout.split('\n').filter((line) => line.startsWith('policies/'));
  expect([status, stderr, heads]).toEqual([
    2,
    '',
    [
      'policies/a.yaml:6:3  unknown key "evry"',
      expect.stringMatching(/^policies\/b\.yaml\/inner\.yaml:\d+:\d+ {2}/),
      'policies/secret.yaml:1:1  this file cannot be read: permission denied',
    ],
  ]);
});

test('a program as a policy file', async () => {
  const { status, stdout } = await runCli(['validate', join(PROJECT_FOLDER, 'node_modules/.bin/node')]);
  expect([status, stdout]).toEqual([2, expect.stringMatching(/:1:1 {2}this file has more than 1 MiB/)]);
});
