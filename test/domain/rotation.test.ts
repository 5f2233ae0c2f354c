import fc from 'fast-check';
import { expect, test } from 'vitest';
import { turnAt } from '../../domain/rotation.ts';
import { isTurnOf, spread, turnsOfShare } from '../../domain/turns.ts';
import type { Schedule, Timing } from '../../domain/schedule.ts';
import { nextSlot } from '../../domain/schedule-slots.ts';

const schedule = (timing: Timing): Schedule => ({ timing, jitterSeconds: 0, timeoutSeconds: 3600, missed: 'latest' });

test('names are spread evenly', () => {
  const buckets = Array.from({ length: 10 }, () => 0);
  for (let index = 0; index < 10_000; index++) buckets[Math.floor(spread(`srv/orders/file-${index}`) * 10)]!++;
  expect(Math.min(...buckets)).toBeGreaterThan(850);
  expect(Math.max(...buckets)).toBeLessThan(1150);
});

test('in any row of turns every name has its turn, and with the narrowest width exactly one', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(10_000), fc.integer({ min: 1, max: 60 }), (name, first, turns) => {
      const own = Array.from({ length: turns }, (_, index) => isTurnOf(name, first + index, turns));
      expect(own.filter(Boolean)).toHaveLength(1);
    }),
    { seed: 20261123 },
  );
});

test('consecutive runs get consecutive numbers, through delays and daylight saving time', () => {
  const cases: [Timing, number][] = [
    [{ kind: 'interval', everySeconds: 900, offsetSeconds: 417 }, 900],
    [{ kind: 'calendar', hour: 2, minute: 30, timezone: 'Europe/Berlin' }, 86_400],
    [{ kind: 'calendar', hour: 13, minute: 0, timezone: 'America/New_York' }, 86_400],
    [{ kind: 'calendar', hour: 23, minute: 59, day: 'sunday', timezone: 'Europe/Berlin' }, 7 * 86_400],
    [{ kind: 'interval', everySeconds: 7 * 86_400, offsetSeconds: 400_000 }, 7 * 86_400],
    [{ kind: 'cron', expression: '0 4 * * *', timezone: 'Europe/Berlin' }, 86_400],
  ];
  for (const [timing, every] of cases) {
    const slots: Date[] = [];
    let time = new Date('2026-01-01T00:00:00Z');
    for (let index = 0; index < 400; index++) slots.push((time = nextSlot(schedule(timing), time)!));
    const delayed = slots.map((slot, index) => new Date(slot.getTime() + ((index * 7919) % every) * 900));
    const turns = delayed.map((run) => turnAt(schedule(timing), every, run));
    // A night that skips the slot's hour skips a turn, one that repeats it repeats the turn.
    const gaps = turns.slice(1).map((turn, index) => turn - turns[index]!);
    expect(gaps.filter((gap) => gap !== 1).length).toBeLessThanOrEqual(2);
    expect(gaps.every((gap) => gap >= 0 && gap <= 2)).toBe(true);
  }
});

test('a share divides everything into the turns that cover it', () => {
  expect([0, 0.01, 0.05, 0.3, 0.5, 1].map(turnsOfShare)).toEqual([0, 100, 20, 4, 2, 1]);
});
