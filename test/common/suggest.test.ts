import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, suggest } from '../../common/suggest.ts';

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
