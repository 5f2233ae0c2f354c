/** Local times as a spec of Temporal that keeps to a zone's clocks exactly, also when they change. */
import { parseCron } from './cron-expression.ts';
import { isWholeHour, localTimeOf, skipsMidnight, type ClockChange } from './local-time.ts';
import type { CalendarTiming, CronTiming, Weekday } from './schedule.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Intervals of one spec; where days would need more, hours do. */
const MAX_INTERVALS = 60;
const WEEKDAYS: readonly Weekday[] = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
/** From the day 0, 1970-01-01, on. */
const WEEKDAY_OF_EPOCH = 4;

/**
 * Intervals in UTC, one for each time of day and each offset that the zone's clocks have. Of their times those count
 * at which clocks of the zone show what the sets name: Temporal compares clocks rightly where it leaves times out.
 */
export interface LocalIntervals {
  everySeconds: number;
  /** From the epoch on, in UTC, ascending. */
  phasesSeconds: number[];
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  /** Absent: all, here and below. */
  daysOfMonth?: ReadonlySet<number>;
  months?: ReadonlySet<number>;
  /** 0 is Sunday. */
  daysOfWeek?: ReadonlySet<number>;
}

type LocalTiming = CalendarTiming | CronTiming;

/** Undefined where Temporal's own calendar does the same: it knows each day and weekdays, but no other number of days. */
export function localIntervals(timing: LocalTiming): LocalIntervals | undefined {
  const isOwn = timing.kind === 'cron' || timing.days === undefined;
  if (isOwn && localTimeOf(timing.timezone).changes.every((change) => !isMisread(timing, change))) return undefined;
  return timing.kind === 'cron' ? ofCron(timing) : ofCalendar(timing);
}

/**
 * The longest jitter that Temporal grants: it cuts one that reaches the next interval, whether that counts or not.
 * Undefined: that of the next run.
 */
export function longestJitterSeconds(timing: LocalTiming): number | undefined {
  const intervals = localIntervals(timing);
  if (intervals === undefined || intervals.phasesSeconds.length < 2) return undefined;
  const { everySeconds, phasesSeconds } = intervals;
  return Math.min(
    ...phasesSeconds.map((phase, index) => (phasesSeconds[index + 1] ?? phasesSeconds[0]! + everySeconds) - phase),
  );
}

/**
 * Whether Temporal's calendars go wrong with a change of clocks (1.29, `service/worker/scheduler/calendar.go`). They
 * reckon with changes by an hour at a full hour. At and east of Greenwich they leave out the first round of a repeated
 * hour, and take the hour before it for repeated. West of it they take a day without midnight for the day before,
 * where weekdays are named.
 */
function isMisread(timing: LocalTiming, change: ClockChange): boolean {
  const times = timing.kind === 'cron' ? parseCron(timing.expression).minutesOfDay : [timing.hour * 60 + timing.minute];
  const { before, after } = change;
  const isRepeatedInTheEast = after < before && after >= 0;
  if ((isRepeatedInTheEast || !isWholeHour(change)) && times.some((minute) => isNear(minute, change))) return true;
  const onWeekdays =
    timing.kind === 'cron' ? parseCron(timing.expression).daysOfWeek.size < 7 : timing.day !== undefined;
  return onWeekdays && before < 0 && skipsMidnight(change);
}

/** Within the hours of the clock that a change touches, or the one before them. */
function isNear(minuteOfDay: number, { at, before, after }: ClockChange): boolean {
  const first = Math.floor((at + Math.min(before, after)) / HOUR_MS - 1) * HOUR_MS;
  const end = Math.ceil((at + Math.max(before, after)) / HOUR_MS) * HOUR_MS;
  return modulo(minuteOfDay * 60_000 - first, DAY_MS) < end - first;
}

function ofCalendar({ hour, minute, timezone, day, days }: CalendarTiming): LocalIntervals {
  const turn = days?.turn ?? (day === undefined ? 0 : modulo(WEEKDAYS.indexOf(day) - WEEKDAY_OF_EPOCH, 7));
  const every = (days?.every ?? (day === undefined ? 1 : 7)) * DAY_MS;
  const local = turn * DAY_MS + (hour * 60 + minute) * 60_000;
  return { ...phasesOf([local], every, timezone), minutes: new Set([minute]), hours: new Set([hour]) };
}

function ofCron({ expression, timezone }: CronTiming): LocalIntervals {
  const { minutesOfDay, daysOfMonth, months, daysOfWeek } = parseCron(expression);
  const minutes = new Set(minutesOfDay.map((time) => time % 60));
  const hours = new Set(minutesOfDay.map((time) => Math.floor(time / 60)));
  const isFrequent = minutesOfDay.length * localTimeOf(timezone).offsets.length > MAX_INTERVALS;
  const [times, every] = isFrequent || hours.size === 24 ? [[...minutes], HOUR_MS] : [minutesOfDay, DAY_MS];
  const locals = times.map((minute) => minute * 60_000);
  return {
    ...phasesOf(locals, every, timezone),
    minutes,
    hours,
    ...(daysOfMonth.size === 31 ? {} : { daysOfMonth }),
    ...(months.size === 12 ? {} : { months }),
    ...(daysOfWeek.size === 7 ? {} : { daysOfWeek }),
  };
}

function phasesOf(locals: readonly number[], every: number, timezone: string) {
  const phases = locals.flatMap((local) =>
    localTimeOf(timezone).offsets.map((offset) => modulo(local - offset, every) / 1000),
  );
  return { everySeconds: every / 1000, phasesSeconds: [...new Set(phases)].sort((a, b) => a - b) };
}

function modulo(number: number, divisor: number): number {
  return ((number % divisor) + divisor) % divisor;
}
