/** Lifecycle and retention rules of a bucket of Google Cloud Storage, as its description has them. */
import type { BucketRules } from '../common/bucket-rules.ts';

export const GCS_RULE_FIELDS = 'lifecycle,retentionPolicy';

export interface GcsBucketDescription {
  lifecycle?: {
    rule?: {
      action?: { type?: string };
      condition?: {
        age?: number;
        createdBefore?: string;
        isLive?: boolean;
        matchesPrefix?: string[];
        numNewerVersions?: number;
        daysSinceNoncurrentTime?: number;
        noncurrentTimeBefore?: string;
      };
    }[];
  };
  retentionPolicy?: { retentionPeriod?: string; isLocked?: boolean };
}

export function rulesOfGcsBucket({ lifecycle, retentionPolicy }: GcsBucketDescription): BucketRules {
  const rules: BucketRules = { deletes: [], archives: [] };
  for (const [index, { action, condition = {} }] of (lifecycle?.rule ?? []).entries()) {
    const { age, createdBefore, isLive, numNewerVersions, daysSinceNoncurrentTime, noncurrentTimeBefore } = condition;
    const isOfVersions = [numNewerVersions, daysSinceNoncurrentTime, noncurrentTimeBefore].some(Boolean);
    if (action?.type !== 'Delete' || isLive === false || isOfVersions) continue;
    const when =
      age !== undefined
        ? `after ${age} days`
        : createdBefore === undefined
          ? 'under a condition'
          : `made before ${createdBefore}`;
    for (const prefix of condition.matchesPrefix ?? [''])
      rules.deletes.push({ name: `number ${index + 1}`, prefix, when });
  }
  const seconds = Number(retentionPolicy?.retentionPeriod ?? 0);
  if (seconds > 0)
    rules.lock = { seconds, mode: retentionPolicy?.isLocked === true ? 'locked' : 'unlocked', refusesDeletion: true };
  return rules;
}
