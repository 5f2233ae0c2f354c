/** restic's and borg's keep options as the rules of a policy. */
import type { KeepRules } from '../domain/action.ts';
import type { Section } from './section.ts';

const COUNTS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
const PERIODS = ['Hourly', 'Daily', 'Weekly', 'Monthly', 'Yearly'] as const;

/** restic's `keep-daily`, `keep-within-daily`, `keep-tag`, …; undefined: none is given. */
export function readResticKeep(section: Section): KeepRules | undefined {
  const keep: KeepRules = {};
  for (const name of COUNTS) readCount(section, `keep-${name}`, (count) => (keep[name] = count));
  readPeriod(section, 'keep-within', resticPeriod, (period) => (keep.within = period));
  for (const name of PERIODS)
    readPeriod(
      section,
      `keep-within-${name.toLowerCase()}`,
      resticPeriod,
      (period) => (keep[`within${name}`] = period),
    );
  const tags = section.texts('keep-tag');
  if (tags.length > 0) keep.tags = tags;
  return Object.keys(keep).length === 0 ? undefined : keep;
}

/** borgmatic's `keep_daily`, `keep_within`, …. */
export function readBorgKeep(section: Section): KeepRules | undefined {
  const keep: KeepRules = {};
  for (const name of COUNTS.slice(1)) readCount(section, `keep_${name}`, (count) => (keep[name] = count));
  readPeriod(section, 'keep_within', borgPeriod, (period) => (keep.within = period));
  section.drop(
    ['keep_secondly', 'keep_minutely', 'keep_13weekly', 'keep_3monthly'],
    'policies keep by the hour and longer, by weeks, months and years',
  );
  return Object.keys(keep).length === 0 ? undefined : keep;
}

function readCount(section: Section, key: string, set: (count: number) => void): void {
  const given = section.text(key);
  if (given === undefined) return;
  const count = given === 'unlimited' ? -1 : Number(given);
  if (Number.isInteger(count) && count >= -1) set(count);
  else section.decide(key, 'it is no count of snapshots');
}

function readPeriod(
  section: Section,
  key: string,
  convert: (text: string) => string | undefined,
  set: (period: string) => void,
): void {
  const text = section.text(key);
  if (text === undefined) return;
  const period = convert(text);
  if (period === undefined)
    section.decide(key, 'it is no period that policies know: write years, months, days and hours (1y6mo)');
  else set(period);
}

/** `1y5m7d2h`: months are `m`. */
function resticPeriod(text: string): string | undefined {
  const match = /^(?=\d)(?:(\d+)y)?(?:(\d+)m)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, years, months, weeks, days, hours] = match;
  const allDays = weeks === undefined ? days : String(Number(weeks) * 7 + Number(days ?? 0));
  return [years && `${years}y`, months && `${months}mo`, allDays && `${allDays}d`, hours && `${hours}h`].join('');
}

/** `3H`, `10d`, `2w`, `6m`, `1y`. */
function borgPeriod(text: string): string | undefined {
  const match = /^(\d+)([Hdwmy])$/.exec(text.trim());
  if (match === null) return undefined;
  const [, count = '', unit] = match;
  if (unit === 'w') return `${Number(count) * 7}d`;
  return `${count}${unit === 'H' ? 'h' : unit === 'm' ? 'mo' : unit}`;
}
