/** The exact times at which a schedule is due. */
import { Cron } from 'croner';
import type { CalendarTiming, CronTiming, IntervalTiming, Schedule, Weekday } from './schedule.ts';

const WEEKDAYS: readonly Weekday[] = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const DAY_MS = 86_400_000;
/** A cron expression without a slot in this long (30 February) is taken to have none. */
const LONGEST_GAP_MS = 9 * 366 * DAY_MS;

/**
 * All slots at or after `from` and before `to`, in order. Local times that a change of daylight saving time skips are
 * skipped; those that it repeats are due twice: as Temporal has it.
 */
export function slotsBetween(schedule: Schedule, from: Date, to: Date): Date[] {
  const slots: Date[] = [];
  for (const slot of slotsFrom(schedule, from.getTime(), to.getTime())) slots.push(new Date(slot));
  return slots;
}

/** The first slot after an instant; undefined when there is none for years. */
export function nextSlot(schedule: Schedule, after: Date): Date | undefined {
  const from = after.getTime() + 1;
  for (const slot of slotsFrom(schedule, from, from + LONGEST_GAP_MS)) return new Date(slot);
  return undefined;
}

function slotsFrom({ timing }: Schedule, from: number, to: number): Iterable<number> {
  switch (timing.kind) {
    case 'interval':
      return intervalSlots(timing, from, to);
    case 'calendar':
      return calendarSlots(timing, from, to);
    case 'cron':
      return cronSlots(timing, from, to);
  }
}

function* intervalSlots(timing: IntervalTiming, from: number, to: number): Generator<number> {
  const every = timing.everySeconds * 1000;
  const offset = timing.offsetSeconds * 1000;
  for (let slot = Math.ceil((from - offset) / every) * every + offset; slot < to; slot += every) yield slot;
}

function* calendarSlots(timing: CalendarTiming, from: number, to: number): Generator<number> {
  const zone = new LocalTime(timing.timezone);
  // A local day begins at most a day before or after the UTC day of the same date.
  for (let day = Math.floor(from / DAY_MS) * DAY_MS - DAY_MS; day < to + DAY_MS; day += DAY_MS) {
    if (timing.day !== undefined && WEEKDAYS[new Date(day).getUTCDay()] !== timing.day) continue;
    for (const slot of zone.instantsOf(day + (timing.hour * 60 + timing.minute) * 60_000)) {
      if (slot >= from && slot < to) yield slot;
    }
  }
}

/**
 * Croner finds the local times in UTC, where no hour is skipped or repeated; the zone then turns each into its
 * instants. Its own handling of zones runs a repeated time once and moves a skipped one.
 */
function* cronSlots(timing: CronTiming, from: number, to: number): Generator<number> {
  const cron = new Cron(timing.expression, { timezone: 'UTC', paused: true });
  const zone = new LocalTime(timing.timezone);
  const due: number[] = [];
  let local = new Date(from - DAY_MS - 1000);
  // Local times come in order, their instants nearly: a repeated hour yields its second round an hour later.
  for (;;) {
    const next = cron.nextRun(local);
    const horizon = next === null ? Infinity : next.getTime() - DAY_MS;
    due.sort((a, b) => a - b);
    while (due.length > 0 && due[0]! < horizon) {
      const slot = due.shift()!;
      if (slot >= to) return;
      if (slot >= from) yield slot;
    }
    if (next === null || next.getTime() >= to + DAY_MS) break;
    due.push(...zone.instantsOf(next.getTime()));
    local = next;
  }
  for (const slot of due) if (slot >= from && slot < to) yield slot;
}

/** Local times of one zone, as milliseconds that UTC would have if it showed them. */
class LocalTime {
  readonly #format: Intl.DateTimeFormat | undefined;
  /** By day: a zone's offset at midnight UTC. Asking Intl for each slot would take seconds for a year. */
  readonly #midnights = new Map<number, number>();

  constructor(timezone: string) {
    this.#format = timezone === 'UTC' ? undefined : localFormat(timezone);
  }

  /** The instants at which clocks of the zone show a local time: none, one or two, in order. */
  instantsOf(local: number): number[] {
    if (this.#format === undefined) return [local];
    const day = Math.floor(local / DAY_MS);
    const before = this.#offsetAtMidnight(day - 1);
    const after = this.#offsetAtMidnight(day + 2);
    if (before === after) return [local - before];
    const candidates = [local - before, local - after].sort((a, b) => a - b);
    return candidates.filter((instant) => instant + this.#offsetAt(instant) === local);
  }

  #offsetAtMidnight(day: number): number {
    const known = this.#midnights.get(day);
    if (known !== undefined) return known;
    const offset = this.#offsetAt(day * DAY_MS);
    this.#midnights.set(day, offset);
    return offset;
  }

  #offsetAt(instant: number): number {
    const parts: Record<string, number> = {};
    for (const { type, value } of this.#format!.formatToParts(instant)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
  }
}

function localFormat(timeZone: string): Intl.DateTimeFormat {
  const numeric = 'numeric' as const;
  return new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
    second: numeric,
  });
}
