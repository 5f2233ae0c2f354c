/** Times: intervals, local times, cron expressions, zones and dates must be ones that a calendar has. */
import { formatDuration, parseDuration } from '../common/durations.ts';
import { HoldfastError } from '../common/errors.ts';
import { suggest } from '../common/suggest.ts';
import type { DocumentPath, LoadedDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';
import type { Project } from '../schemas/types.ts';
import { BUILT_IN_CLASSES, classSettings, type ClassSettings, DEFAULT_CLASS } from './classes.ts';
import { parseCron } from './cron-expression.ts';
import { longestJitterSeconds } from './exact-calendars.ts';
import { type ProblemText, problemAt } from './located-problem.ts';
import { resolveSchedule } from './resolve-schedule.ts';
import type { CalendarTiming, CronTiming } from './schedule.ts';
import { everySeconds } from './schedule-gaps.ts';
import { nextSlot } from './schedule-slots.ts';

const DAY = 86_400;
const REFERENCE = new Date('2026-01-01T00:00:00Z');
const DATE_KEYS = ['until', 'signed', 'expires'];
/** Durations of which none at all makes no sense. */
const POSITIVE_KEYS = ['timeout', 'rpo', 'rto', 'coverWithin', 'tolerate', 'newerThan'];

export function findTimeProblems(documents: readonly LoadedDocument[]): Problem[] {
  const project = documents.find((document): document is LoadedDocument<Project> => document.kind === 'Project');
  return documents.flatMap((document) =>
    document.kind === 'PolicySet'
      ? []
      : [...blocks(document.content, [])].flatMap(([path, block]) => checkBlock(document, path, block, project)),
  );
}

type Block = Record<string, unknown>;

/** Every map of a document with its path. */
function* blocks(value: unknown, path: DocumentPath): Generator<[DocumentPath, Block]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [path, value as Block];
  const members: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  for (const [key, member] of members) if (key !== 'labels') yield* blocks(member, [...path, key]);
}

function checkBlock(
  document: LoadedDocument,
  path: DocumentPath,
  block: Block,
  project: LoadedDocument<Project> | undefined,
): Problem[] {
  const problems: Problem[] = [];
  const tell = (key: string, text: ProblemText): void => void problems.push(problemAt(document, [...path, key], text));
  for (const key of DATE_KEYS) if (typeof block[key] === 'string') checkDate(key, block[key], tell);
  for (const key of POSITIVE_KEYS) if (typeof block[key] === 'string') checkPositive(key, block[key], tell);
  if (typeof block['timezone'] === 'string') checkTimezone(block['timezone'], tell);
  if (path.at(-2) === 'times') checkPartOfDay(block, tell);
  if (path.at(-1) === 'full') checkPositive('every', String(block['every'] ?? '1d'), tell);
  else {
    const defaults = {
      every: () => defaultInterval(document, path, project),
      timezone: project?.content.spec?.timezone,
    };
    checkTiming(block, defaults, path.length === 1, tell);
  }
  return problems;
}

/** Rates of a part of the day. One that ends as it begins could mean the whole day, or nothing of it. */
function checkPartOfDay({ from, to, upload, download }: Block, tell: Tell): void {
  if (from === to) {
    const hint = 'write two times; what is to hold all day stands beside times:';
    tell('to', { code: 'time-of-day', message: 'this part of the day ends when it begins', hint });
  }
  if (upload === undefined && download === undefined) {
    const hint = 'add upload: or download:, such as upload: 2MiB/s';
    tell('from', { code: 'no-effect', part: 'key', message: 'this part of the day names no rate', hint });
  }
}

type Tell = (key: string, text: ProblemText) => void;

interface TimingDefaults {
  every(): string;
  timezone: string | undefined;
}

