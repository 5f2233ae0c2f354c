/**
 * What stays in force of a policy whose document is gone, when it said `onDelete: expire`: the retention of its snapshots,
 * by rules that count back from now, until none is left. Nothing else of it runs, and nothing of others is touched.
 */
import { canonicalJson } from '../common/canonical-json.ts';
import type { Action, KeepRules, RepositorySettings, RetentionSettings } from './action.ts';
import type { ActionDraft } from './action-draft.ts';
import { longestGapSeconds } from './schedule-gaps.ts';

export interface PresentPolicies {
  /** Names of the policies there are, and their former names: what has one of them belongs to somebody. */
  policyNames: ReadonlySet<string>;
  /** Those of the policies: what is in others can no longer be reached, and stays. */
  repositories: readonly RepositorySettings[];
}

/**
 * The actions that go on for policies that are removed, from those in force before: what the document said when it was
 * last applied counts. `digest`: SHA-256 in hex.
 */
export function expiringActions(
  before: readonly Action[],
  { policyNames, repositories }: PresentPolicies,
  digest: (text: string) => string,
): Action[] {
  return before.flatMap((old): Action[] => {
    const { settings, policy } = old;
    if (settings.kind !== 'retention' || policy === undefined || policyNames.has(policy)) return [];
    if (settings.onDelete !== 'expire' && settings.expiring !== true) return [];
    const repository = repositories.find(({ name }) => name === settings.repository.name);
    if (repository === undefined) return [];
    const host = repository.location.local?.host;
    const draft: ActionDraft = {
      id: old.id,
      kind: 'retention',
      policy,
      target: old.target,
      ...(old.importance === undefined ? {} : { importance: old.importance }),
      schedule: old.schedule,
      settings: {
        kind: 'retention',
        repository,
        policyNames: settings.policyNames.filter((name) => !policyNames.has(name)),
        rules: settings.expiring === true ? settings.rules : ageingRules(settings, writeInterval(old, before)),
        ...(settings.hold === undefined ? {} : { hold: settings.hold }),
        expiring: true,
      },
      ...(host === undefined ? {} : { host }),
      offlineToleranceSeconds: old.offlineToleranceSeconds,
    };
    return [{ ...draft, digest: digest(canonicalJson(draft)) }];
  });
}

/** Whether the document of an action in force is gone. */
export function isExpiring({ settings }: Action): boolean {
  return settings.kind === 'retention' && settings.expiring === true;
}

/** How far apart the snapshots were that came to the place of a retention. */
function writeInterval({ id }: Action, before: readonly Action[]): number {
  const writers = ['/backup/', '/copy/'].map((writer) => id.replace('/retention/', writer));
  const schedules = before.filter((action) => writers.includes(action.id)).map(({ schedule }) => schedule);
  return Math.max(0, ...schedules.map(longestGapSeconds));
}

/**
 * The same rules as periods: `daily: 7` kept the days of a week as long as backups went on, and keeps those of the last
 * seven days now. What has no end stays without one: `-1`, and tags. No proof is spared for ever.
 */
function ageingRules({ rules }: RetentionSettings, intervalSeconds: number): RetentionSettings['rules'] {
  const { last = 0, hourly, daily, weekly, monthly, yearly, ...rest } = rules.keep;
  const keep: KeepRules = { ...rest };
  const counts = [
    ['hourly', 'withinHourly', hourly, 'h', 1],
    ['daily', 'withinDaily', daily, 'd', 1],
    ['weekly', 'withinWeekly', weekly, 'd', 7],
    ['monthly', 'withinMonthly', monthly, 'mo', 1],
    ['yearly', 'withinYearly', yearly, 'y', 1],
  ] as const;
  for (const [count, period, value = 0, unit, length] of counts) {
    if (value === -1) keep[count] = -1;
    // A rule that counts and one that has a period already would be two periods: the one written stays.
    else if (value > 0) keep[period] ??= `${value * length}${unit}`;
  }
  if (last === -1) keep.last = -1;
  else if (last > 0) keep.within ??= `${Math.max(1, Math.ceil((last * intervalSeconds) / 3600))}h`;
  return { ...rules, keep, proven: 0 };
}
