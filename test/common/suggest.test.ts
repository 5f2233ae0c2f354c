import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, hintOfNames, suggest } from '../../common/suggest.ts';

const KEYS = ['every', 'at', 'day', 'offset', 'cron', 'timezone', 'retention', 'restoreTest', 'to'];

test.each([
  ['evry', 'every'],
  ['timeZone', 'timezone'],
  ['retnetion', 'retention'],
  ['RestoreTest', 'restoreTest'],
  ['too', 'to'],
  ['corn', 'cron'],
])('%s was meant as %s', (word, meant) => expect(suggest(word, KEYS)).toBe(meant));

test.each(['encryption', 'x', 'schedule', 'a'.repeat(1000)])('%s is like nothing known', (word) =>
  expect(suggest(word, KEYS)).toBeUndefined(),
);

test('swapped neighbours are one edit', () => expect(editDistance('form', 'from')).toBe(1));

test('who names what is not there is told the name that was meant, or the first of those there are', () => {
  expect(hintOfNames('evry', KEYS)).toBe('did you mean "every"?');
  expect(hintOfNames('x', ['one', 'two', 'one'])).toBe('known: one, two');
  expect(hintOfNames('apps', ['app', 'apps-a', 'apps-b'])).toBe('there are apps-a, apps-b');
  expect(hintOfNames('x', [], 'policy')).toBe('there is no policy at all');
  const many = Array.from({ length: 25 }, (_, index) => `policy-${index}`);
  expect(hintOfNames('x', many)).toMatch(/^known: policy-0, .*policy-19 and 5 more$/);
});

test('the distance is that of a metric: nothing between equals, and the same in both directions', () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(editDistance(a, a)).toBe(0);
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
    { seed: 1 },
  );
});
