import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { renderProblems } from '../../schemas/problem.ts';
import { readSource } from '../source-files.ts';
import { checkFiles } from './check-files.ts';

const BASE = `apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec: { local: { path: ./vault } }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: offsite }
spec: { location: vault, passwordFrom: { file: keys/offsite } }
`;

const setOf = (spec: string): string =>
  `${BASE}---\napiVersion: holdfast/v1\nkind: PolicySet\nmetadata: { name: shares }\nspec:\n${spec.replaceAll(/^/gm, '  ')}\n`;

/** What validate says, without the place's file. */
const told = async (spec: string): Promise<string> =>
  renderProblems((await checkFiles({ 'a.yaml': setOf(spec) })).problems).replaceAll('policies/', '');

test('a set compiles to what its policies would, written out', async () => {
  const entry = fc.record({
    importance: fc.constantFrom('normal', 'low'),
    exclude: fc.array(fc.constantFrom('*.tmp', '*.tif', 'cache')),
    daily: fc.integer({ min: 1, max: 90 }),
    caches: fc.boolean(),
    at: fc.constantFrom('02:30', '23:00'),
  });
  const key = fc.stringMatching(/^[a-z]([-a-z0-9]{0,8}[a-z0-9])?$/);
  await fc.assert(
    fc.asyncProperty(fc.dictionary(key, entry, { minKeys: 1, maxKeys: 5, noNullPrototype: true }), async (each) => {
      const spec = (name: string, value: (of: string) => unknown): object => ({
        importance: value('importance'),
        source: { directory: `./data/${name}`, exclude: value('exclude'), excludeCaches: value('caches') },
        backup: [{ to: 'offsite', every: '1d', at: value('at'), tags: [`share-${name}`, '${literal}'] }],
        retention: { keep: { last: 2, daily: value('daily') } },
      });
      const documents = Object.entries(each).map(([name, values]) => ({
        apiVersion: 'holdfast/v1',
        kind: 'Policy',
        metadata: { name: `shares-${name}`, formerly: [`old-${name}`] },
        spec: spec(name, (of) => values[of as keyof typeof values]),
      }));
      const set = {
        apiVersion: 'holdfast/v1',
        kind: 'PolicySet',
        metadata: { name: 'shares' },
        spec: {
          each,
          template: {
            metadata: { formerly: ['old-${key}'] },
            spec: JSON.parse(
              JSON.stringify(spec('${key}', (of) => `\${${of}}`)).replace('${literal}', () => '$${literal}'),
            ) as object,
          },
        },
      };
      const made = await checkFiles({ 'a.yaml': `${BASE}---\n${stringify(set)}` });
      const written = await checkFiles({ 'a.yaml': [BASE, ...documents.map((one) => stringify(one))].join('---\n') });
      expect(renderProblems(made.problems)).toBe('');
      expect(made.compiled).toEqual(written.compiled);
      expect(made.notBuilt).toEqual([]);
    }),
    { numRuns: 60, seed: 20261130 },
  );
});

test('a value of an entry that is wrong is marked in the entry, what the template writes in the template', async () => {
  expect(
    await told(`each:
  finance: { class: critcal, daily: 7, patterns: ["*.tmp", 5] }
  scans: { class: low, daily: 7d, patterns: [] }
template:
  spec:
    importance: "\${class}"
    source: { directory: "/srv/\${key}", exclude: "\${patterns}" }
    backup: [{ to: offsite, evry: 1h }]
    retention: { keep: { daily: "\${daily}" } }`),
  ).toBe(`a.yaml:16:62  item 2 of exclude must be text, not a number
   16 |     finance: { class: critcal, daily: 7, patterns: ["*.tmp", 5] }
      |                                                              ^ put it in quotes: "5"

a.yaml:17:33  daily must be a whole number, not text
   17 |     scans: { class: low, daily: 7d, patterns: [] }
      |                                 ^^ write it like 30

a.yaml:22:31  unknown key "evry"
   22 |       backup: [{ to: offsite, evry: 1h }]
      |                               ^^^^ did you mean "every"?`);
});

