/** Which snapshots stay and which go, each with its reasons: a hold, the maximum age, proofs, then restic's keep rules. */
import { parseRetentionPeriod } from '../common/retention-period.ts';
import { HoldfastError } from '../common/errors.ts';
import type { Hold, RetentionRules } from './action.ts';
import { applyKeepRules, hasNoRules } from './keep-rules.ts';
import { before, fromDate, parseSnapshotTime, type SnapshotTime } from './snapshot-time.ts';
import type { Snapshot } from './snapshot.ts';

/** A restore test that passed: its run record is the snapshot's proof. */
export interface SnapshotProof {
  snapshotId: string;
  /** The workflow id and the run id of the test: runs by hand share the former. */
  run: string;
  /** When it passed, ISO 8601. */
  provenAt: string;
}

export interface ForgetDecision {
  snapshot: Snapshot;
  keep: boolean;
  /** Never empty: why it stays, or why it goes. */
  reasons: string[];
}

export interface ForgetPlan {
  /** Every snapshot once, newest first. */
  decisions: ForgetDecision[];
  /** The same, newest first, parted. */
  kept: ForgetDecision[];
  forgotten: ForgetDecision[];
  /** Of all snapshots, 0-1; 0 when there are none. */
  forgottenShare: number;
  /** More would go than `rules.maxForgetShare` lets one run forget: whoever executes must refuse without an approval. */
  exceedsMaxForget: boolean;
}

export interface PlanForgetOptions {
  /** In force before its date: nothing is forgotten. */
  hold?: Hold;
  /**
   * When the run that made a snapshot was recorded, by snapshot id. Where given it counts for ages and order, because a
   * source's clock may lie; the zone stays the snapshot's own.
   */
  recordedAt?: ReadonlyMap<string, Date>;
  /** Periods count back from now, not from the newest snapshot: nothing new comes, and everything ages out. */
  expiring?: boolean;
}

interface Candidate {
  snapshot: Snapshot;
  time: SnapshotTime;
  tags: readonly string[];
}

/**
 * Plans what to forget of one group of snapshots (`groupSnapshots` makes groups as restic does). Rank: a hold keeps all;
 * what is older than `maxAge` goes; the newest `rules.proven` proven snapshots stay; then the keep rules decide, with
 * restic's meaning. Without any keep rule nothing is forgotten but what is too old.
 *
 * Throws IntegrityError for a snapshot time that cannot be read, InvalidPolicy or Usage for rules that cannot.
 */
export function planForget(
  snapshots: readonly Snapshot[],
  proofs: readonly SnapshotProof[],
  rules: RetentionRules,
  now: Date,
  options: PlanForgetOptions = {},
): ForgetPlan {
  const group = newestFirst(snapshots, options.recordedAt);
  const holdReason = options.hold && reasonOfHold(options.hold, now);
  const oldestAllowed =
    rules.maxAge === undefined ? undefined : before(fromDate(now), parseRetentionPeriod(rules.maxAge));
  const proofReasons = newestProven(group, proofs, rules.proven, oldestAllowed);
  const keepReasons = hasNoRules(rules.keep)
    ? group.map(() => ['no keep rule is given'])
    : applyKeepRules(group, rules.keep, fromDate(now), options.expiring);

  const decisions = group.map((candidate, position): ForgetDecision => {
    const { snapshot } = candidate;
    const reasons = [...(proofReasons.get(snapshot.id) ?? []), ...(keepReasons[position] ?? [])];
    if (holdReason !== undefined) return { snapshot, keep: true, reasons: [holdReason, ...reasons] };
    if (isOlder(candidate, oldestAllowed)) {
      return { snapshot, keep: false, reasons: [`older than ${rules.maxAge} (maxAge)`] };
    }
    if (reasons.length > 0) return { snapshot, keep: true, reasons };
    return { snapshot, keep: false, reasons: ['no rule keeps it'] };
  });
  return summarize(decisions, rules.maxForgetShare);
}

function summarize(decisions: ForgetDecision[], maxForgetShare: number): ForgetPlan {
  const kept = decisions.filter((decision) => decision.keep);
  const forgotten = decisions.filter((decision) => !decision.keep);
  const forgottenShare = decisions.length === 0 ? 0 : forgotten.length / decisions.length;
  return { decisions, kept, forgotten, forgottenShare, exceedsMaxForget: forgottenShare > maxForgetShare };
}

/** Equal times are ordered by id, so that the plan does not depend on the order in which a storage lists. */
function newestFirst(snapshots: readonly Snapshot[], recordedAt?: ReadonlyMap<string, Date>): Candidate[] {
  const candidates = snapshots.map((snapshot): Candidate => {
    const own = parseSnapshotTime(snapshot.time);
    const recorded = recordedAt?.get(snapshot.id);
    const time = recorded === undefined ? own : fromDate(recorded, own.offsetMinutes);
    return { snapshot, time, tags: snapshot.tags ?? [] };
  });
  return candidates.sort((a, b) => {
    if (a.time.epochNanoseconds !== b.time.epochNanoseconds) {
      return a.time.epochNanoseconds > b.time.epochNanoseconds ? -1 : 1;
    }
    return a.snapshot.id < b.snapshot.id ? -1 : 1;
  });
}

/** Undefined when the hold is over: its date has begun in UTC. A date that cannot be read never ends a hold silently. */
function reasonOfHold(hold: Hold, now: Date): string | undefined {
  const until = Date.parse(hold.until);
  if (Number.isNaN(until)) {
    throw new HoldfastError('InvalidPolicy', `the hold's date "${hold.until}" is not a date`, {
      hint: 'Write it as 2036-01-01.',
    });
  }
  return now.getTime() < until ? `hold until ${hold.until} (${hold.reason})` : undefined;
}

/** Snapshots that are too old do not use up the proofs that protect younger ones. */
function newestProven(
  group: readonly Candidate[],
  proofs: readonly SnapshotProof[],
  count: number,
  oldestAllowed: SnapshotTime | undefined,
): Map<string, string[]> {
  const latestProof = new Map<string, SnapshotProof>();
  for (const proof of proofs) {
    const known = latestProof.get(proof.snapshotId);
    if (known === undefined || Date.parse(known.provenAt) < Date.parse(proof.provenAt)) {
      latestProof.set(proof.snapshotId, proof);
    }
  }
  const reasons = new Map<string, string[]>();
  for (const candidate of group) {
    if (reasons.size >= count) break;
    const proof = latestProof.get(candidate.snapshot.id);
    if (proof === undefined || isOlder(candidate, oldestAllowed)) continue;
    reasons.set(candidate.snapshot.id, [`proven by run ${proof.run}`]);
  }
  return reasons;
}

function isOlder(candidate: Candidate, oldestAllowed: SnapshotTime | undefined): boolean {
  return oldestAllowed !== undefined && candidate.time.epochNanoseconds < oldestAllowed.epochNanoseconds;
}
