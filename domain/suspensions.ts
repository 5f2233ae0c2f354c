/** Who suspends an action by its policy, and since when: from the apply records. */
import { canonicalJson } from '../common/canonical-json.ts';
import type { Action } from './action.ts';
import type { ApplyRecord } from './apply-record.ts';

export interface Suspension {
  reason: string;
  until?: string;
  /** The author of the commit that first had it; where no commit has it, who applied it. */
  by: string;
  /** When it came in force, ISO. */
  since: string;
  /** The hash of that commit. */
  commit?: string;
}

/** By action id, as the latest apply record has them. */
export type Suspensions = ReadonlyMap<string, Suspension>;

/** Adds one apply record: those of the records before it, oldest first, are in `known`. */
export function addSuspensions(known: Map<string, Suspension>, { actions, commit, ...apply }: ApplyRecord): void {
  const gone = new Set(known.keys());
  for (const { id, suspended } of actions) {
    if (suspended === undefined) continue;
    gone.delete(id);
    if (isSame(known.get(id), suspended)) continue;
    known.set(id, {
      ...suspended,
      // Who committed something else has not suspended it.
      by: (commit.dirty ? undefined : commit.author) ?? apply.appliedBy,
      since: apply.appliedAt,
      ...(commit.hash === undefined ? {} : { commit: commit.hash }),
    });
  }
  for (const id of gone) known.delete(id);
}

function isSame(known: Suspension | undefined, { reason, until }: NonNullable<Action['suspended']>): boolean {
  return known !== undefined && canonicalJson([known.reason, known.until]) === canonicalJson([reason, until]);
}

/** Hands on apply records, oldest first, and notes the suspensions of those up to a time. */
export async function* notingSuspensions(
  applies: AsyncIterable<ApplyRecord>,
  known: Map<string, Suspension>,
  to: Date,
): AsyncGenerator<ApplyRecord> {
  for await (const apply of applies) {
    if (Date.parse(apply.appliedAt) <= to.getTime()) addSuspensions(known, apply);
    yield apply;
  }
}

/** Those of a few records. */
export function suspensionsOf(applies: readonly ApplyRecord[]): Suspensions {
  const known = new Map<string, Suspension>();
  for (const apply of applies) addSuspensions(known, apply);
  return known;
}

/** `suspended by Alice <alice@acme.example> since 2026-11-23T01:47:30.000Z, until 2026-12-01: migration`. */
export function describeSuspension({ by, since, until, reason }: Suspension): string {
  return `suspended by ${by} since ${since}${until === undefined ? '' : `, until ${until}`}: ${reason}`;
}
