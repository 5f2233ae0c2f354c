/** How long keep rules keep, about: for comparing with locks and agreements. */
import { parseRetentionPeriod } from '../common/retention-period.ts';
import type { KeepRules } from './action.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
const BUCKET_SECONDS = { hourly: HOUR, daily: DAY, weekly: 7 * DAY, monthly: 30 * DAY, yearly: 365 * DAY } as const;
const PERIODS = ['within', 'withinHourly', 'withinDaily', 'withinWeekly', 'withinMonthly', 'withinYearly'] as const;

/** The greatest age that a snapshot reaches; Infinity where a rule keeps for ever. A month counts as 30 days, a year as 365. */
export function retentionSpanSeconds(keep: KeepRules, maxAge: string | undefined, backupEverySeconds: number): number {
  const counts = Object.entries(BUCKET_SECONDS).map(([rule, seconds]) =>
    spanOf(keep[rule as keyof typeof BUCKET_SECONDS], seconds),
  );
  const periods = PERIODS.map((rule) => (keep[rule] === undefined ? 0 : periodSeconds(keep[rule])));
  const tagged = keep.tags === undefined ? 0 : Infinity;
  const longest = Math.max(spanOf(keep.last, backupEverySeconds), tagged, ...counts, ...periods);
  return maxAge === undefined ? longest : Math.min(longest, periodSeconds(maxAge));
}

function spanOf(count: number | undefined, seconds: number): number {
  return count === -1 ? Infinity : (count ?? 0) * seconds;
}

/** About how long a retention period is, in seconds. */
export function periodSeconds(text: string): number {
  const { years, months, days, hours } = parseRetentionPeriod(text);
  return (years * 365 + months * 30 + days) * DAY + hours * HOUR;
}

/** Whether rules would keep no snapshot at all. */
export function keepsNothing(keep: KeepRules): boolean {
  return retentionSpanSeconds(keep, undefined, 1) === 0;
}
