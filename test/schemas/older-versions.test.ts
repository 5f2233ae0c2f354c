import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { renderProblems } from '../../schemas/problem.ts';
import { upgradeText } from '../../schemas/upgrade-text.ts';
import { parseYamlFile } from '../../schemas/yaml-source.ts';
import { checkFiles } from './check-files.ts';
import { layOut } from './random-layout.ts';

const LANGUAGE = readFileSync(path.join(import.meta.dirname, 'whole-language.txt'), 'utf8');

type Data = Record<string, unknown>;

/** A document of holdfast/v1 as it was written in v1beta1: written here a second time, the other way round. */
function asV1beta1(document: Data): Data {
  const { kind, spec } = document as { kind: string; spec?: Data };
  const old = { ...document, apiVersion: 'holdfast/v1beta1' };
  if (spec === undefined) return old;
  if (kind === 'PolicySet') {
    const template = spec['template'] as { spec: Data };
    return { ...old, spec: { ...spec, template: { ...template, spec: older(template.spec, true) } } };
  }
  return { ...old, spec: older(spec, kind === 'Policy') };
}

/** `every` is a key of schedules alone, wherever it stands. */
function older(value: unknown, isPolicy: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => older(item, false));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, member]): [string, unknown] => {
    if (key === 'every') return ['interval', member];
    if (!isPolicy || key !== 'backup') return [key, older(member, false)];
    const byRepository = (member as Data[]).map(({ to, ...rest }): [string, unknown] => [
      String(to),
      older(rest, false),
    ]);
    return [key, Object.fromEntries(byRepository)];
  });
  return Object.fromEntries(entries);
}

const everyV1 = parseAllDocuments(LANGUAGE).map((document) => document.toJS() as Data);

const commentsOf = (text: string): string[] => [...text.matchAll(/# (comment \d+)/g)].map(([, one = '']) => one).sort();
const dataOf = (text: string): unknown => parseYamlFile('a', text).parts.map(({ data }) => data);
const errorsOf = (text: string): string =>
  renderProblems(parseYamlFile('a', text).problems.filter(({ severity }) => severity === 'error'));

test('what is written in v1beta1 is read as the same document of v1, and rewritten as it, with all comments, once', () => {
  let lineByLine = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...everyV1),
      fc.infiniteStream(fc.nat(1000)),
      fc.constantFrom(2, 3, 4),
      (wanted, stream, indent) => {
        const text = layOut(asV1beta1(wanted), (most) => stream.next().value! % most, indent);
        expect(errorsOf(text)).toBe('');
        expect(dataOf(text)).toEqual([wanted]);
        const { text: rewritten, versions } = upgradeText(text);
        expect(versions).toEqual(['holdfast/v1beta1']);
        expect(dataOf(rewritten)).toEqual([wanted]);
        expect(parseYamlFile('a', rewritten).problems).toEqual([]);
        expect(commentsOf(rewritten)).toEqual(commentsOf(text));
        expect(upgradeText(rewritten)).toEqual({ text: rewritten, versions: [] });
        if (rewritten.split('\n').length === text.split('\n').length) lineByLine++;
      },
    ),
    { numRuns: 600, seed: 20261130 },
  );
  // What changes is a map in braces that goes over several lines.
  expect(lineByLine).toBeGreaterThan(550);
});

test('what the conversion does not change stays to the byte', () => {
  const text = `# yaml-language-server: $schema=x
apiVersion:   "holdfast/v1beta1"   # ours
kind: Policy
metadata: {name: orders}
spec:
    source: { directory:  /srv }   # odd   spacing
    backup:   # where to
        # the near one
        offsite:   # near
            interval: 1h
            retention:
                  interval:   2d
                  keep: class

        far:  { interval: 1d }  # far
        third: {}
        fourth:
    restoreTest: {interval: 7d,full: {interval: 90d}}
---
apiVersion: holdfast/v1
kind: Location
metadata: { name: interval }
spec: { local:  { path: /srv } }
`;
  expect(upgradeText(text).text).toBe(`# yaml-language-server: $schema=x
apiVersion:   holdfast/v1   # ours
kind: Policy
metadata: {name: orders}
spec:
    source: { directory:  /srv }   # odd   spacing
    backup:   # where to
        # the near one
        - to: offsite   # near
          every: 1h
          retention:
                every:   2d
                keep: class

        - { to: far, every: 1d }  # far
        - { to: third }
        - to: fourth
    restoreTest: {every: 7d,full: {every: 90d}}
---
apiVersion: holdfast/v1
kind: Location
metadata: { name: interval }
spec: { local:  { path: /srv } }
`);
});

