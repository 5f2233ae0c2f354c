/** Drift between policies and what a bucket does by itself: rules that delete what retention keeps, or keep what it forgets. */
import type { BucketRule, BucketRules } from '../common/bucket-rules.ts';
import { formatDuration } from '../common/durations.ts';
import type { Finding } from './finding.ts';

/** A repository or a sync's target in a bucket. */
export interface InspectedBucketPlace {
  /** `repository offsite`, `copy standby/orders`. */
  name: string;
  /** What its keys begin with; empty, or with a slash at its end. */
  prefix: string;
  /** How long rules of policies keep snapshots there at most; absent: nothing is forgotten there. */
  keepsSeconds?: number;
  rules?: BucketRules;
  /** Why they could not be read. */
  error?: { message: string; hint?: string };
}

export function findBucketDrift(places: readonly InspectedBucketPlace[]): Finding[] {
  return places.flatMap((place) => {
    const { name, prefix, rules, error } = place;
    if (rules === undefined) return error === undefined ? [] : [unread(name, error)];
    const concerns = (rule: BucketRule): boolean => rule.prefix.startsWith(prefix) || prefix.startsWith(rule.prefix);
    return [
      ...rules.deletes.filter(concerns).map((rule) => deleting(name, rule)),
      ...rules.archives.filter(concerns).map((rule) => archiving(name, rule)),
      ...locking(place, rules),
    ];
  });
}

function unread(subject: string, { message, hint }: { message: string; hint?: string }): Finding {
  return {
    code: 'drift/rules-unread',
    severity: 'notice',
    subject,
    message: `whether the bucket of the ${subject} has rules of its own is not known: ${message}`,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Old packs hold what new snapshots still need, and a copy's files are as old as their last change. */
function deleting(subject: string, { name, prefix, when }: BucketRule): Finding {
  return {
    code: 'drift/lifecycle-deletes',
    severity: 'critical',
    subject,
    message: `a lifecycle rule of its bucket (${name}, for ${prefix === '' ? 'all objects' : prefix}) deletes what is in the ${subject} ${when}, whatever the policies keep`,
    hint: 'Remove the rule, or exclude the prefix from it: retention and prune delete what is no longer needed.',
  };
}

function archiving(subject: string, { name, when, storageClass }: BucketRules['archives'][number]): Finding {
  return {
    code: 'drift/lifecycle-archives',
    severity: 'warning',
    subject,
    message: `a lifecycle rule of its bucket (${name}) moves what is in the ${subject} to ${storageClass} ${when}, where nothing can be read at once`,
    hint: 'Remove the rule: backups read what is there, and so do restore tests.',
  };
}

function locking({ name, keepsSeconds }: InspectedBucketPlace, { lock }: BucketRules): Finding[] {
  if (lock === undefined) return [];
  const { seconds, mode, refusesDeletion } = lock;
  const held = formatDuration(seconds);
  if (refusesDeletion)
    return [
      {
        code: 'drift/bucket-lock',
        severity: 'warning',
        subject: name,
        message: `the bucket of the ${name} refuses every deletion for ${held} (${mode}): locks, and what is forgotten, stay until then`,
        hint: 'Use versions with soft delete, or locks on versions, which let deletions through.',
      },
    ];
  if (keepsSeconds === undefined || seconds <= keepsSeconds) return [];
  return [
    {
      code: 'drift/lock-outlasts-retention',
      severity: 'warning',
      subject: name,
      message: `the bucket of the ${name} keeps every version for ${held} (${mode}), longer than the policies keep snapshots there (about ${formatDuration(keepsSeconds)})`,
      hint: 'Shorten the lock of the bucket, or keep snapshots as long.',
    },
  ];
}
