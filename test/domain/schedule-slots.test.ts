import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextSlot, slotsBetween } from '../../domain/schedule-slots.ts';
import type { Schedule, Timing, Weekday } from '../../domain/schedule.ts';

const schedule = (timing: Timing): Schedule => ({ timing, jitterSeconds: 0, timeoutSeconds: 3600, missed: 'latest' });
const slots = (timing: Timing, from: string, to: string): string[] =>
  slotsBetween(schedule(timing), new Date(from), new Date(to)).map((slot) =>
    slot.toISOString().replace(':00.000Z', 'Z'),
  );

const BERLIN = 'Europe/Berlin';
const nightly: Timing = { kind: 'calendar', hour: 2, minute: 30, timezone: BERLIN };
const nightlyCron: Timing = { kind: 'cron', expression: '30 2 * * *', timezone: BERLIN };

describe('changes of daylight saving time', () => {
  test.each([
    ['at', nightly],
    ['cron', nightlyCron],
  ])('a local time that is skipped is not due (%s)', (_, timing) => {
    expect(slots(timing, '2026-03-28T00:00Z', '2026-03-31T00:00Z')).toEqual(['2026-03-28T01:30Z', '2026-03-30T00:30Z']);
  });

  test.each([
    ['at', nightly],
    ['cron', nightlyCron],
  ])('a local time that is repeated is due twice (%s)', (_, timing) => {
    expect(slots(timing, '2026-10-24T00:00Z', '2026-10-26T00:00Z')).toEqual([
      '2026-10-24T00:30Z',
      '2026-10-25T00:30Z',
      '2026-10-25T01:30Z',
    ]);
  });

  test('a repeated hour of a frequent expression comes in order', () => {
    const timing: Timing = { kind: 'cron', expression: '*/30 2 * * *', timezone: BERLIN };
    expect(slots(timing, '2026-10-25T00:00Z', '2026-10-25T12:00Z')).toEqual([
      '2026-10-25T00:00Z',
      '2026-10-25T00:30Z',
      '2026-10-25T01:00Z',
      '2026-10-25T01:30Z',
    ]);
  });

  test('a zone that changes at midnight, and one that is offset by a quarter of an hour', () => {
    const midnight: Timing = { kind: 'calendar', hour: 0, minute: 0, timezone: 'America/Santiago' };
    // On 6 September 2026 clocks there go from 24:00 to 01:00: that midnight does not exist.
    expect(slots(midnight, '2026-09-05T00:00Z', '2026-09-08T00:00Z')).toEqual([
      '2026-09-05T04:00Z',
      '2026-09-07T03:00Z',
    ]);
    const nepal: Timing = { kind: 'calendar', hour: 6, minute: 0, timezone: 'Asia/Kathmandu' };
    expect(slots(nepal, '2026-01-01T00:00Z', '2026-01-02T00:00Z')).toEqual(['2026-01-01T00:15Z']);
  });
});

describe('each kind of timing', () => {
  test('an interval counts from the epoch, with its offset', () => {
    const timing: Timing = { kind: 'interval', everySeconds: 21_600, offsetSeconds: 600 };
    expect(slots(timing, '2026-01-01T00:10Z', '2026-01-01T18:10Z')).toEqual([
      '2026-01-01T00:10Z',
      '2026-01-01T06:10Z',
      '2026-01-01T12:10Z',
    ]);
  });

  test('a weekly run comes on its day, by the local calendar', () => {
    const timing: Timing = { kind: 'calendar', day: 'monday', hour: 0, minute: 30, timezone: BERLIN };
    expect(slots(timing, '2026-11-20T00:00Z', '2026-12-01T00:00Z')).toEqual(['2026-11-22T23:30Z', '2026-11-29T23:30Z']);
  });

  test('a cron expression means weekdays, lists and steps', () => {
    const timing: Timing = { kind: 'cron', expression: '0 9-17/4 * * 1-5', timezone: 'UTC' };
    expect(slots(timing, '2026-11-20T10:00Z', '2026-11-24T00:00Z')).toEqual([
      '2026-11-20T13:00Z',
      '2026-11-20T17:00Z',
      '2026-11-23T09:00Z',
      '2026-11-23T13:00Z',
      '2026-11-23T17:00Z',
    ]);
  });

  test('an expression that never comes has no next slot', () => {
    expect(
      nextSlot(schedule({ kind: 'cron', expression: '0 0 30 2 *', timezone: 'UTC' }), new Date(0)),
    ).toBeUndefined();
    expect(
      nextSlot(schedule({ kind: 'cron', expression: '0 0 29 2 *', timezone: 'UTC' }), new Date('2026-01-01')),
    ).toEqual(new Date('2028-02-29'));
  });
});

const ZONES = [
  'UTC',
  BERLIN,
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'America/St_Johns',
];
const zone = fc.constantFrom(...ZONES);
const day = fc.constantFrom<Weekday | undefined>(undefined, 'monday', 'sunday');
const timing: fc.Arbitrary<Timing> = fc.oneof(
  fc.record({
    kind: fc.constant('interval' as const),
    everySeconds: fc.constantFrom(900, 3600, 86_400, 604_800),
    offsetSeconds: fc.nat(899),
  }),
  fc.record({ kind: fc.constant('calendar' as const), hour: fc.nat(23), minute: fc.nat(59), timezone: zone, day }),
  fc.record({
    kind: fc.constant('cron' as const),
    expression: fc.constantFrom('30 2 * * *', '0 */6 * * *', '15 3 1 * *', '0 0 * * 0'),
    timezone: zone,
  }),
);
const instant = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) });

describe('for any schedule', () => {
  test('slots are in order, within the range, and the same when the range is cut in two', () => {
    fc.assert(
      fc.property(timing, instant, fc.nat(40 * 86_400_000), fc.nat(40 * 86_400_000), (when, from, first, second) => {
        const plan = schedule(when);
        const at = (time: number): Date => new Date(time);
        const whole = slotsBetween(plan, at(from), at(from + first + second)).map(Number);
        const parts = [
          ...slotsBetween(plan, at(from), at(from + first)),
          ...slotsBetween(plan, at(from + first), at(from + first + second)),
        ].map(Number);
        expect(parts).toEqual(whole);
        expect(whole).toEqual([...new Set(whole)].sort((a, b) => a - b));
        expect(whole.every((slot) => slot >= from && slot < from + first + second)).toBe(true);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  test('the next slot is the first of all that follow', () => {
    fc.assert(
      fc.property(timing, instant, (when, after) => {
        const plan = schedule(when);
        const next = nextSlot(plan, new Date(after));
        expect(next).toBeDefined();
        expect(slotsBetween(plan, new Date(after + 1), new Date(next!.getTime() + 1))).toEqual([next]);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  test('clocks of the zone show the local time at each slot of a calendar', () => {
    fc.assert(
      fc.property(fc.nat(23), fc.nat(59), zone, instant, (hour, minute, timezone, from) => {
        const plan = schedule({ kind: 'calendar', hour, minute, timezone });
        const clock = new Intl.DateTimeFormat('en-GB', {
          timeZone: timezone,
          hour: '2-digit',
          minute: '2-digit',
          hourCycle: 'h23',
        });
        const shown = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
        const found = slotsBetween(plan, new Date(from), new Date(from + 60 * 86_400_000));
        // Sixty days have sixty slots, but for one that a change of the clocks may skip or repeat, twice at most.
        expect(Math.abs(found.length - 60)).toBeLessThanOrEqual(2);
        for (const slot of found) expect(clock.format(slot)).toBe(shown);
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});
