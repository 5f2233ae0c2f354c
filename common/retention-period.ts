/** Retention periods (`1y6mo`, `30d`, `48h`): calendar lengths as restic counts them, with `mo` for months. */
import { HoldfastError } from './errors.ts';

/** Counted on a calendar, not in seconds: a month is as long as the month it falls on. */
export interface RetentionPeriod {
  years: number;
  months: number;
  days: number;
  hours: number;
}

const UNITS = { y: 'years', mo: 'months', d: 'days', h: 'hours' } as const;

/** Parses numbers with the units y, mo, d and h, each at most once, in any order. Throws InvalidPolicy for anything else. */
export function parseRetentionPeriod(text: string): RetentionPeriod {
  const period: RetentionPeriod = { years: 0, months: 0, days: 0, hours: 0 };
  const seen = new Set<string>();
  let rest = text.trim();
  do {
    const match = /^(\d{1,6})(y|mo|d|h)(?![a-z])/.exec(rest);
    const unit = match?.[2] as keyof typeof UNITS | undefined;
    if (match === null || unit === undefined || seen.has(unit)) throw invalid(text);
    period[UNITS[unit]] = Number(match[1]);
    seen.add(unit);
    rest = rest.slice(match[0].length);
  } while (rest !== '');
  return period;
}

function invalid(text: string): HoldfastError {
  const hint = /\dm(?!o)/.test(text)
    ? 'A bare "m" could mean minutes or months: write months as "mo", as in 1y6mo.'
    : 'Write numbers with y, mo, d or h, as in 1y6mo, 30d or 48h.';
  return new HoldfastError('InvalidPolicy', `"${text}" is not a retention period`, { hint });
}
