/** Cron expressions of five fields, read exactly as Temporal reads them. */
import { HoldfastError } from '../common/errors.ts';

/** When an expression is due, on a calendar and a clock. */
export interface CronTimes {
  /** Ascending, of the day: 0-1439. */
  minutesOfDay: readonly number[];
  /** 1-31. */
  daysOfMonth: ReadonlySet<number>;
  /** 1-12. */
  months: ReadonlySet<number>;
  /** 0 is Sunday. */
  daysOfWeek: ReadonlySet<number>;
}

interface Field {
  name: string;
  min: number;
  max: number;
  /** Names that begin so, with at least `shortest` letters, stand for `min`, `min + 1`, … */
  words?: { names: readonly string[]; shortest: number };
}

const MINUTE: Field = { name: 'minute', min: 0, max: 59 };
const HOUR: Field = { name: 'hour', min: 0, max: 23 };
const DAY_OF_MONTH: Field = { name: 'day of the month', min: 1, max: 31 };
const MONTH: Field = {
  name: 'month',
  min: 1,
  max: 12,
  words: {
    names: [
      'january',
      'february',
      'march',
      'april',
      'may',
      'june',
      'july',
      'august',
      'september',
      'october',
      'november',
      'december',
    ],
    shortest: 3,
  },
};
/** 7 is Sunday too. */
const DAY_OF_WEEK: Field = {
  name: 'day of the week',
  min: 0,
  max: 7,
  words: { names: ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'], shortest: 2 },
};

const parsed = new Map<string, CronTimes>();
const MAX_PARSED = 1000;

/** Minute, hour, day of the month, month, day of the week; a day must match both of its fields. Throws Usage, with the reason. */
export function parseCron(expression: string): CronTimes {
  const known = parsed.get(expression);
  if (known !== undefined) return known;
  const fields = expression.split(/ +/);
  if (fields.length !== 5) throw problem(`it has ${fields.length} fields, not 5`);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields as [string, string, string, string, string];
  const minutes = parseField(minute, MINUTE);
  const hours = parseField(hour, HOUR);
  const times: CronTimes = {
    minutesOfDay: [...hours]
      .flatMap((hour) => [...minutes].map((minute) => hour * 60 + minute))
      .toSorted((a, b) => a - b),
    daysOfMonth: parseField(dayOfMonth, DAY_OF_MONTH),
    months: parseField(month, MONTH),
    daysOfWeek: new Set([...parseField(dayOfWeek, DAY_OF_WEEK)].map((day) => day % 7)),
  };
  if (parsed.size >= MAX_PARSED) parsed.clear();
  parsed.set(expression, times);
  return times;
}

/** Of a list like `1-5/2,8`: `*`, a value, a range, each with a step; a value with a step goes on to the end. */
function parseField(text: string, field: Field): Set<number> {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const [range = '', step, ...more] = part.split('/');
    if (more.length > 0) throw problem(`"${part}" has two steps`);
    const width = step === undefined ? 1 : parseStep(step, part);
    const [from, to] = parseRange(range, step !== undefined, field);
    for (let value = from; value <= to; value += width) values.add(value);
  }
  return values;
}

function parseStep(text: string, part: string): number {
  const step = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (step === 0) throw problem(`"${part}" has a step that is no number above 0`);
  return step;
}

function parseRange(text: string, hasStep: boolean, field: Field): [number, number] {
  if (text === '*') return [field.min, field.max];
  const [first = '', last, ...more] = text.split('-');
  if (more.length > 0) throw problem(`"${text}" is no range`);
  const from = parseValue(first, field);
  if (last === undefined) return [from, hasStep ? field.max : from];
  const to = parseValue(last, field);
  if (to < from) throw problem(`the range "${text}" ends before it begins`);
  return [from, to];
}

function parseValue(text: string, { name, min, max, words }: Field): number {
  const lower = text.toLowerCase();
  const word =
    words !== undefined && lower.length >= words.shortest
      ? words.names.findIndex((known) => known.startsWith(lower))
      : -1;
  if (word >= 0) return min + word;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw problem(
    Number.isNaN(value) ? `"${text}" is no ${name}` : `the ${name} ${value} is not between ${min} and ${max}`,
  );
}

function problem(message: string): HoldfastError {
  return new HoldfastError('Usage', message, {
    hint: 'write minute, hour, day of month, month, day of week, like 30 2 * * 1-5',
  });
}
