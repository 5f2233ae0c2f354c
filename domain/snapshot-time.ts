/** A snapshot's time: the instant to the nanosecond, and the calendar of the zone in which it was made. */
import { IntegrityError } from '../common/errors.ts';

/** One moment, with the offset of the clock that named it. */
export interface SnapshotTime {
  /** Since 1970-01-01T00:00:00Z. */
  epochNanoseconds: bigint;
  /** East of UTC. */
  offsetMinutes: number;
}

/** The wall clock's date and hour in the time's own zone; `isoYear` and `isoWeek` as ISO 8601 counts weeks. */
export interface LocalCalendar {
  year: number;
  /** 1-12. */
  month: number;
  day: number;
  hour: number;
  isoYear: number;
  isoWeek: number;
}

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const DAY_MILLISECONDS = 86_400_000;

/** Parses RFC 3339 with up to nine digits of a second, as restic writes it. Throws IntegrityError for anything else. */
export function parseSnapshotTime(text: string): SnapshotTime {
  const match = RFC_3339.exec(text);
  if (match === null) throw new IntegrityError(`the snapshot time "${text}" is not an RFC 3339 time`);
  const [, year, month, day, hour, minute, second, fraction, sign, offsetHour, offsetMinute] = match;
  const wallClock = utcMilliseconds(Number(year), Number(month), Number(day));
  const secondsOfDay = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const offset = sign === undefined ? 0 : Number(offsetHour) * 60 + Number(offsetMinute);
  const offsetMinutes = sign === '-' ? -offset : offset;
  const seconds = wallClock / 1000 + secondsOfDay - offsetMinutes * 60;
  const nanoseconds = BigInt((fraction ?? '').padEnd(9, '0'));
  return { epochNanoseconds: BigInt(seconds) * 1_000_000_000n + nanoseconds, offsetMinutes };
}

export function fromDate(date: Date, offsetMinutes = 0): SnapshotTime {
  return { epochNanoseconds: BigInt(date.getTime()) * 1_000_000n, offsetMinutes };
}

/** What the wall clock showed in the time's own zone. */
export function localCalendar(time: SnapshotTime): LocalCalendar {
  const local = new Date(epochMilliseconds(time) + time.offsetMinutes * 60_000);
  const year = local.getUTCFullYear();
  const month = local.getUTCMonth() + 1;
  const day = local.getUTCDate();
  // A week belongs to the year of its Thursday (ISO 8601).
  const weekday = (local.getUTCDay() + 6) % 7;
  const thursday = new Date(utcMilliseconds(year, month, day) + (3 - weekday) * DAY_MILLISECONDS);
  const isoYear = thursday.getUTCFullYear();
  const dayOfYear = (thursday.getTime() - utcMilliseconds(isoYear, 1, 1)) / DAY_MILLISECONDS;
  return { year, month, day, hour: local.getUTCHours(), isoYear, isoWeek: Math.floor(dayOfYear / 7) + 1 };
}

/**
 * The moment that lies a period before, counted on the calendar of the time's own zone as Go's `AddDate` does: a day
 * that the month does not have runs over into the next month. The zone's offset is kept, also over a change of clocks.
 */
export function before(
  time: SnapshotTime,
  period: { years: number; months: number; days: number; hours: number },
): SnapshotTime {
  const offset = time.offsetMinutes * 60_000;
  const local = epochMilliseconds(time) + offset;
  const date = new Date(local);
  const moved = utcMilliseconds(
    date.getUTCFullYear() - period.years,
    date.getUTCMonth() + 1 - period.months,
    date.getUTCDate() - period.days,
  );
  const startOfDay = utcMilliseconds(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate());
  const shiftMilliseconds = startOfDay - moved + period.hours * 3_600_000;
  return { ...time, epochNanoseconds: time.epochNanoseconds - BigInt(shiftMilliseconds) * 1_000_000n };
}

/** Rounded down, also before 1970. */
function epochMilliseconds(time: SnapshotTime): number {
  const remainder = ((time.epochNanoseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return Number((time.epochNanoseconds - remainder) / 1_000_000n);
}

/** Milliseconds of a UTC midnight; months and days outside their range run over. `Date.UTC` would move the years 0-99 to 1900. */
function utcMilliseconds(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month - 1, day);
}
