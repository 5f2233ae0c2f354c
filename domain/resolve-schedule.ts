/** Turns what a policy writes about time (`every`, `at`, `day`, `offset`, `cron` …) into a Schedule. */
import { parseDuration } from '../common/durations.ts';
import { everySeconds } from './schedule-gaps.ts';
import { spread } from './turns.ts';
import type { Schedule, Timing, Weekday } from './schedule.ts';

/** The keys of time that every scheduled block of the language has. */
export interface ScheduleBlock {
  every?: string;
  at?: string;
  day?: Weekday;
  offset?: string;
  cron?: string;
  timezone?: string;
  jitter?: string;
  timeout?: string;
  missed?: 'latest' | 'skip' | 'all';
  disabled?: { reason: string; until?: string };
}

export interface ScheduleDefaults {
  /** Interval when the block writes neither `every` nor `cron`. */
  every: string;
  timezone: string;
  /** What the spreading hashes: the action's id. */
  actionId: string;
}

const DAY = 86_400;
const WEEK = 7 * DAY;
const SHORTEST_TIMEOUT = 3600;
const LONGEST_TIMEOUT = DAY;
const WEEKDAYS: readonly Weekday[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

/**
 * The schedule of a block. A run without `at` and `offset` is spread over its interval by a hash of the action's id, on
 * whole minutes where the interval has an hour or more. The timeout is the interval, at least 1h and at most 24h.
 */
export function resolveSchedule(block: ScheduleBlock, defaults: ScheduleDefaults): Schedule {
  const schedule: Schedule = {
    timing: resolveTiming(block, defaults),
    jitterSeconds: parseDuration(block.jitter ?? '0s'),
    timeoutSeconds: 0,
    missed: block.missed ?? 'latest',
  };
  schedule.timeoutSeconds =
    block.timeout === undefined
      ? Math.min(LONGEST_TIMEOUT, Math.max(SHORTEST_TIMEOUT, everySeconds(schedule)))
      : parseDuration(block.timeout);
  return schedule;
}

function resolveTiming(block: ScheduleBlock, defaults: ScheduleDefaults): Timing {
  const timezone = block.timezone ?? defaults.timezone;
  if (block.cron !== undefined) return { kind: 'cron', expression: block.cron, timezone };
  const every = parseDuration(block.every ?? defaults.every);
  if (block.at !== undefined) return timingAt(every, block.at, block.day, timezone, defaults.actionId);
  const offsetSeconds =
    block.offset === undefined ? spreadOffset(every, defaults.actionId) : parseDuration(block.offset);
  return { kind: 'interval', everySeconds: every, offsetSeconds };
}

function spreadOffset(every: number, actionId: string): number {
  const offset = Math.floor(spread(actionId) * every);
  return every >= 3600 ? offset - (offset % 60) : offset;
}

/** Runs at a local time: each day, each week on a day that is written or, else, spread; or every so many days, spread. */
function timingAt(every: number, at: string, day: Weekday | undefined, timezone: string, actionId: string): Timing {
  const [hour = 0, minute = 0] = at.split(':').map(Number);
  const daily: Timing = { kind: 'calendar', hour, minute, timezone };
  if (every === DAY) return daily;
  if (every === WEEK) return { ...daily, day: day ?? WEEKDAYS[Math.floor(spread(actionId) * 7)]! };
  const days = every / DAY;
  return { ...daily, days: { every: days, turn: Math.floor(spread(actionId) * days) } };
}