function checkTiming(block: Block, defaults: TimingDefaults, isSpec: boolean, tell: Tell): void {
  const { every, cron, at, day, offset, timezone } = block as Record<string, string | undefined>;
  if (typeof cron === 'string') return checkCronBlock(cron, block, timezone ?? defaults.timezone ?? 'UTC', tell);
  if (typeof every === 'string' && !checkInterval(every, tell)) return;
  // A block that says nothing of when it runs has nothing to check; its default is known only where it is a schedule.
  if (at === undefined && day === undefined && offset === undefined) {
    if (timezone !== undefined && !isSpec)
      tell('timezone', {
        code: 'no-effect',
        severity: 'warning',
        part: 'key',
        message: 'the time zone has no effect: the run has no local time',
        hint: 'add at: or cron:, or remove it',
      });
    return;
  }
  const shown = every ?? defaults.every();
  const seconds = parseDuration(shown);
  const from = every === undefined ? ' (the default)' : '';
  if (at !== undefined && seconds % DAY !== 0)
    tell('at', {
      code: 'time-of-day',
      part: 'key',
      message: `at: needs an interval of whole days, and this one is ${shown}${from}`,
      hint: 'write every: 1d, or offset: instead of at:',
    });
  else if (at !== undefined) {
    const schedule = resolveSchedule(
      { ...block, every: shown },
      { every: shown, timezone: defaults.timezone ?? 'UTC', actionId: '' },
    );
    if (schedule.timing.kind === 'calendar') checkJitter(block['jitter'], schedule.timing, tell);
  }
  if (at !== undefined && offset !== undefined)
    tell('offset', {
      code: 'time-of-day',
      part: 'key',
      message: 'at: and offset: both say when the run begins',
      hint: 'keep one of them',
    });
  if (day !== undefined && (seconds !== 7 * DAY || at === undefined)) {
    const message =
      at === undefined ? 'day: needs at:' : `day: needs an interval of 7d, and this one is ${shown}${from}`;
    tell('day', { code: 'time-of-day', part: 'key', message, hint: 'write every: 7d, at: and day: together' });
  }
  if (offset !== undefined && parseDuration(offset) >= seconds)
    tell('offset', {
      code: 'time-of-day',
      message: `the offset is not shorter than the interval of ${shown}${from}`,
      hint: `write less than ${shown}`,
    });
}

/** Near a change of clocks, and some days apart, runs at a local time are intervals to Temporal: a jitter must not reach the next. */
function checkJitter(jitter: unknown, timing: CalendarTiming | CronTiming, tell: Tell): void {
  if (typeof jitter !== 'string' || !isTimezone(timing.timezone)) return;
  const seconds = parseDuration(jitter);
  const longest = longestJitterSeconds(timing);
  if (longest === undefined || seconds <= longest) return;
  // A jitter never reaches the next run anyway.
  if (everySeconds({ timing, jitterSeconds: seconds, timeoutSeconds: 0, missed: 'skip' }) <= longest) return;
  tell('jitter', {
    code: 'interval',
    message: `where clocks change as in ${timing.timezone}, these runs can have a jitter of ${formatDuration(longest)} at most`,
    hint: `write ${formatDuration(longest)} or less, or timezone: UTC`,
  });
}

/** Whether the interval can be a schedule. */
function checkInterval(every: string, tell: Tell): boolean {
  const seconds = parseDuration(every);
  if (seconds > 0 && (seconds < DAY ? DAY % seconds === 0 : seconds % DAY === 0)) return true;
  const message =
    seconds === 0
      ? 'an interval of nothing never ends'
      : `${every} neither divides a day nor is a whole number of days`;
  tell('every', { code: 'interval', message, hint: `write ${nearestInterval(seconds)}, or cron:` });
  return false;
}

function nearestInterval(seconds: number): string {
  if (seconds >= DAY) return formatDuration(Math.round(seconds / DAY) * DAY);
  const minutes = [1, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440];
  const nearest = minutes.toSorted((a, b) => Math.abs(a * 60 - seconds) - Math.abs(b * 60 - seconds))[0] ?? 60;
  return formatDuration(nearest * 60);
}

