/** Schedules of every form that the language has, in zones whose clocks change in all the ways there are. */
import fc from 'fast-check';
import { localTimeOf } from '../../domain/local-time.ts';
import { resolveSchedule, type ScheduleBlock } from '../../domain/resolve-schedule.ts';
import type { Schedule, Weekday } from '../../domain/schedule.ts';
import { nextSlot } from '../../domain/schedule-slots.ts';

/** North and south of the equator, offset by half and quarter hours; changes by half an hour and by two hours, and at midnight. */
export const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Europe/Dublin',
  'America/New_York',
  'America/St_Johns',
  'America/Santiago',
  'America/Havana',
  'America/Sao_Paulo',
  'America/Scoresbysund',
  'America/Nuuk',
  'Atlantic/Azores',
  'Africa/Cairo',
  'Asia/Beirut',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Sydney',
  'Australia/Adelaide',
  'Australia/Lord_Howe',
  'Pacific/Auckland',
  'Pacific/Chatham',
  'Pacific/Easter',
  'Pacific/Apia',
  'Antarctica/Troll',
];

const WEEKDAYS: Weekday[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const zone = fc.constantFrom(...ZONES);
/** Clocks change at night. */
const hour = fc.oneof(fc.nat(3), fc.nat(23));
const at = fc
  .tuple(hour, fc.constantFrom(0, 15, 30, 45, 59))
  .map((time) => time.map((part) => String(part).padStart(2, '0')).join(':'));

function field(min: number, max: number, words: readonly string[] = []): fc.Arbitrary<string> {
  const value = fc.oneof(
    fc.integer({ min, max }).map(String),
    ...(words.length === 0 ? [] : [fc.constantFrom(...words)]),
  );
  const range = fc
    .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
    .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.integer({ min: 1, max: Math.ceil((max - min) / 2) }).map((width) => `/${width}`);
  const part = fc.oneof(
    value,
    range,
    fc.tuple(fc.oneof(fc.constant('*'), value, range), step).map((parts) => parts.join('')),
  );
  return fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(','));
}

const every = fc.constant('*');
const minute = fc.oneof(fc.constantFrom('0', '30', '*/15'), field(0, 59));
const month = fc.oneof(
  { weight: 2, arbitrary: every },
  { weight: 1, arbitrary: field(1, 12, ['jan', 'OCT', 'march']) },
);
const days = fc.oneof(
  fc.tuple(every, month, every),
  fc.tuple(field(1, 31), month, every),
  fc.tuple(every, month, fc.oneof(fc.constantFrom('1-5', '7', 'mon-fri', '5-7'), field(0, 7, ['Sun', 'sat', 'we']))),
);
const cron = fc
  .tuple(minute, fc.oneof(every, hour.map(String), field(0, 23)), days)
  .map(([minutes, hours, rest]) => [minutes, hours, ...rest].join(' '));

const block: fc.Arbitrary<ScheduleBlock> = fc.oneof(
  fc.record({ cron, timezone: zone }),
  fc.record({ every: fc.constantFrom('1d', '7d', '2d', '14d', '30d', '90d'), at, timezone: zone }),
  fc.record({ every: fc.constant('7d'), at, day: fc.constantFrom(...WEEKDAYS), timezone: zone }),
  fc.record({ every: fc.constantFrom('15m', '1h', '6h', '1d', '3d', '7d', '30d') }),
  fc.record({ every: fc.constantFrom('15m', '1h', '8h', '1d'), offset: fc.nat(899).map((seconds) => `${seconds}s`) }),
);

/** What validation lets pass, with an instant that is often shortly before a change of the zone's clocks. */
export const scheduleAndInstant: fc.Arbitrary<{ block: ScheduleBlock; schedule: Schedule; from: Date }> = fc
  .tuple(block, fc.nat(10_000), fc.boolean(), fc.nat(6 * 86_400), fc.nat(7 * 366 * 86_400))
  .map(([written, number, nearChange, before, seconds]) => {
    const schedule = resolveSchedule(written, { every: '1d', timezone: 'UTC', actionId: `policy/p${number}/backup/r` });
    const changes = localTimeOf(written.timezone ?? 'UTC').changes.filter((change) => change.at > Date.UTC(2026, 1, 1));
    const change = nearChange ? changes[number % changes.length] : undefined;
    const from = change === undefined ? Date.UTC(2026, 0, 1) + seconds * 1000 : change.at - before * 1000;
    return { block: written, schedule, from: new Date(from) };
  })
  .filter(({ schedule, from }) => nextSlot(schedule, from) !== undefined);

/** Where Temporal's own calendars go wrong, each just before the change of clocks that shows it. */
export const NEAR_CHANGES: { block: ScheduleBlock; schedule: Schedule; from: Date }[] = (
  [
    [{ at: '00:45', timezone: 'Europe/Dublin' }, '2027-10-27T22:03:00Z'],
    [{ at: '02:30', timezone: 'Europe/Berlin' }, '2026-10-22T01:06:05Z'],
    [{ every: '14d', at: '02:30', timezone: 'Europe/Berlin' }, '2026-10-01T00:00:00Z'],
    [{ cron: '28 0-18 * * 7', timezone: 'Europe/Berlin' }, '2026-10-22T01:06:05Z'],
    [{ cron: '0 * * * *', timezone: 'Australia/Sydney' }, '2026-04-02T23:56:08Z'],
    [{ cron: '5 1 * * 5,Sun', timezone: 'Australia/Adelaide' }, '2034-03-26T16:30:16Z'],
    [{ cron: '*/15 * * * *', timezone: 'Australia/Lord_Howe' }, '2027-04-03T12:00:00Z'],
    [{ cron: '0 5 * * sun', timezone: 'America/Santiago' }, '2026-08-30T00:00:00Z'],
    [{ every: '7d', day: 'saturday', at: '05:00', timezone: 'America/Havana' }, '2027-03-01T00:00:00Z'],
    [{ at: '02:50', timezone: 'Pacific/Chatham' }, '2026-09-24T00:00:00Z'],
    [{ cron: '*/30 0-4 * * *', timezone: 'Antarctica/Troll' }, '2027-03-27T00:00:00Z'],
  ] satisfies [ScheduleBlock, string][]
).map(([written, from]) => ({
  block: written,
  schedule: resolveSchedule(written, { every: '1d', timezone: 'UTC', actionId: 'policy/p/backup/r' }),
  from: new Date(from),
}));
