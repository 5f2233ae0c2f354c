/** Who suspends an action by its policy, and since when: from the apply records. */
import { canonicalJson } from '../common/canonical-json.ts';
import type { Action } from './action.ts';
import type { ApplyRecord } from './apply-record.ts';
import { renamedIds } from './former-names.ts';

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

/** That a policy's own suspension came into force with an apply, or went with one. */
export interface SuspensionStep extends Omit<Suspension, 'since'> {
  format: 'holdfast-suspension/1';
  step: 'suspend' | 'unsuspend';
  /** ISO 8601 in UTC. */
  at: string;
  /** The policy; of work that belongs to none, its target. */
  subject: string;
  /** Their ids. */
  actions: string[];
}

/** Adds one apply record: those of the records before it, oldest first, are in `known`. */
export function addSuspensions(known: Map<string, Suspension>, { actions, commit, ...apply }: ApplyRecord): void {
  for (const [former, id] of renamedIds(actions)) {
    const suspension = known.get(former);
    if (suspension === undefined || known.has(id)) continue;
    known.set(id, suspension);
    known.delete(former);
  }
  const gone = new Set(known.keys());
  for (const { id, suspended } of actions) {
    if (suspended === undefined) continue;
    gone.delete(id);
    if (isSame(known.get(id), suspended)) continue;
    known.set(id, {
      ...suspended,
      ...whoApplied({ commit, ...apply }),
      since: apply.appliedAt,
    });
  }
  for (const id of gone) known.delete(id);
}

/** Who committed something else has not suspended it. */
function whoApplied({ commit, appliedBy }: Pick<ApplyRecord, 'commit' | 'appliedBy'>): { by: string; commit?: string } {
  const by = (commit.dirty ? undefined : commit.author) ?? appliedBy;
  return { by, ...(commit.hash === undefined ? {} : { commit: commit.hash }) };
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

/** Each suspension that came, changed or went, oldest first; one that ended by its own date is told by that alone. */
export async function suspensionSteps(
  applies: AsyncIterable<ApplyRecord> | Iterable<ApplyRecord>,
): Promise<SuspensionStep[]> {
  const steps: SuspensionStep[] = [];
  const known = new Map<string, Suspension>();
  for await (const apply of applies) {
    const before = new Map(known);
    addSuspensions(known, apply);
    const found = new Map<string, SuspensionStep>();
    for (const { id, policy, target } of apply.actions) {
      const [was, is] = [before.get(id), known.get(id)];
      if (was === is || (is === undefined && hasEnded(was!, apply.appliedAt))) continue;
      // One that a rename brought along is told under its former name.
      if (is !== undefined && is.since !== apply.appliedAt) continue;
      const { since: _, ...suspension } = is ?? { ...was!, ...whoApplied(apply) };
      const subject = policy ?? target;
      const step = is === undefined ? 'unsuspend' : 'suspend';
      const key = canonicalJson([step, subject, suspension]);
      const told = found.get(key);
      if (told !== undefined) told.actions.push(id);
      else
        found.set(key, {
          format: 'holdfast-suspension/1',
          step,
          at: apply.appliedAt,
          ...suspension,
          subject,
          actions: [id],
        });
    }
    steps.push(...found.values());
  }
  return steps;
}

function hasEnded({ until }: Suspension, at: string): boolean {
  return until !== undefined && Date.parse(until) <= Date.parse(at);
}

/** `suspended by Alice <alice@acme.example> since 2026-11-23T01:47:30.000Z, until 2026-12-01: migration`. */
export function describeSuspension({ by, since, until, reason }: Suspension): string {
  return `suspended by ${by} since ${since}${until === undefined ? '' : `, until ${until}`}: ${reason}`;
}
