/** What retention rules keep for less long, or forget more freely. */
import type { Hold, KeepRules, RetentionRules, RetentionSettings } from './action.ts';
import { hasNoRules } from './keep-rules.ts';
import { periodSeconds } from './retention-span.ts';

const COUNTS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
const PERIODS = ['within', 'withinHourly', 'withinDaily', 'withinWeekly', 'withinMonthly', 'withinYearly'] as const;

/** Rule by rule, as a person compares them: that another rule happens to keep the same is not reckoned. */
export function* weakerRetention(before: RetentionSettings, after: RetentionSettings): Generator<string> {
  if (after.expiring === true) {
    if (before.expiring !== true) yield 'goes on until nothing is left, as the policy is removed with onDelete: expire';
    return;
  }
  // A policy that comes back takes over what was ageing out.
  if (before.expiring === true) return;
  yield* weakerKeep(before.rules.keep, after.rules.keep);
  yield* weakerLimits(before.rules, after.rules);
  yield* weakerHold(before.hold, after.hold);
}

function* weakerKeep(before: KeepRules, after: KeepRules): Generator<string> {
  // Without any rule nothing is forgotten.
  if (hasNoRules(after)) return;
  if (hasNoRules(before)) return yield 'forgets by rules what was all kept';
  for (const rule of COUNTS)
    if (countOf(after[rule]) < countOf(before[rule])) yield keepsLess(rule, before[rule], after[rule]);
  for (const rule of PERIODS)
    if (lengthOf(after[rule]) < lengthOf(before[rule])) yield keepsLess(rule, before[rule], after[rule]);
  for (const tags of before.tags ?? [])
    if (!after.tags?.includes(tags)) yield `does not keep snapshots with the tags "${tags}" for that any more`;
}

function keepsLess(rule: string, before: number | string | undefined, after: number | string | undefined): string {
  const inWords = (value: number | string | undefined) => (value === -1 ? 'all' : (value ?? 'none'));
  return `keeps less: ${rule} ${inWords(before)} → ${inWords(after)}`;
}

function countOf(count: number | undefined): number {
  return count === -1 ? Infinity : (count ?? 0);
}

function lengthOf(period: string | undefined): number {
  return period === undefined ? 0 : periodSeconds(period);
}

function* weakerLimits(before: RetentionRules, after: RetentionRules): Generator<string> {
  if (after.proven < before.proven) yield `spares fewer proven snapshots: ${before.proven} → ${after.proven}`;
  if (after.maxForgetShare > before.maxForgetShare)
    yield `may forget more in one run: ${share(before.maxForgetShare)} → ${share(after.maxForgetShare)}`;
  if (
    after.maxAge !== undefined &&
    lengthOf(after.maxAge) < (before.maxAge === undefined ? Infinity : lengthOf(before.maxAge))
  )
    yield `forgets whatever is older than ${after.maxAge}${before.maxAge === undefined ? '' : `, not ${before.maxAge}`}`;
}

function share(value: number): string {
  return `${Math.round(value * 10_000) / 100}%`;
}

function* weakerHold(before: Hold | undefined, after: Hold | undefined): Generator<string> {
  if (before === undefined) return;
  if (after === undefined) yield `is not held until ${before.until} any more (${before.reason})`;
  else if (Date.parse(after.until) < Date.parse(before.until))
    yield `is held until ${after.until} only, not ${before.until}`;
}
