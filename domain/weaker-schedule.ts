/** What of a schedule runs more seldom, or is made up for less. */
import { describeTiming } from './action-fields.ts';
import { longestGapSeconds } from './schedule-gaps.ts';
import type { Schedule } from './schedule.ts';

const MADE_UP: Readonly<Record<Schedule['missed'], number>> = { skip: 0, latest: 1, all: 2 };

/** Ends of sentences that begin with the action's name. */
export function weakerSchedule(before: Schedule, after: Schedule): string[] {
  const found: string[] = [];
  if (runsLessOften(before, after)) found.push(`runs less often: ${describeTiming(before)} → ${describeTiming(after)}`);
  if (MADE_UP[after.missed] < MADE_UP[before.missed])
    found.push(
      after.missed === 'skip'
        ? 'is not made up for any more when it was missed'
        : 'is made up for once, however many were missed',
    );
  return found;
}

/** Of the same expression nothing needs to be reckoned. */
function runsLessOften(before: Schedule, after: Schedule): boolean {
  if (describeTiming(before) === describeTiming(after)) return false;
  return longestGapSeconds(after) > longestGapSeconds(before);
}
