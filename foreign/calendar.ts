/** When the other programs run: calendar events of systemd and cron expressions, as schedules of policies. */
import type { ScheduleBlock } from '../domain/resolve-schedule.ts';

/** Absent fields are any. */
interface Calendar {
  /** 0 (Sunday) to 6. */
  weekdays?: number[];
  months?: number[];
  days?: number[];
  hours?: number[];
  minutes?: number[];
}

const FIELDS = ['minutes', 'hours', 'days', 'months', 'weekdays'] as const;
type Field = (typeof FIELDS)[number];

const RANGES: Record<Field, [number, number]> = {
  minutes: [0, 59],
  hours: [0, 23],
  days: [1, 31],
  months: [1, 12],
  weekdays: [0, 6],
};

const WORDS: Record<string, string> = {
  minutely: '*:*',
  hourly: '*:00',
  daily: '00:00',
  weekly: 'Mon 00:00',
  monthly: '*-01 00:00',
  quarterly: '01,04,07,10-01 00:00',
  semiannually: '01,07-01 00:00',
  yearly: '01-01 00:00',
  annually: '01-01 00:00',
};

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

/**
 * The schedule of calendar events (`Mon..Fri *:00,30`, `daily`, `*-*-1`), read in `timezone`. Of several, one that has all
 * their times. undefined: a policy cannot say this.
 */
export function scheduleOfEvents(events: readonly string[], timezone: string): ScheduleBlock | undefined {
  const calendars = events.map(parseEvent);
  if (calendars.length === 0 || calendars.includes(undefined)) return undefined;
  const union = (calendars as Calendar[]).reduce<Calendar | undefined>(
    (all, next) => all && unite(all, next),
    calendars[0],
  );
  return union && scheduleOf(union, timezone);
}

const CRON_WORDS: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

/** undefined for what has not five fields. */
export function scheduleOfCron(text: string, timezone: string): ScheduleBlock | undefined {
  const expression = (CRON_WORDS[text.trim()] ?? text).trim().replaceAll(/\s+/g, ' ');
  if (!/^[\dA-Za-z*,/-]+( [\dA-Za-z*,/-]+){4}$/.test(expression)) return undefined;
  const [minute = '', hour = '', ...rest] = expression.split(' ');
  if (/^\d+$/.test(minute) && /^\d+$/.test(hour) && rest.join(' ') === '* * *')
    return { every: '1d', at: clock(Number(hour), Number(minute)), timezone };
  return { cron: expression, timezone };
}

function parseEvent(text: string): Calendar | undefined {
  const words = (WORDS[text.trim().toLowerCase()] ?? text.trim()).split(/\s+/);
  const calendar: Calendar = {};
  let hasTime = false;
  for (const word of words) {
    const isDone =
      (/^[A-Za-z]{3,}/.test(word) && readWeekdays(word, calendar)) ||
      (word.includes(':') && (hasTime = readTime(word, calendar))) ||
      (word.includes('-') && readDate(word, calendar));
    if (!isDone) return undefined;
  }
  if (!hasTime) Object.assign(calendar, { hours: [0], minutes: [0] });
  return calendar;
}

function readWeekdays(word: string, calendar: Calendar): boolean {
  const days = new Set<number>();
  for (const part of word.split(',')) {
    if (part === '') continue;
    const [from, to] = part
      .split('..')
      .map((name) => WEEKDAYS.findIndex((day) => day.startsWith(name.slice(0, 3).toLowerCase())));
    if (from === undefined || from === -1 || to === -1) return false;
    for (let day = from; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === (to ?? from)) break;
    }
  }
  if (days.size < 7) calendar.weekdays = [...days].sort((a, b) => a - b);
  return true;
}

function readTime(word: string, calendar: Calendar): boolean {
  const [hours = '', minutes = '', seconds = '0', ...more] = word.split(':');
  // Runs begin with the minute.
  if (more.length > 0 || !/^0+(\.0+)?$/.test(seconds)) return false;
  return readField('hours', hours, calendar) && readField('minutes', minutes, calendar);
}

function readDate(word: string, calendar: Calendar): boolean {
  const parts = word.split('-');
  const [days = '', months = '*', years = '*'] = parts.toReversed();
  if (parts.length > 3 || years !== '*') return false;
  return readField('months', months, calendar) && readField('days', days, calendar);
}

/** `*`, `1,2`, `1..5`, `0/15`. */
function readField(field: Field, text: string, calendar: Calendar): boolean {
  const [low, high] = RANGES[field];
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(?:(\*)|(\d{1,2})(?:\.\.(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
    if (match === null) return false;
    const [, any, from, to, step] = match;
    const first = any === undefined ? Number(from) : low;
    const last = to !== undefined ? Number(to) : any !== undefined || step !== undefined ? high : first;
    if (first < low || last > high || step === '0') return false;
    for (let value = first; value <= last; value += Number(step ?? 1)) values.add(value);
  }
  if (values.size <= high - low) calendar[field] = [...values].sort((a, b) => a - b);
  return values.size > 0;
}

/** Times of both, where they differ in one field at most: else there would be more. */
function unite(a: Calendar, b: Calendar): Calendar | undefined {
  const different = FIELDS.filter((field) => String(a[field]) !== String(b[field]));
  const [field] = different;
  if (field === undefined) return a;
  if (different.length > 1) return undefined;
  const [mine, theirs] = [a[field], b[field]];
  const { [field]: _, ...rest } = a;
  return mine === undefined || theirs === undefined
    ? rest
    : { ...rest, [field]: [...new Set([...mine, ...theirs])].sort((x, y) => x - y) };
}

function scheduleOf(calendar: Calendar, timezone: string): ScheduleBlock | undefined {
  const { weekdays, months, days, hours, minutes } = calendar;
  // systemd wants both to hold, cron one of them.
  if (weekdays !== undefined && days !== undefined) return undefined;
  const isOneTime = hours?.length === 1 && minutes?.length === 1 && months === undefined && days === undefined;
  if (isOneTime) {
    const at = clock(hours[0]!, minutes[0]!);
    if (weekdays === undefined) return { every: '1d', at, timezone };
    if (weekdays.length === 1) return { every: '7d', day: WEEKDAYS[weekdays[0]!]!, at, timezone };
  }
  return { cron: FIELDS.map((field) => calendar[field]?.join(',') ?? '*').join(' '), timezone };
}

function clock(hour: number, minute: number): string {
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}
