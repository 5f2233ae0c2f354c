import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isVersionsFolderExpired, versionsFolderName } from '../../domain/sync-versions.ts';

const NOW = new Date('2026-03-31T12:00:00Z');

test.each([
  ['30d', '2026-03-01T12:00:00Z'],
  ['48h', '2026-03-29T12:00:00Z'],
  ['1mo', '2026-02-28T12:00:00Z'],
  ['1y1mo', '2025-02-28T12:00:00Z'],
  ['2y1mo1d', '2024-02-28T12:00:00Z'],
  ['3mo1h', '2025-12-31T11:00:00Z'],
])('after %s, what was put aside before %s goes', (period, begin) => {
  const before = new Date(Date.parse(begin) - 1000);
  expect(isVersionsFolderExpired(versionsFolderName(new Date(begin), 1), period, NOW)).toBe(false);
  expect(isVersionsFolderExpired(versionsFolderName(before, 1), period, NOW)).toBe(true);
  expect(isVersionsFolderExpired(versionsFolderName(before, 12), period, NOW)).toBe(true);
});

test('no other folder ever goes', () => {
  for (const name of ['incoming', '2020', '20200101', '20200101T000000', '20200101T000000Z-', 'x20200101T000000Z'])
    expect(isVersionsFolderExpired(name, '1h', NOW)).toBe(false);
});

test('a folder of the present goes under no period, and goes under any once that has passed', () => {
  const date = fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
  const number = fc.integer({ min: 0, max: 40 });
  fc.assert(
    fc.property(date, number, number, number, (now, months, days, hours) => {
      const name = versionsFolderName(now, 1);
      const period = `${months}mo${days}d${hours + 1}h`;
      expect(isVersionsFolderExpired(name, period, now)).toBe(false);
      const later = new Date(now.getTime() + (months * 31 + days) * 86_400_000 + (hours + 2) * 3_600_000);
      expect(isVersionsFolderExpired(name, period, later)).toBe(true);
    }),
    { numRuns: 1000, seed: 55 },
  );
});