function checkCronBlock(cron: string, block: Block, timezone: string, tell: Tell): void {
  for (const key of ['every', 'at', 'day', 'offset']) {
    if (block[key] !== undefined)
      tell(key, {
        code: 'time-of-day',
        part: 'key',
        message: `cron: and ${key}: both say when it runs`,
        hint: 'keep one of them',
      });
  }
  const wrong = cronProblem(cron);
  if (wrong !== undefined) return tell('cron', { code: 'cron', ...wrong });
  checkJitter(block['jitter'], { kind: 'cron', expression: cron, timezone }, tell);
}

function cronProblem(cron: string): { message: string; hint: string } | undefined {
  const fields = cron.split(/ +/);
  if (fields[2] !== '*' && fields[4] !== '*') {
    return {
      message: 'a cron expression with a day of the month and a day of the week means "or" to some and "and" to others',
      hint: 'restrict one of the two',
    };
  }
  try {
    parseCron(cron);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { message: `"${cron}" is not a cron expression: ${error.message}`, hint: error.hint ?? '' };
  }
  const schedule = {
    timing: { kind: 'cron', expression: cron, timezone: 'UTC' },
    jitterSeconds: 0,
    timeoutSeconds: 0,
    missed: 'skip',
  } as const;
  return nextSlot(schedule, REFERENCE) === undefined
    ? { message: `"${cron}" never comes`, hint: 'name a day that exists' }
    : undefined;
}

function checkDate(key: string, date: string, tell: Tell): void {
  const time = Date.parse(`${date}T00:00:00Z`);
  if (!Number.isNaN(time) && new Date(time).toISOString().startsWith(date)) return;
  tell(key, { code: 'date', message: `${date} is not a day of the calendar`, hint: 'correct the day' });
}

function checkPositive(key: string, duration: string, tell: Tell): void {
  if (parseDuration(duration) === 0)
    tell(key, { code: 'interval', message: `${key} of no time at all`, hint: `write a longer one, or remove ${key}` });
}

function checkTimezone(timezone: string, tell: Tell): void {
  if (isTimezone(timezone)) return;
  const meant = suggest(timezone, ['UTC', ...Intl.supportedValuesOf('timeZone')]);
  const hint = meant === undefined ? 'write an IANA name like Europe/Berlin or UTC' : `did you mean "${meant}"?`;
  tell('timezone', { code: 'timezone', message: `there is no time zone "${timezone}"`, hint });
}

/** Those that were found: asking takes long. */
const TIMEZONES = new Set(['UTC']);

function isTimezone(name: string): boolean {
  if (TIMEZONES.has(name)) return true;
  // Abbreviations such as CET are zones without the rules people expect of them; offsets have no rules at all.
  if (!/^[A-Za-z]+\/[A-Za-z0-9_+/-]+$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    TIMEZONES.add(name);
    return true;
  } catch {
    return false;
  }
}

const CLASS_KEYS: Record<string, keyof ClassSettings> = {
  sync: 'syncEvery',
  backup: 'backupEvery',
  copy: 'backupEvery',
  restoreTest: 'restoreTestEvery',
  accessCheck: 'accessCheckEvery',
};

/** The interval of a block that writes none. */
function defaultInterval(
  document: LoadedDocument,
  path: DocumentPath,
  project: LoadedDocument<Project> | undefined,
): string {
  const block = path.at(-1) === 'retention' ? 'retention' : String(path[1] ?? '');
  if (document.content.kind !== 'Policy') return document.kind === 'Repository' ? '7d' : '1d';
  const key = CLASS_KEYS[block];
  if (key === undefined) return '1d';
  const importance = document.content.spec.importance ?? DEFAULT_CLASS;
  const settings = classSettings(importance, project?.content) ?? BUILT_IN_CLASSES.normal;
  return settings[key] as string;
}
