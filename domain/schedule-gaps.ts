/** How far apart the runs of a schedule are. */
import { parseCron } from './cron-expression.ts';
import { daysBetween, intervalSeconds } from './rotation.ts';
import type { Schedule } from './schedule.ts';
import { slotsBetween } from './schedule-slots.ts';

const DAY = 86_400;
/** Any fixed instant serves to measure a cron expression; a Thursday in winter. */
const REFERENCE = new Date('2026-01-01T00:00:00Z');
/** Shows each day of the year with each day of the week that it has next to it; a leap year is among them. */
const PATTERN_DAYS = 4 * 366;

/** How far apart the runs of a schedule are; of cron the shortest gap. */
export function everySeconds(schedule: Schedule): number {
  return intervalSeconds(schedule, REFERENCE);
}

/** The longest time between two runs of a schedule, jitter left out, on clocks that do not change: what an RPO must bear. */
export function longestGapSeconds({ timing }: Schedule): number {
  if (timing.kind === 'interval') return timing.everySeconds;
  if (timing.kind === 'calendar') return daysBetween(timing) * DAY;
  return longestGapOfCron(timing.expression);
}

/**
 * Within a day the minutes of the expression show it; between days the first and the last of them do, whose days are
 * found by running through the years once a day.
 */
function longestGapOfCron(expression: string): number {
  const { minutesOfDay } = parseCron(expression);
  const withinDay = minutesOfDay.slice(1).map((minute, index) => (minute - minutesOfDay[index]!) * 60);
  const [, , ...days] = expression.split(/ +/);
  const timing = { kind: 'cron', expression: ['0', '0', ...days].join(' '), timezone: 'UTC' } as const;
  const schedule = { timing, jitterSeconds: 0, timeoutSeconds: 0, missed: 'skip' } as const;
  const dates = slotsBetween(schedule, REFERENCE, new Date(REFERENCE.getTime() + PATTERN_DAYS * DAY * 1000));
  const gaps = dates.slice(1).map((date, index) => (date.getTime() - dates[index]!.getTime()) / 1000);
  const night = (minutesOfDay[0]! - minutesOfDay.at(-1)!) * 60;
  if (gaps.length === 0) return PATTERN_DAYS * DAY;
  return Math.max(...withinDay, ...gaps.map((gap) => gap + night));
}
