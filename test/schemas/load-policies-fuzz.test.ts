import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderProblems } from '../../schemas/problem.ts';
import { checkDamaged } from './check-damaged.ts';
import { checkFiles } from './check-files.ts';
import { damagedFolder } from './damaged-files.ts';

// A hundred thousand are checked by `npm run fuzz`.
test('of thousands of damaged files each is right or has problems with a place, soon and each time the same', async () => {
  let files = 0;
  const codes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(damagedFolder, async (folder) => {
      for (const code of (await checkDamaged(folder)).codes) codes.add(code);
      files += folder.damaged;
    }),
    { numRuns: 1800, seed: 20261130 },
  );
  expect(files).toBeGreaterThan(2500);
  expect(codes.size).toBeGreaterThan(40);
}, 180_000);

const POLICY =
  'apiVersion: holdfast/v1\nkind: Policy\nmetadata: { name: orders }\nspec:\n  source: { directory: /srv }\n';
const OLDER = POLICY.replace('v1', 'v1beta1');
const PROJECT = `apiVersion: holdfast/v1
kind: Project
metadata: { name: acme }
spec:
  exceptions:
    - { finding: access/public-read, subject: location/website, until: 2027-01-01, reason: static, approvedBy: ciso }
`;

test.each<[string, string, string]>([
  [
    'a kind that every object of JavaScript has',
    OLDER.replace('Policy', 'constructor'),
    '2:7  unknown kind "constructor"',
  ],
  [
    'a second repository in an entry of the older version',
    `${OLDER}  backup: { offsite: { to: elsewhere } }\n`,
    '6:24  "to" is not a key of holdfast/v1beta1: the repository is the key above',
  ],
  [
    'a key twice that turns the line round',
    `${POLICY}  \u202eevry: 1\n  \u202eevry: 1\n`,
    '7:3  the key "\ufffdevry" is written twice',
  ],
  [
    'an alias that turns the line round',
    `${POLICY}  sync: *a\u202e\n`,
    '6:9  there is no anchor &a\ufffd before this alias',
  ],
  [
    'a name of two lines, like one that is meant',
    `${PROJECT}---\nkind: "Location\\n"\nmetadata: { name: website }\n<<<<\n`,
    '10:1',
  ],
  [
    'a zone of two lines',
    `${POLICY}  backup: [{ to: a, at: "02:00", timezone: "UTC\\n# x" }]\n`,
    '6:44  there is no time zone "UTC\ufffd# x"',
  ],
  [
    'a version that turns the line round',
    POLICY.replace('holdfast', '\u202eholdfast'),
    '1:13  unknown apiVersion "\ufffdholdfast/v1"',
  ],
  ['a number that is none', `${POLICY}  importance: .nan\n`, '6:15  importance must be text, not a number'],
  ['a number that is none for a word', `${POLICY}  onDelete: .nan\n`, '6:13  .nan is not possible here'],
])('%s: told at its place, in characters that can be shown', async (_, text, expected) => {
  const { problems } = await checkFiles({ 'a.yaml': text });
  const shown = renderProblems(problems);
  expect(shown).toContain(`policies/a.yaml:${expected}`);
  expect(shown).not.toMatch(/\u202e|NaN|"location\n/);
});
