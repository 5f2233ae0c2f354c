/** Which snapshots of one repository another one lacks, with restic's meaning, and what a copy of a snapshot looks like. */
import type { CopySettings } from './action.ts';
import { planForget } from './retention.ts';
import { parseSnapshotTime } from './snapshot-time.ts';
import { isOfPolicy, type Snapshot } from './snapshot.ts';

export interface CopyPlan {
  /** What the destination lacks, in the order given. */
  missing: Snapshot[];
  /** What it has already, and as which snapshot. */
  present: { snapshot: Snapshot; copy: Snapshot }[];
}

const NULL_ID = /^0*$/;

/**
 * A snapshot is there when the destination has one that was copied from it, or from what it was copied from itself, and
 * that says the same (restic's `cmd_copy.go`): one whose tags or tree were changed since is another one.
 */
export function planCopy(snapshots: readonly Snapshot[], destination: readonly Snapshot[]): CopyPlan {
  const byOrigin = new Map<string, Snapshot[]>();
  const note = (origin: string, snapshot: Snapshot): void => {
    byOrigin.set(origin, [...(byOrigin.get(origin) ?? []), snapshot]);
  };
  for (const snapshot of destination) {
    note(snapshot.id, snapshot);
    if (hasOriginal(snapshot)) note(snapshot.original, snapshot);
  }
  const plan: CopyPlan = { missing: [], present: [] };
  for (const snapshot of snapshots) {
    const copy = byOrigin.get(originOf(snapshot))?.find((candidate) => isSimilar(candidate, snapshot));
    if (copy === undefined) plan.missing.push(snapshot);
    else plan.present.push({ snapshot, copy });
  }
  return plan;
}

export interface PolicyCopyPlan extends CopyPlan {
  /** What the destination lacks, and what its retention would forget at once. */
  passedOver: Snapshot[];
}

/**
 * The copies of a policy's snapshots. Where a retention of the policy rules the destination, the same rules choose what
 * is copied: else each run would bring back what the last retention there has forgotten.
 *
 * @param own The policy's snapshots in the source.
 */
export function planPolicyCopy(
  own: readonly Snapshot[],
  destination: readonly Snapshot[],
  { policyNames, rules, hold }: Pick<CopySettings, 'policyNames' | 'rules' | 'hold'>,
  now: Date,
): PolicyCopyPlan {
  const { missing, present } = planCopy(own, destination);
  if (rules === undefined) return { missing, present, passedOver: [] };
  const there = destination.filter((snapshot) => isOfPolicy(snapshot, policyNames));
  const { kept } = planForget([...there, ...missing], [], rules, now, hold === undefined ? {} : { hold });
  const staying = new Set(kept.map(({ snapshot }) => snapshot));
  return {
    missing: missing.filter((snapshot) => staying.has(snapshot)),
    present,
    passedOver: missing.filter((snapshot) => !staying.has(snapshot)),
  };
}

/** The document to be saved in the destination: all that it says stays, but for the parent, which is of the source. */
export function asCopy(snapshot: Snapshot): Omit<Snapshot, 'id'> {
  const { id: _, parent: __, ...rest } = snapshot;
  return { ...rest, original: originOf(snapshot) };
}

/** The id that all copies of a snapshot share. */
export function originOf(snapshot: Snapshot): string {
  return hasOriginal(snapshot) ? snapshot.original : snapshot.id;
}

function hasOriginal(snapshot: Snapshot): snapshot is Snapshot & { original: string } {
  return snapshot.original !== undefined && !NULL_ID.test(snapshot.original);
}

/** Everything but parent, original, program and summary. */
function isSimilar(a: Snapshot, b: Snapshot): boolean {
  return (
    a.tree === b.tree &&
    parseSnapshotTime(a.time).epochNanoseconds === parseSnapshotTime(b.time).epochNanoseconds &&
    a.hostname === b.hostname &&
    a.username === b.username &&
    (a.uid ?? 0) === (b.uid ?? 0) &&
    (a.gid ?? 0) === (b.gid ?? 0) &&
    hasSame(a.paths, b.paths) &&
    hasSame(a.tags, b.tags) &&
    JSON.stringify(a.excludes ?? []) === JSON.stringify(b.excludes ?? [])
  );
}

/** In any order. */
function hasSame(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && b.every((item) => a.includes(item));
}
