import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { starterFiles } from '../../cli/starter-policies.ts';
import { formatYaml } from '../../schemas/format-yaml.ts';
import { parseYamlFile } from '../../schemas/yaml-source.ts';
import { readSource } from '../source-files.ts';
import { layOut } from './random-layout.ts';
import { readCases } from './read-cases.ts';

const LANGUAGE = readFileSync(path.join(import.meta.dirname, 'whole-language.txt'), 'utf8');

const dataOf = (text: string): unknown[] => parseYamlFile('a', text).parts.map(({ data }) => data);
const commentsOf = (text: string): string[] => [...text.matchAll(/# (comment \d+)/g)].map(([, one = '']) => one).sort();

test('what says much is laid out in one way', () => {
  const messy = `# header

# two
kind: Policy   # what it is
apiVersion: holdfast/v1
spec: # all of it
    # before backup
    backup:   # where to
      - every:   1h # often
        to: [a, b,   c] # three
        # within the first
      # before the second
      - # dash
        to: x


      -
        to: y
    # before source
    source: {directory: /a,"exclude":["x"   , y]}
    description: |   # kept
         one
           two

    hold:
       reason: long text
         that goes on

       until: 2030-01-01
    retention: { every: 1d, keep: { last: 3, hourly: 48, daily: 30, weekly: 12, monthly: 24, yearly: 10, within: 7d, tags: [release] }, proven: 1 }
    requires:
      # not within braces
      { rta: 8h, # a comment
        regions: [a] }
    importance: high
    # the end of it
metadata: {owner: me,name: orders}

# foot
---
# second
   x:   1
...
`;
  expect(formatYaml(messy)).toBe(`# header

# two
apiVersion: holdfast/v1
kind: Policy # what it is
metadata: { name: orders, owner: me }
spec: # all of it
  importance: high
  requires:
    # not within braces
    { rta: 8h, # a comment
    regions: [a] }
  # before source
  source: { directory: /a, "exclude": ["x", y] }
  # before backup
  backup: # where to
    - to: [a, b, c] # three
      every: 1h # often
      # within the first
    # before the second
    - # dash
      to: x

    - to: y
  retention:
    every: 1d
    keep: { last: 3, hourly: 48, daily: 30, weekly: 12, monthly: 24, yearly: 10, within: 7d, tags: [release] }
    proven: 1

  hold:
    until: 2030-01-01
    reason: long text
      that goes on
  description: | # kept
    one
      two
  # the end of it

# foot
---
# second
x: 1
...
`);
});

test('the examples are laid out so already', () => {
  expect(formatYaml(readSource('policies/demo.yaml'))).toBe(readSource('policies/demo.yaml'));
  for (const text of Object.values(starterFiles('..'))) expect(formatYaml(text)).toBe(text);
});

test('whatever the layout, the same is said afterwards, with all comments, and the second time nothing changes', () => {
  const documents = parseAllDocuments(LANGUAGE).map((document) => document.toJS() as object);
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...documents), { minLength: 1, maxLength: 3 }),
      fc.infiniteStream(fc.nat(1000)),
      fc.constantFrom(2, 3, 4),
      (chosen, stream, indent) => {
        const text = chosen
          .map((document) => layOut(document, (most) => stream.next().value! % most, indent))
          .join('---\n');
        const formatted = formatYaml(text)!;
        expect(formatted).toBeDefined();
        expect(dataOf(formatted)).toEqual(chosen);
        expect(commentsOf(formatted)).toEqual(commentsOf(text));
        expect(formatYaml(formatted)).toBe(formatted);
        expect(formatted).not.toMatch(/[ \t]$|\n\n\n/m);
      },
    ),
    { numRuns: 150, seed: 20261130 },
  );
});

test('of every file that tests hold what parses is laid out so that it says the same, or is left alone', () => {
  const files = readCases(path.join(import.meta.dirname, 'invalid-policies.txt')).flatMap(({ files: given }) =>
    Object.values(given),
  );
  let left = 0;
  for (const text of files) {
    const { parts, problems } = parseYamlFile('a', text);
    if (problems.some(({ code }) => code === 'yaml-syntax')) continue;
    const formatted = formatYaml(text);
    if (formatted === undefined) left++;
    else expect([dataOf(formatted), formatYaml(formatted)]).toEqual([parts.map(({ data }) => data), formatted]);
  }
  expect(left).toBeLessThanOrEqual(2);
});

test('keys stay where an alias might come before its anchor, and Windows line ends stay', () => {
  const text = 'kind: Policy\r\napiVersion: holdfast/v1\r\nspec: {b:  &x 1}\r\nmetadata: *x\r\n';
  expect(formatYaml(text)).toBe('kind: Policy\r\napiVersion: holdfast/v1\r\nspec: { b: &x 1 }\r\nmetadata: *x\r\n');
});

test('texts of several lines keep every character', () => {
  const text = `a:
     - |2
          two more
        none
     - >-

        folded

          more
     - "quoted
         on two lines\\
        \\  and three"
     - 'single

        quoted'
b: |+
 kept

c: x
`;
  const formatted = formatYaml(text);
  expect(formatted).toBe(`a:
  - |2
       two more
     none
  - >-

    folded

      more
  - "quoted
    on two lines\\
    \\  and three"
  - 'single

    quoted'
b: |+
  kept

c: x
`);
  expect(dataOf(formatted!)).toEqual(dataOf(text));
});

test('what no layout is known for stays as it is', () => {
  expect(formatYaml('? [a, b]\n: 1\n')).toBeUndefined();
  expect(formatYaml('? key\n: value\n')).toBeUndefined();
  expect(formatYaml('')).toBe('');
  expect(formatYaml('# nothing but this\n')).toBeUndefined();
});
