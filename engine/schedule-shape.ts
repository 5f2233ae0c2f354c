/** What a schedule does, in a form in which two can be compared: what was asked for, and what the server describes. */
import type { ScheduleDescription, ScheduleSpec, ScheduleSpecDescription, ScheduleSummary } from '@temporalio/client';
import { encodeScheduleSpec } from '@temporalio/client/lib/schedule-helpers.js';
import { canonicalJson } from '../common/canonical-json.ts';
import { formatDuration } from '../common/durations.ts';
import { parseCron } from '../domain/cron-expression.ts';
import type { ActionSchedule } from './schedule-options.ts';

type SpecMessage = ReturnType<typeof encodeScheduleSpec>;
type Calendar = NonNullable<SpecMessage['structuredCalendar']>[number];
type Ranges = NonNullable<Calendar['minute']>;
type Seconds = { seconds?: unknown } | null | undefined;

/** In a listing the server cuts the lists of a schedule's times to so many. */
const LISTED_TIMES = 10;

/** When it starts something: of a listing, without what is cut there. */
export function timingText(spec: ScheduleSpec | ScheduleSpecDescription, { listed = false } = {}): string {
  const message = encodeScheduleSpec(spec as ScheduleSpec);
  const cut = <Item>(items: Item[] | null | undefined): Item[] =>
    (items ?? []).slice(0, listed ? LISTED_TIMES : undefined);
  const calendars = [...(message.structuredCalendar ?? []), ...(message.cronString ?? []).map(calendarOfCron)];
  return canonicalJson({
    intervals: cut(message.interval).map(({ interval, phase }) => [secondsOf(interval), secondsOf(phase)]),
    calendars: cut(calendars).map(fieldsOf),
    skip: cut(message.excludeStructuredCalendar).map(fieldsOf),
    jitter: secondsOf(message.jitter),
    start: secondsOf(message.startTime),
    end: secondsOf(message.endTime),
    timezone: message.timezoneName || 'UTC',
  });
}

/** `timingText` of what a listing shows, and of what is asked for. */
export function listedTiming({ spec }: Pick<ScheduleSummary, 'spec'>): string | undefined {
  return spec === undefined ? undefined : timingText(spec, { listed: true });
}

/** The names of what differs between a schedule and what was asked for, each with both values where they are short. */
export function differencesOf(wanted: ActionSchedule, found: ScheduleDescription): string[] {
  const { action, policies, raw } = found;
  const remaining = raw.schedule?.state?.limitedActions === true;
  const pairs: [name: string, wanted: unknown, found: unknown, show?: (value: unknown) => string][] = [
    ['its times', timingText(wanted.spec), timingText(found.spec)],
    ['its workflow', wanted.action.workflowType, action.workflowType, String],
    ['its task queue', wanted.action.taskQueue, action.taskQueue, String],
    ['the id of its runs', wanted.action.workflowId, action.workflowId, String],
    ['what its runs do', wanted.action.args, action.args],
    [
      'the time limit of its runs',
      Number(wanted.action.workflowExecutionTimeout),
      Number(action.workflowExecutionTimeout ?? 0),
      inDuration,
    ],
    ['what overlapping runs do', wanted.policies?.overlap, policies.overlap, String],
    ['its catch-up window', wanted.policies?.catchupWindow, policies.catchupWindow, inDuration],
    ['that a failure pauses it', wanted.policies?.pauseOnFailure, policies.pauseOnFailure, String],
    ['that its runs are limited in number', false, remaining, String],
  ];
  return pairs
    .filter(([, before, after]) => canonicalJson(before) !== canonicalJson(after))
    .map(([name, before, after, show]) => (show === undefined ? name : `${name} (${show(before)} → ${show(after)})`));
}

function inDuration(milliseconds: unknown): string {
  const seconds = Math.round(Number(milliseconds) / 1000);
  return seconds > 0 ? formatDuration(seconds) : 'none';
}

function secondsOf(time: Seconds): number {
  return Number(time?.seconds ?? 0);
}

/** All the numbers of each field: a range may be written in several ways. */
function fieldsOf(calendar: Calendar): Record<string, number[]> {
  const { second, minute, hour, dayOfMonth, month, year, dayOfWeek } = calendar;
  return {
    second: expand(second),
    minute: expand(minute),
    hour: expand(hour),
    dayOfMonth: expand(dayOfMonth),
    month: expand(month),
    year: expand(year),
    dayOfWeek: expand(dayOfWeek),
  };
}

function expand(ranges: Ranges | null | undefined): number[] {
  const numbers = new Set<number>();
  for (const { start, end, step } of ranges ?? []) {
    const first = start ?? 0;
    for (let number = first; number <= Math.max(first, end ?? 0); number += step || 1) numbers.add(number);
  }
  return [...numbers].sort((a, b) => a - b);
}

/** What the server makes of an expression. */
function calendarOfCron(expression: string): Calendar {
  const { minutesOfDay, daysOfMonth, months, daysOfWeek } = parseCron(expression);
  const ranges = (numbers: Iterable<number>): Ranges =>
    [...new Set(numbers)].map((start) => ({ start, end: start, step: 1 }));
  return {
    second: ranges([0]),
    minute: ranges(minutesOfDay.map((minute) => minute % 60)),
    hour: ranges(minutesOfDay.map((minute) => Math.floor(minute / 60))),
    dayOfMonth: ranges(daysOfMonth),
    month: ranges(months),
    dayOfWeek: ranges(daysOfWeek),
  };
}
