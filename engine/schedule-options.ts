/** Makes of an action the Temporal schedule that runs it. */
import type { CalendarSpec, ScheduleOptions } from '@temporalio/client';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import type { Action, ActionRequest } from '../domain/action.ts';
import { localIntervals, type LocalIntervals } from '../domain/exact-calendars.ts';
import { resumesAt } from '../domain/expected-runs.ts';
import { MAIN_TASK_QUEUE, WORKFLOW_TYPES } from '../domain/routing.ts';
import type { Schedule, Weekday } from '../domain/schedule.ts';
import { catchupSeconds } from '../domain/slot-of-run.ts';
import { searchAttributesOf } from './search-attributes.ts';

/**
 * A run ends itself when its time is over; the server ends it this much later, should nothing do so: with overlap
 * skipped, a run that hangs would keep all others from starting. A day leaves time for a worker to come back and record.
 */
const LAST_RESORT_SECONDS = 24 * 3600;

export type ActionSchedule = ScheduleOptions & { action: { type: 'startWorkflow' } };

export function executionTimeoutSeconds(action: Action): number {
  return action.schedule.timeoutSeconds + LAST_RESORT_SECONDS;
}

/** The schedule as it is created; an update keeps the state that an operator gave it. */
export function scheduleOptionsFor(request: ActionRequest): ActionSchedule {
  const { action } = request;
  const searchAttributes = searchAttributesOf(request);
  return {
    scheduleId: action.id,
    spec: {
      ...timingOf(action.schedule),
      jitter: action.schedule.jitterSeconds * 1000,
      // Not a pause, which nobody would end on the day: the server skips the slots before.
      startAt: resumesAt(action),
    },
    policies: {
      // Who wants every missed run has them one after another; skipping would leave only the oldest.
      overlap: action.schedule.missed === 'all' ? ScheduleOverlapPolicy.BUFFER_ALL : ScheduleOverlapPolicy.SKIP,
      catchupWindow: catchupSeconds(action.schedule) * 1000,
      pauseOnFailure: false,
    },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOW_TYPES[action.kind],
      workflowId: action.id,
      taskQueue: MAIN_TASK_QUEUE,
      args: [request],
      workflowExecutionTimeout: executionTimeoutSeconds(action) * 1000,
      typedSearchAttributes: searchAttributes,
      staticSummary: `${action.kind} of ${action.policy ?? action.target} (${action.target})`,
    },
    typedSearchAttributes: searchAttributes,
    state: stateOf(request),
  };
}

/** Notes that start so are holdfast's own: any other pause is an operator's. */
export const SUSPENDED_NOTE = 'suspended by policy: ';

/** A suspension without an end is a pause. */
function stateOf({ action, commit }: ActionRequest): { paused: boolean; note?: string } {
  if (action.suspended === undefined) return { paused: false };
  const { reason, until } = action.suspended;
  const end = until === undefined ? '' : ` until ${until}`;
  return { paused: resumesAt(action) === undefined, note: `${SUSPENDED_NOTE}${reason}${end}${sourceOf(commit)}` };
}

/** Who wrote what is in force: ` (commit 1a2b3c4d5e6f of Alice <alice@acme.example>)`. */
function sourceOf({ hash, author, dirty }: ActionRequest['commit']): string {
  if (hash === undefined) return '';
  return ` (commit ${hash.slice(0, 12)}${author === undefined ? '' : ` of ${author}`}${dirty ? ', with uncommitted changes' : ''})`;
}

const DAYS: Record<Weekday, 'SUNDAY' | 'MONDAY' | 'TUESDAY' | 'WEDNESDAY' | 'THURSDAY' | 'FRIDAY' | 'SATURDAY'> = {
  sunday: 'SUNDAY',
  monday: 'MONDAY',
  tuesday: 'TUESDAY',
  wednesday: 'WEDNESDAY',
  thursday: 'THURSDAY',
  friday: 'FRIDAY',
  saturday: 'SATURDAY',
};

const MONTHS = [
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
] as const;

function timingOf({ timing }: Schedule): ScheduleOptions['spec'] {
  if (timing.kind === 'interval')
    return { intervals: [{ every: timing.everySeconds * 1000, offset: timing.offsetSeconds * 1000 }] };
  const { timezone } = timing;
  const intervals = localIntervals(timing);
  if (intervals !== undefined) return { ...specOf(intervals), timezone };
  if (timing.kind === 'cron') return { cronExpressions: [timing.expression], timezone };
  const { hour, minute, day } = timing;
  return { calendars: [{ hour, minute, ...(day === undefined ? {} : { dayOfWeek: DAYS[day] }) }], timezone };
}

/** The times of the intervals, but those at which a clock of the zone shows something else than it should. */
function specOf({ everySeconds, phasesSeconds, ...shown }: LocalIntervals): Omit<ScheduleOptions['spec'], 'timezone'> {
  const comment = 'at other times on the clocks of the time zone';
  const anyTime = { hour: '*', minute: '*', second: '*', comment } as const;
  const { minutes, hours, daysOfMonth, months, daysOfWeek } = shown;
  const skip: CalendarSpec[] = [
    { ...anyTime, minute: allBut(minutes, 0, 59) },
    ...(hours.size === 24 ? [] : [{ ...anyTime, hour: allBut(hours, 0, 23) }]),
    ...(daysOfMonth === undefined ? [] : [{ ...anyTime, dayOfMonth: allBut(daysOfMonth, 1, 31) }]),
    ...(months === undefined ? [] : [{ ...anyTime, month: allBut(months, 1, 12).map((month) => MONTHS[month - 1]!) }]),
    ...(daysOfWeek === undefined
      ? []
      : [{ ...anyTime, dayOfWeek: allBut(daysOfWeek, 0, 6).map((day) => Object.values(DAYS)[day]!) }]),
  ];
  return {
    intervals: phasesSeconds.map((phase) => ({ every: everySeconds * 1000, offset: phase * 1000 })),
    // An empty list would stand for all.
    skip: skip.filter((calendar) =>
      Object.values(calendar).every((field) => !Array.isArray(field) || field.length > 0),
    ),
  };
}

function allBut(numbers: ReadonlySet<number>, first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index).filter((number) => !numbers.has(number));
}
