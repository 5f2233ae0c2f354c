/** The exact times at which a schedule is due. */
import { parseCron } from './cron-expression.ts';
import { localTimeOf } from './local-time.ts';
import type { CalendarTiming, CronTiming, IntervalTiming, Schedule, Weekday } from './schedule.ts';

const WEEKDAYS: readonly Weekday[] = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** A schedule without a slot in this long (30 February) is taken to have none. */
const LONGEST_GAP_MS = 9 * 366 * DAY_MS;
/** 1970-01-01 was a Thursday. */
const WEEKDAY_OF_EPOCH = 4;

/**
 * All slots at or after `from` and before `to`, in order. Local times that a change of daylight saving time skips are
 * skipped; those that it repeats are due twice: as Temporal has it.
 */
export function slotsBetween(schedule: Schedule, from: Date, to: Date): Date[] {
  const slots: Date[] = [];
  for (const slot of slotTimes(schedule, from.getTime(), to.getTime())) slots.push(new Date(slot));
  return slots;
}

/** The first slot after an instant; undefined when there is none for years. */
export function nextSlot(schedule: Schedule, after: Date): Date | undefined {
  const from = after.getTime() + 1;
  for (const slot of slotTimes(schedule, from, from + LONGEST_GAP_MS)) return new Date(slot);
  return undefined;
}

/** The same as milliseconds since the epoch, one after the other. */
export function slotTimes({ timing }: Schedule, from: number, to: number): Iterable<number> {
  switch (timing.kind) {
    case 'interval':
      return intervalSlots(timing, from, to);
    case 'calendar':
      return localSlots(daysOfCalendar(timing), timing.timezone, from, to);
    case 'cron':
      return localSlots(daysOfCron(timing), timing.timezone, from, to);
  }
}

function* intervalSlots(timing: IntervalTiming, from: number, to: number): Generator<number> {
  const every = timing.everySeconds * 1000;
  const offset = timing.offsetSeconds * 1000;
  for (let slot = Math.ceil((from - offset) / every) * every + offset; slot < to; slot += every) yield slot;
}

/** Which local days have slots, counted from 1970-01-01, and at which minutes of them, ascending. */
interface LocalDays {
  has(day: number): boolean;
  minutesOfDay: readonly number[];
}

function daysOfCalendar({ day, days, hour, minute }: CalendarTiming): LocalDays {
  const minutesOfDay = [hour * 60 + minute];
  if (days !== undefined) return { has: (date) => (date - days.turn) % days.every === 0, minutesOfDay };
  if (day === undefined) return { has: () => true, minutesOfDay };
  const weekday = WEEKDAYS.indexOf(day);
  return { has: (date) => weekdayOf(date) === weekday, minutesOfDay };
}

function daysOfCron({ expression }: CronTiming): LocalDays {
  const { minutesOfDay, daysOfMonth, months, daysOfWeek } = parseCron(expression);
  const isEveryDate = daysOfMonth.size === 31 && months.size === 12;
  const has = (date: number): boolean => {
    if (!daysOfWeek.has(weekdayOf(date))) return false;
    if (isEveryDate) return true;
    const calendar = new Date(date * DAY_MS);
    return daysOfMonth.has(calendar.getUTCDate()) && months.has(calendar.getUTCMonth() + 1);
  };
  return { has, minutesOfDay };
}

function weekdayOf(date: number): number {
  return (((date + WEEKDAY_OF_EPOCH) % 7) + 7) % 7;
}

/**
 * Days come in order, and so do their instants, but around a change of clocks: what is due on such days is held back
 * until the next day without one.
 */
function* localSlots(days: LocalDays, timezone: string, from: number, to: number): Generator<number> {
  const zone = localTimeOf(timezone);
  const held: number[] = [];
  // A local day begins at most a day before or after the UTC day of the same date.
  const last = Math.ceil(to / DAY_MS) + 1;
  for (let day = Math.floor(from / DAY_MS) - 1; day <= last; day++) {
    if (!days.has(day)) continue;
    const offset = zone.offsetAround(day);
    if (offset === undefined) {
      for (const minute of days.minutesOfDay) held.push(...zone.instantsOf(day * DAY_MS + minute * MINUTE_MS));
      continue;
    }
    yield* release(held, from, to);
    for (const minute of days.minutesOfDay) {
      const slot = day * DAY_MS + minute * MINUTE_MS - offset;
      if (slot >= to) return;
      if (slot >= from) yield slot;
    }
  }
  yield* release(held, from, to);
}

function* release(held: number[], from: number, to: number): Generator<number> {
  for (const slot of held.sort((a, b) => a - b)) if (slot >= from && slot < to) yield slot;
  held.length = 0;
}