test('references and rules are checked in each policy, and those of a template name the policies that break them', async () => {
  const text = await told(`each:
  a: { class: critcal, rpo: 3h }
  b: { class: low, rpo: 30m }
  c: { class: low, rpo: 10m }
template: { spec: { importance: "\${class}", objectives: { rpo: "\${rpo}" }, source: { directory: /srv }, backup: [{ to: ofsite, every: 1h }] } }`);
  expect(text).toContain('a.yaml:16:17  there is no class "critcal"');
  expect(text).toContain('there is no Repository named "ofsite"\n');
  const rules = await told(`each:
  a: { rpo: 3h }
  b: { rpo: 30m }
  c: { rpo: 10m }
template:
  spec: { objectives: { rpo: "\${rpo}" }, source: { directory: "/srv/\${key}" }, backup: [{ to: offsite, every: "1h" }] }`);
  expect(rules.match(/^a\.yaml:\d+:\d+/gm)).toEqual(['a.yaml:17:15', 'a.yaml:18:15']);
  const some = await told(`each: { a: { x: "1h" }, b: { x: x }, c: { x: y } }
template: { spec: { source: { directory: "/srv/\${key}" }, backup: [{ to: offsite, every: "1\${x}" }] } }`);
  expect(some).toMatch(/11h neither divides a day nor is a whole number of days \(in shares-a\)$/m);
  expect(some).toMatch(/"1x" is not an interval \(in shares-b\)$/m);
});

test('placeholders that nothing fills, values that nothing takes, and what cannot be put together are told', async () => {
  expect(
    await told(`each:
  finance: { clas: high, extra: 1, key: x, list: [a] }
template:
  metadata: { name: mine, labels: { "\${key}": x } }
  spec: { importance: "\${class}", source: { directory: "/srv/\${list}" } }`),
  ).toBe(`a.yaml:16:28  warning: the template does not use the value "extra"
   16 |     finance: { clas: high, extra: 1, key: x, list: [a] }
      |                            ^^^^^ write "\${extra}" where it belongs, or remove it

a.yaml:16:38  "key" is the name of the entry itself
   16 |     finance: { clas: high, extra: 1, key: x, list: [a] }
      |                                      ^^^ give this value another name

a.yaml:18:17  the policies of a set have their names from it: NAME-KEY
   18 |     metadata: { name: mine, labels: { "\${key}": x } }
      |                 ^^^^ remove it

a.yaml:18:39  a placeholder cannot be part of a key: \${key}
   18 |     metadata: { name: mine, labels: { "\${key}": x } }
      |                                       ^^^^^^^^ write it in a value

a.yaml:19:25  the entry "finance" has no value for \${class}
   19 |     spec: { importance: "\${class}", source: { directory: "/srv/\${list}" } }
      |                         ^^^^^^^^^^ did you mean "clas"?

a.yaml:19:58  \${list} is a list in the entry "finance", and cannot be part of a text
   19 |     spec: { importance: "\${class}", source: { directory: "/srv/\${list}" } }
      |                                                          ^^^^^^^^^^^^^^ write "\${list}" alone, or a text in the entry`);
});

test('names are made of the set and the entry: those that exist already, and those too long, are errors', async () => {
  const spec = 'template: { spec: { source: { directory: "/srv/${key}" } } }\neach: { a: {}, LONG: {} }'.replace(
    'LONG',
    `a${'b'.repeat(60)}`,
  );
  const policy =
    'apiVersion: holdfast/v1\nkind: Policy\nmetadata: { name: shares-a }\nspec: { source: { directory: /srv } }\n';
  const { problems } = await checkFiles({ 'a.yaml': setOf(spec), 'b.yaml': policy });
  expect(renderProblems(problems)).toContain(
    'policies/b.yaml:3:19  a second Policy named "shares-a"; the first is at policies/a.yaml:16',
  );
  expect(problems[0]).toMatchObject({ line: 16, column: 18, hint: 'at most 63 characters' });
});

test('a secret that an entry gives by mistake is never shown', async () => {
  const text = await told(`each: { a: { pw: hunter2, every: 1x }, b: { pw: sesame, every: 1h } }
template: { spec: { source: { directory: /srv }, sync: [{ to: vault, mode: copy, every: "\${every}", encrypt: { passwordFrom: "\${pw}" } }] } }`);
  expect(text).toContain('"1x" is not');
  expect(text).not.toMatch(/hunter2|sesame/);
});

test('the set that the README shows is right', async () => {
  const [, shown = ''] =
    /^ {4}apiVersion: holdfast\/v1\n {4}kind: PolicySet\n((?: {4}.*\n)+)/m.exec(readSource('README.md')) ?? [];
  const set = `kind: PolicySet\napiVersion: holdfast/v1\n${shown.replaceAll(/^ {4}/gm, '')}`;
  const base = BASE.replaceAll('name: vault', 'name: disk')
    .replace('name: offsite', 'name: vault')
    .replace('location: vault', 'location: disk');
  const { problems, compiled } = await checkFiles({ 'a.yaml': `${base}---\n${set}` });
  expect(renderProblems(problems)).toBe('');
  expect(new Set(compiled.actions.flatMap(({ policy }) => policy ?? []))).toEqual(
    new Set(['shares-finance', 'shares-scans']),
  );
});
