import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../common/durations.ts';

describe('durations', () => {
  test.each([
    ['90s', 90],
    ['15m', 900],
    ['1h30m', 5400],
    ['36h', 129_600],
    ['7d', 604_800],
    ['6w', 3_628_800],
    ['1w2d3h4m5s', 788_645],
    ['0s', 0],
  ])('%s is %i seconds', (text, seconds) => expect(parseDuration(text)).toBe(seconds));

  test.each(['', '5', 'm', '1.5h', '-1h', '1h 30m', '30m1h', '1mo', '1y', '1H', '1h1h', ' 1h', '1234567s'])(
    '"%s" is not a duration',
    (text) => expect(() => parseDuration(text)).toThrow(/is not a duration/),
  );

  test.each([
    [0, '0s'],
    [0.4, '0s'],
    [59.9, '59s'],
    [5400, '1h30m'],
    [129_600, '1d12h'],
    [604_800, '7d'],
    [-90, '-1m30s'],
  ])('%d seconds are written %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  test('what is written is read again', () => {
    fc.assert(
      fc.property(fc.nat(999_999), (seconds) => parseDuration(formatDuration(seconds)) === seconds),
      { seed: 1 },
    );
  });
});
