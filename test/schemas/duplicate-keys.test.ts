import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseDocuments } from '../../schemas/yaml-source.ts';

const DOCUMENTS = readFileSync(path.join(import.meta.dirname, 'whole-language.txt'), 'utf8').split('---\n');

/** Lines with few different keys: many of them stand twice. */
const line = fc
  .tuple(
    fc.nat(2),
    fc.constantFrom('', '- ', '? ', '&a ', '!!str ', '*a '),
    fc.constantFrom(
      'a',
      'b',
      '"a"',
      "'b'",
      '',
      '1',
      '~',
      '{ a: 1, b: 2, a: 3 }',
      '[a: 1, a: 2]',
      '{ a, ? a, : 1 }',
      '<<',
    ),
    fc.constantFrom(':', ': 1', ': { a: 1, "a": 2 }', ': &b', ': *b', ': |', ''),
  )
  .map(([depth, before, key, after]) => `${'  '.repeat(depth)}${before}${key}${after}`);

const places = (text: string, uniqueKeys: boolean): number[] =>
  (uniqueKeys
    ? parseAllDocuments(text, {
        version: '1.2',
        schema: 'core',
        prettyErrors: false,
        stringKeys: true,
        logLevel: 'error',
      })
    : parseDocuments(text)!
  ).flatMap(({ errors }) => errors.filter(({ code }) => code === 'DUPLICATE_KEY').map(({ pos }) => pos[0]));

test('keys that stand twice are found where the YAML library, which takes longer, finds them', () => {
  let found = 0;
  const text = fc.oneof(
    fc.array(line, { minLength: 1, maxLength: 12 }).map((lines) => lines.join('\n')),
    // A piece of a document stands in it twice.
    fc
      .tuple(fc.constantFrom(...DOCUMENTS), fc.nat())
      .map(([document, at]) => document.slice(0, at % document.length) + document.slice((at % document.length) - 60)),
  );
  fc.assert(
    fc.property(text, (given) => {
      const ours = places(given, false);
      found += ours.length;
      const theirs = places(given, true).sort((a, b) => a - b);
      expect(ours).toHaveLength(theirs.length);
      // Where other errors stand before a key, the library may mean the end of what is before it.
      if (parseDocuments(given)!.every(({ errors }) => errors.every(({ code }) => code === 'DUPLICATE_KEY')))
        for (const [index, at] of ours.entries()) expect(given.slice(theirs[index], at).trim()).toBe('');
    }),
    { numRuns: 1000, seed: 20261130 },
  );
  expect(found).toBeGreaterThan(300);
});
