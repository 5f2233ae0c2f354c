import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderProblem } from '../../schemas/problem.ts';
import { checkFiles } from './check-files.ts';

const POLICIES = readFileSync(path.join(import.meta.dirname, '../../policies/demo.yaml'), 'utf8');
const LANGUAGE = readFileSync(path.join(import.meta.dirname, 'whole-language.txt'), 'utf8');

/** Read by a conversion first. */
const OLDER = LANGUAGE.replaceAll('holdfast/v1', 'holdfast/v1beta1')
  .replaceAll('every:', 'interval:')
  .replaceAll(/backup:\n +- to: (\w+)\n +interval/g, (_, name) => `backup:\n    ${name}:\n      interval`);

const fragment = fc.oneof(
  fc.constantFrom(
    ': ',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    '!x ',
    '"',
    "'",
    '|\n',
    '>\n',
    '\t',
    '\n',
    '---\n',
    '...\n',
    '#',
    '%YAML 1.1\n',
    '? ',
    '<<: ',
    '\0',
    '\u2028',
    '😀',
    '__proto__: 1',
    'constructor: x',
    '-1',
    '.nan',
    '.inf',
    '0x10',
    'null',
    '~',
  ),
  fc.string({ maxLength: 8, unit: 'binary' }),
);

interface Edit {
  at: number;
  remove: number;
  insert: string;
}

const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({ at: fc.nat(8000), remove: fc.oneof(fc.constant(0), fc.nat(40)), insert: fragment }),
  { minLength: 1, maxLength: 4 },
);

const mutate = (text: string, changes: Edit[]): string =>
  changes.reduce((current, { at, remove, insert }) => {
    const start = at % (current.length + 1);
    return current.slice(0, start) + insert + current.slice(start + remove);
  }, text);

test('of thousands of damaged files each is right or has problems with a place, and none crashes the loader', async () => {
  const script = { 'tests/verify-orders.sh': 'exit 0' };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(POLICIES, LANGUAGE, OLDER), edits, async (text, changes) => {
      const damaged = mutate(text, changes);
      const { problems, notBuilt } = await checkFiles({ 'a.yaml': damaged, ...script }).catch(
        (error: { code?: string }) => {
          // An edit may have left nothing but comments.
          expect(error.code).toBe('Usage');
          return { problems: [], notBuilt: [] };
        },
      );
      const lines = damaged.replace(/^\ufeff/, '').split('\n');
      for (const problem of [...problems, ...notBuilt]) {
        expect(problem.file).toBe('policies/a.yaml');
        expect(problem.line).toBeGreaterThanOrEqual(1);
        expect(problem.line).toBeLessThanOrEqual(lines.length);
        expect(problem.column).toBeGreaterThanOrEqual(1);
        expect(problem.column).toBeLessThanOrEqual((lines[problem.line - 1]?.length ?? 0) + 1);
        expect(problem.length).toBeGreaterThanOrEqual(1);
        expect(problem.message).not.toMatch(/undefined|\[object|\n/);
        expect(renderProblem(problem).split('\n')).toHaveLength(3);
      }
    }),
    { numRuns: 3000, seed: 20261123 },
  );
}, 180_000);
