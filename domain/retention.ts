/** Which snapshots stay and which go, each with its reasons: a hold, the maximum age, proofs, then restic's keep rules. */
import { parseRetentionPeriod } from '../common/retention-period.ts';
import { HoldfastError } from '../common/errors.ts';
import type { Hold, RetentionRules } from './action.ts';
import { applyKeepRules, hasNoRules, type DatedSnapshot } from './keep-rules.ts';
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

/** A snapshot as these rules see it. */
export interface Candidate extends DatedSnapshot {
  /** Its id, by which proofs name it. */
  id: string;
}

interface Judgement {
  keep: boolean;
  reasons: string[];
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
  const latestProof = latestProofs(proofs);
  const reasonOfProof = (id: string): string | undefined => {
    const proof = latestProof.get(id);
    return proof && `proven by run ${proof.run}`;
  };
  const judgements = judgeGroup(group, reasonOfProof, rules, now, options);
  const decisions = group.map(({ snapshot }, position) => ({ snapshot, ...judgements[position]! }));
  return summarize(decisions, rules.maxForgetShare);
}

/** The same of snapshots that are prepared, newest first, in their order: for a simulation, which asks thousands of times. */
export function judgeGroup(
  group: readonly Candidate[],
  reasonOfProof: (id: string) => string | undefined,
  rules: RetentionRules,
  now: Date,
  options: Pick<PlanForgetOptions, 'hold' | 'expiring'> = {},
): Judgement[] {
  const holdReason = options.hold && reasonOfHold(options.hold, now);
  const oldestAllowed =
    rules.maxAge === undefined ? undefined : before(fromDate(now), parseRetentionPeriod(rules.maxAge));
  const proofReasons = newestProven(group, reasonOfProof, rules.proven, oldestAllowed);
  const keepReasons = hasNoRules(rules.keep)
    ? group.map(() => ['no keep rule is given'])
    : applyKeepRules(group, rules.keep, fromDate(now), options.expiring);

  return group.map((candidate, position) => {
    const proofReason = proofReasons.get(candidate.id);
    const reasons = keepReasons[position] ?? [];
    if (proofReason !== undefined) reasons.unshift(proofReason);
    if (holdReason !== undefined) return { keep: true, reasons: [holdReason, ...reasons] };
    if (isOlder(candidate, oldestAllowed)) return { keep: false, reasons: [`older than ${rules.maxAge} (maxAge)`] };
    if (reasons.length > 0) return { keep: true, reasons };
    return { keep: false, reasons: ['no rule keeps it'] };
  });
}

function summarize(decisions: ForgetDecision[], maxForgetShare: number): ForgetPlan {
  const kept = decisions.filter((decision) => decision.keep);
  const forgotten = decisions.filter((decision) => !decision.keep);
  const forgottenShare = decisions.length === 0 ? 0 : forgotten.length / decisions.length;
  return { decisions, kept, forgotten, forgottenShare, exceedsMaxForget: forgottenShare > maxForgetShare };
}

/** Equal times are ordered by id, so that the plan does not depend on the order in which a storage lists. */
function newestFirst(
  snapshots: readonly Snapshot[],
  recordedAt?: ReadonlyMap<string, Date>,
): (Candidate & { snapshot: Snapshot })[] {
  const candidates = snapshots.map((snapshot) => {
    const own = parseSnapshotTime(snapshot.time);
    const recorded = recordedAt?.get(snapshot.id);
    const time = recorded === undefined ? own : fromDate(recorded, own.offsetMinutes);
    return { snapshot, id: snapshot.id, time, tags: snapshot.tags ?? [] };
  });
  return candidates.sort((a, b) => {
    if (a.time.epochNanoseconds !== b.time.epochNanoseconds) {
      return a.time.epochNanoseconds > b.time.epochNanoseconds ? -1 : 1;
    }
    return a.id < b.id ? -1 : 1;
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

function latestProofs(proofs: readonly SnapshotProof[]): Map<string, SnapshotProof> {
  const latest = new Map<string, SnapshotProof>();
  for (const proof of proofs) {
    const known = latest.get(proof.snapshotId);
    if (known === undefined || Date.parse(known.provenAt) < Date.parse(proof.provenAt))
      latest.set(proof.snapshotId, proof);
  }
  return latest;
}

/** Snapshots that are too old do not use up the proofs that protect younger ones. */
function newestProven(
  group: readonly Candidate[],
  reasonOfProof: (id: string) => string | undefined,
  count: number,
  oldestAllowed: SnapshotTime | undefined,
): Map<string, string> {
  const reasons = new Map<string, string>();
  for (const candidate of group) {
    if (reasons.size >= count) break;
    const reason = reasonOfProof(candidate.id);
    if (reason !== undefined && !isOlder(candidate, oldestAllowed)) reasons.set(candidate.id, reason);
  }
  return reasons;
}

function isOlder(candidate: Candidate, oldestAllowed: SnapshotTime | undefined): boolean {
  return oldestAllowed !== undefined && candidate.time.epochNanoseconds < oldestAllowed.epochNanoseconds;
}
