/** restic's keep rules on one group of snapshots: which are kept, and by which rules (`internal/data/snapshot_policy.go`). */
import { parseRetentionPeriod, type RetentionPeriod } from '../common/retention-period.ts';
import { HoldfastError } from '../common/errors.ts';
import type { KeepRules } from './action.ts';
import { before, localCalendar, type LocalCalendar, type SnapshotTime } from './snapshot-time.ts';

/** A snapshot as the rules see it. */
export interface DatedSnapshot {
  /** The instant counts for ages and order, the zone for buckets. */
  time: SnapshotTime;
  tags: readonly string[];
  /** Of `time`, where the same snapshot is looked at many times. */
  calendar?: LocalCalendar;
}

/** A stretch of time of which the newest snapshot is kept. */
interface Bucket {
  /** Equal for snapshots of the same stretch; `position` is the snapshot's place, newest first. */
  keyOf: (calendar: LocalCalendar, position: number) => number;
  lastKey: number;
}

interface CountedBucket extends Bucket {
  reason: string;
  /** How many more may be kept; -1: all. */
  remaining: number;
}

interface PeriodBucket extends Bucket {
  reason: string;
  threshold: SnapshotTime | undefined;
}

const byHour = (at: LocalCalendar): number => ((at.year * 100 + at.month) * 100 + at.day) * 100 + at.hour;
const byDay = (at: LocalCalendar): number => (at.year * 100 + at.month) * 100 + at.day;
const byWeek = (at: LocalCalendar): number => at.isoYear * 100 + at.isoWeek;
const byMonth = (at: LocalCalendar): number => at.year * 100 + at.month;
const byYear = (at: LocalCalendar): number => at.year;
const byItself = (_at: LocalCalendar, position: number): number => position;

/** Whether the rules say nothing at all: then nothing is forgotten. */
export function hasNoRules(keep: KeepRules): boolean {
  return (
    countedBuckets(keep).length === 0 &&
    periodBuckets(keep, undefined).length === 0 &&
    parsePeriod(keep.within) === undefined &&
    tagLists(keep).length === 0
  );
}

/**
 * Why each snapshot is kept, in restic's words; an empty list: no rule keeps it. `group` is ordered newest first, and so
 * is the answer. Periods count back from the newest snapshot that is not in the future of `now`, or with `fromNow` from `now` itself. The oldest snapshot of
 * all is kept while a rule has counts left, so that history reaches as far back as it can.
 */
export function applyKeepRules(
  group: readonly DatedSnapshot[],
  keep: KeepRules,
  now: SnapshotTime,
  fromNow = false,
): string[][] {
  const newest = fromNow ? now : group.find(({ time }) => time.epochNanoseconds < now.epochNanoseconds)?.time;
  const counted = countedBuckets(keep);
  const within = periodBuckets(keep, newest);
  const always = parsePeriod(keep.within);
  const alwaysThreshold = always && newest && before(newest, always);
  const alwaysReason = always === undefined ? '' : `within ${formatPeriod(always)}`;
  const tags = tagLists(keep).map((list) => ({ list, reason: `has tags [${list.join(', ')}]` }));
  return group.map((snapshot, position) => {
    const calendar = snapshot.calendar ?? localCalendar(snapshot.time);
    const isOldest = position === group.length - 1;
    const reasons: string[] = [];
    for (const { list, reason } of tags) if (hasTags(snapshot.tags, list)) reasons.push(reason);
    if (always && isAfter(snapshot.time, alwaysThreshold)) reasons.push(alwaysReason);
    for (const bucket of counted) {
      if (bucket.remaining === 0) continue;
      const place = take(bucket, calendar, position, isOldest);
      if (place === undefined) continue;
      if (bucket.remaining > 0) bucket.remaining--;
      reasons.push(place === '' ? bucket.reason : place + bucket.reason);
    }
    for (const bucket of within) {
      if (!isAfter(snapshot.time, bucket.threshold)) continue;
      const place = take(bucket, calendar, position, isOldest);
      if (place !== undefined) reasons.push(place === '' ? bucket.reason : place + bucket.reason);
    }
    return reasons;
  });
}

/** Whether the bucket takes the snapshot: the first of a new stretch of time, or the oldest of all. */
function take(
  bucket: Bucket,
  calendar: LocalCalendar,
  position: number,
  isOldest: boolean,
): '' | 'oldest ' | undefined {
  const key = bucket.keyOf(calendar, position);
  if (key === bucket.lastKey) return isOldest ? 'oldest ' : undefined;
  bucket.lastKey = key;
  return '';
}

function countedBuckets(keep: KeepRules): CountedBucket[] {
  const rules: [string, number | undefined, Bucket['keyOf']][] = [
    ['last', keep.last, byItself],
    ['hourly', keep.hourly, byHour],
    ['daily', keep.daily, byDay],
    ['weekly', keep.weekly, byWeek],
    ['monthly', keep.monthly, byMonth],
    ['yearly', keep.yearly, byYear],
  ];
  return rules.flatMap(([name, count, keyOf]) => {
    if (count === undefined || count === 0) return [];
    if (!Number.isInteger(count) || count < -1) {
      throw new HoldfastError('Usage', `the keep rule "${name}" has the count ${count}`, {
        hint: 'Give a whole number of snapshots, 0 for none, or -1 for all.',
      });
    }
    return [{ reason: `${name} snapshot`, remaining: count, keyOf, lastKey: -1 }];
  });
}

function periodBuckets(keep: KeepRules, newest: SnapshotTime | undefined): PeriodBucket[] {
  const rules: [string, string | undefined, Bucket['keyOf']][] = [
    ['hourly', keep.withinHourly, byHour],
    ['daily', keep.withinDaily, byDay],
    ['weekly', keep.withinWeekly, byWeek],
    ['monthly', keep.withinMonthly, byMonth],
    ['yearly', keep.withinYearly, byYear],
  ];
  return rules.flatMap(([name, text, keyOf]) => {
    const period = parsePeriod(text);
    if (period === undefined) return [];
    const reason = `${name} within ${formatPeriod(period)}`;
    return [{ reason, threshold: newest && before(newest, period), keyOf, lastKey: -1 }];
  });
}

/** Undefined for an absent period and for one of length zero, which restic ignores. */
function parsePeriod(text: string | undefined): RetentionPeriod | undefined {
  if (text === undefined) return undefined;
  const period = parseRetentionPeriod(text);
  return period.years || period.months || period.days || period.hours ? period : undefined;
}

function formatPeriod(period: RetentionPeriod): string {
  const parts: [number, string][] = [
    [period.years, 'y'],
    [period.months, 'mo'],
    [period.days, 'd'],
    [period.hours, 'h'],
  ];
  return parts.flatMap(([count, unit]) => (count === 0 ? [] : [`${count}${unit}`])).join('');
}

/** Without a threshold (every snapshot lies in the future) everything is recent. */
function isAfter(time: SnapshotTime, threshold: SnapshotTime | undefined): boolean {
  return threshold === undefined || time.epochNanoseconds > threshold.epochNanoseconds;
}

/** Each entry is a list joined by commas, all of which a snapshot must have; an empty tag means that it has none. */
function tagLists(keep: KeepRules): string[][] {
  return (keep.tags ?? []).map((entry) => entry.split(',').map((tag) => tag.trim()));
}

function hasTags(tags: readonly string[], wanted: readonly string[]): boolean {
  for (const tag of wanted) {
    if (tag === '' && tags.length === 0) return true;
    if (!tags.includes(tag)) return false;
  }
  return true;
}
