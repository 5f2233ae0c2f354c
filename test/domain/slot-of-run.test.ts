import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Schedule, Timing } from '../../domain/schedule.ts';
import { slotsBetween } from '../../domain/schedule-slots.ts';
import { catchupSeconds, slotOfRun } from '../../domain/slot-of-run.ts';
import { scheduleAndInstant } from './random-schedules.ts';

const schedule = (timing: Timing, changes: Partial<Schedule> = {}): Schedule => ({
  timing,
  jitterSeconds: 0,
  timeoutSeconds: 3600,
  missed: 'latest',
  ...changes,
});
const hourly = schedule({ kind: 'interval', everySeconds: 3600, offsetSeconds: 600 });
const workdays = schedule({ kind: 'cron', expression: '30 2 * * 1-5', timezone: 'UTC' });
const DAY = 86_400;

describe('how far back the engine looks after an outage', () => {
  test.each<[string, Schedule, number]>([
    ['just the newest of regular runs', hourly, 3599],
    ['over a weekend, twice: a change of clocks may leave out a day', workdays, 6 * DAY],
    ['a jitter more', { ...hourly, jitterSeconds: 900 }, 8100],
    ['not at all', { ...workdays, missed: 'skip' }, 10],
    ['a week', { ...workdays, missed: 'all' }, 7 * DAY],
  ])('%s', (_, of, seconds) => expect(catchupSeconds(of)).toBe(seconds));

  test('reaches over a night without its hour', () => {
    const nightly = schedule({ kind: 'calendar', hour: 2, minute: 30, timezone: 'Europe/Berlin' });
    const end = new Date('2027-03-28T23:00:00Z');
    const found = slotsBetween(nightly, new Date(end.getTime() - catchupSeconds(nightly) * 1000), end);
    expect(found.at(-1)).toEqual(new Date('2027-03-27T01:30:00Z'));
  });

  test('is always enough for the newest missed run, whenever the outage ends', () => {
    fc.assert(
      fc.property(scheduleAndInstant, ({ schedule: random, from: end }) => {
        const window = Math.ceil(catchupSeconds({ ...random, missed: 'latest' }) + 1) * 1000;
        const found = slotsBetween(random, new Date(end.getTime() - window), new Date(end.getTime() + 1));
        expect(found.length).toBeGreaterThan(0);
      }),
      { seed: 20261130, numRuns: 400 },
    );
  });
});

describe('the slot of a run that the engine started', () => {
  const at = (text: string) => new Date(`2026-11-${text}:00Z`);

  test('in time, is its own', () => {
    expect(slotOfRun(workdays, at('20T02:30'), at('20T02:31'))).toMatchObject({ slot: at('20T02:30'), passedOver: 0 });
  });

  test('after an outage, is the newest that was missed', () => {
    const late = slotOfRun(workdays, at('19T02:30'), at('22T12:00'));
    expect(late).toEqual({ slot: at('20T02:30'), passedOver: 1, oldestAt: at('19T02:30') });
  });

  test('is none that may still come, later by its jitter', () => {
    const late = slotOfRun({ ...hourly, jitterSeconds: 1200 }, at('20T08:10'), at('20T10:20'));
    expect(late).toMatchObject({ slot: at('20T09:10'), passedOver: 1 });
  });

  test('is its own where each missed run is wanted', () => {
    const each = { ...hourly, missed: 'all' } as const;
    expect(slotOfRun(each, at('20T08:10'), at('20T12:00'))).toMatchObject({ slot: at('20T08:10'), passedOver: 0 });
  });
});