test('aliases are written out where the new form cannot have them', () => {
  const text = `apiVersion: holdfast/v1beta1
kind: Policy
metadata: { name: a }
spec:
  source: { directory: /srv }
  backup:
    one: &same { interval: 1h }
    two: *same
`;
  const { text: rewritten } = upgradeText(text);
  expect(dataOf(rewritten)).toEqual(dataOf(text));
  expect(dataOf(rewritten)).toMatchObject([
    {
      spec: {
        backup: [
          { to: 'one', every: '1h' },
          { to: 'two', every: '1h' },
        ],
      },
    },
  ]);
});

test('errors stand where the old file has them, and it is told once that there is a newer version', async () => {
  const base = `apiVersion: holdfast/v1beta1
kind: Location
metadata: { name: vault }
spec: { local: { path: /vault } }
---
apiVersion: holdfast/v1beta1
kind: Repository
metadata: { name: offsite }
spec: { location: vault, passwordFrom: { env: PW }, prune: { interval: 5x } }
---
apiVersion: holdfast/v1beta1
kind: Policy
metadata: { name: orders }
spec:
  source: { directory: /srv }
  backup:
    ofsite: { interval: 1h }
  retention: { every: 1d }
---
apiVersion: holdfast/v1beta1
kind: Policy
metadata: { name: bills }
spec: { source: { directory: /bills }, backup: [{ to: offsite }] }
---
apiVersion: holdfast/v1betal
kind: Policy
`;
  const { problems } = await checkFiles({ 'a.yaml': base });
  expect(renderProblems(problems))
    .toBe(`policies/a.yaml:1:13  warning: holdfast/v1beta1 is an older version of the language
    1 | apiVersion: holdfast/v1beta1
      |             ^^^^^^^^^^^^^^^^ it is read as holdfast/v1; to rewrite it: holdfast upgrade

policies/a.yaml:9:72  "5x" is not an interval
    9 | spec: { location: vault, passwordFrom: { env: PW }, prune: { interval: 5x } }
      |                                                                        ^^ write it like 15m, 1h, 6h

policies/a.yaml:17:5  there is no Repository named "ofsite"
   17 |     ofsite: { interval: 1h }
      |     ^^^^^^ did you mean "offsite"?

policies/a.yaml:18:3  warning: nothing is forgotten: a run that would forget 21 of 24 snapshots, more than maxForget (50%, as none is written) allows, is refused, as is each one after it
   18 |   retention: { every: 1d }
      |   ^^^^^^^^^ write maxForget: 88%, keep more, or run the retention more often

policies/a.yaml:18:16  "every" is not a key of holdfast/v1beta1
   18 |   retention: { every: 1d }
      |                ^^^^^ write interval, or apiVersion: holdfast/v1

policies/a.yaml:23:40  in holdfast/v1beta1, backup is a map by repository, not a list
   23 | spec: { source: { directory: /bills }, backup: [{ to: offsite }] }
      |                                        ^^^^^^ write backup: { offsite: { interval: 1h } }, or apiVersion: holdfast/v1

policies/a.yaml:25:13  unknown apiVersion "holdfast/v1betal"
   25 | apiVersion: holdfast/v1betal
      |             ^^^^^^^^^^^^^^^^ did you mean "holdfast/v1beta1"? known are holdfast/v1 and holdfast/v1beta1`);
});
