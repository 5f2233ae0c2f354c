import { describe, expect, test } from 'vitest';
import { resolveSchedule, type ScheduleBlock } from '../../domain/resolve-schedule.ts';
import { longestGapSeconds } from '../../domain/schedule-gaps.ts';

const DAY = 86_400;
const resolve = (block: ScheduleBlock, actionId = 'policy/orders/backup/offsite') =>
  resolveSchedule(block, { every: '1d', timezone: 'Europe/Berlin', actionId });

describe('timing', () => {
  test('a run without a time of its own is spread over its interval, the same always', () => {
    const offsets = Array.from(
      { length: 200 },
      (_, index) => resolve({ every: '1h' }, `policy/p${index}/backup/r`).timing,
    );
    const seconds = offsets.map((timing) => (timing.kind === 'interval' ? timing.offsetSeconds : -1));
    expect(Math.min(...seconds)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...seconds)).toBeLessThan(3600);
    expect(new Set(seconds).size).toBeGreaterThan(50);
    expect(seconds.every((offset) => offset % 60 === 0)).toBe(true);
    expect(resolve({})).toEqual(resolve({}));
  });

  test('days with a time of day follow the clocks of the zone', () => {
    expect(resolve({ at: '02:30' }).timing).toEqual({
      kind: 'calendar',
      hour: 2,
      minute: 30,
      timezone: 'Europe/Berlin',
    });
    expect(resolve({ every: '7d', at: '23:05', day: 'monday', timezone: 'UTC' }).timing).toEqual({
      kind: 'calendar',
      day: 'monday',
      hour: 23,
      minute: 5,
      timezone: 'UTC',
    });
    expect(resolve({ every: '1w', at: '02:30' }).timing).toMatchObject({ kind: 'calendar', day: expect.any(String) });
  });

  test('every other number of days with a time of day follows the clocks of the zone too, on days that are spread', () => {
    const days = { every: 30, turn: expect.any(Number) };
    expect(resolve({ every: '30d', at: '02:30' }).timing).toEqual({
      kind: 'calendar',
      days,
      hour: 2,
      minute: 30,
      timezone: 'Europe/Berlin',
    });
    const turns = Array.from({ length: 100 }, (_, index) => {
      const { timing } = resolve({ every: '30d', at: '02:30' }, `policy/p${index}/backup/r`);
      return timing.kind === 'calendar' ? timing.days!.turn : -1;
    });
    expect([Math.min(...turns), Math.max(...turns)]).toEqual([0, 29]);
  });

  test('an offset and a cron expression are taken as they are', () => {
    expect(resolve({ every: '6h', offset: '10m' }).timing).toEqual({
      kind: 'interval',
      everySeconds: 21_600,
      offsetSeconds: 600,
    });
    expect(resolve({ cron: '30 2 * * 1-5' }).timing).toEqual({
      kind: 'cron',
      expression: '30 2 * * 1-5',
      timezone: 'Europe/Berlin',
    });
  });
});

describe('the timeout', () => {
  test.each([
    [{ every: '15m' }, 3600],
    [{ every: '6h' }, 21_600],
    [{ every: '30d' }, DAY],
    [{ cron: '*/30 * * * *' }, 3600],
    [{ cron: '0 2 * * 1' }, DAY],
    [{ every: '1d', timeout: '90m' }, 5400],
  ])('of %o is %i seconds', (block, seconds) => expect(resolve(block).timeoutSeconds).toBe(seconds));
});

test.each([
  [{ every: '6h' }, 21_600],
  [{ at: '02:30' }, DAY],
  [{ every: '7d', at: '02:30', day: 'monday' as const }, 7 * DAY],
  [{ cron: '30 2 * * 1-5', timezone: 'UTC' }, 3 * DAY],
  [{ cron: '*/15 8-17 * * *', timezone: 'UTC' }, 14 * 3600 + 900],
  [{ cron: '*/30 9 1 * *', timezone: 'UTC' }, 31 * DAY - 1800],
  [{ cron: '0 3 29 2 *', timezone: 'UTC' }, 4 * 366 * DAY],
  [{ every: '14d', at: '02:30' }, 14 * DAY],
])('the longest time without a run of %o is %i seconds', (block, seconds) => {
  expect(longestGapSeconds(resolve(block))).toBe(seconds);
});

test('what nobody writes is: no jitter, and after an outage the newest missed run', () => {
  expect(resolve({})).toMatchObject({ jitterSeconds: 0, missed: 'latest' });
});
