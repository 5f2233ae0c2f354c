/** The snapshots of one policy in one repository on virtual time: what is added, proved and forgotten. */
import type { RetentionSettings } from './action.ts';
import { storedBytes, type GrowthModel } from './growth-model.ts';
import { judgeGroup, type Candidate } from './retention.ts';
import { fromDate, localCalendar } from './snapshot-time.ts';

export interface SimulatedSnapshot extends Candidate {
  /** Milliseconds since the epoch. */
  at: number;
  /** Of its last judgement; empty before the first. */
  reasons: string[];
}

export const PROOF_REASON = 'proven by a restore test';

export class SimulatedRepository {
  readonly name: string;
  readonly #tags: readonly string[];
  readonly #proven = new Set<string>();
  /** Oldest first. */
  snapshots: SimulatedSnapshot[] = [];
  forgotten = 0;
  /** Retention runs that would have forgotten more than `maxForget`. */
  refused = 0;
  /** Those of them after which none was carried out. */
  refusedAtEnd = 0;

  constructor(name: string, tags: readonly string[]) {
    this.name = name;
    this.#tags = tags;
  }

  /** Of the backup that began at `at`. Several of one time are one. */
  add(at: number): void {
    this.merge([this.#snapshotOf(at)]);
  }

  /** Copies of another repository's snapshots. */
  merge(copies: readonly SimulatedSnapshot[]): void {
    for (const copy of copies) {
      let place = this.snapshots.length;
      while (place > 0 && this.snapshots[place - 1]!.at > copy.at) place--;
      if (this.snapshots[place - 1]?.at !== copy.at) this.snapshots.splice(place, 0, { ...copy, reasons: [] });
    }
  }

  #snapshotOf(at: number): SimulatedSnapshot {
    const time = fromDate(new Date(at));
    return { id: String(at), at, time, calendar: localCalendar(time), tags: this.#tags, reasons: [] };
  }

  prove(snapshot: SimulatedSnapshot): void {
    this.#proven.add(snapshot.id);
  }

  /** As the retention's run does it: all that it would forget, or nothing when that is too much. Returns how many it would. */
  forget({ rules, hold }: Pick<RetentionSettings, 'rules' | 'hold'>, now: number): number {
    const group = this.snapshots.toReversed();
    const judgements = this.#judge(group, { rules, ...(hold === undefined ? {} : { hold }) }, now);
    const kept: SimulatedSnapshot[] = [];
    for (const [position, snapshot] of group.entries()) {
      const { keep, reasons } = judgements[position]!;
      snapshot.reasons = reasons;
      if (keep) kept.push(snapshot);
    }
    const going = group.length - kept.length;
    if (group.length > 0 && going / group.length > rules.maxForgetShare) {
      this.refused++;
      this.refusedAtEnd++;
      return going;
    }
    this.refusedAtEnd = 0;
    this.forgotten += going;
    this.snapshots = kept.reverse();
    return going;
  }

  /** Of another repository's snapshots those that a copy brings here: what is not here, and would not be forgotten at once. */
  lacking(
    from: SimulatedRepository,
    settings: Partial<Pick<RetentionSettings, 'rules' | 'hold'>>,
    now: number,
  ): SimulatedSnapshot[] {
    const here = new Set(this.snapshots.map(({ id }) => id));
    const missing = from.snapshots.filter(({ id }) => !here.has(id));
    const { rules, hold } = settings;
    if (rules === undefined || missing.length === 0) return missing;
    const group = [...this.snapshots, ...missing].sort((a, b) => b.at - a.at);
    const judgements = judgeGroup(group, () => undefined, rules, new Date(now), hold === undefined ? {} : { hold });
    const staying = new Set(group.filter((_, position) => judgements[position]!.keep));
    return missing.filter((snapshot) => staying.has(snapshot));
  }

  /** How many snapshots each reason keeps; those that no retention has seen count as `new`. */
  countReasons(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { reasons } of this.snapshots)
      for (const reason of reasons.length === 0 ? ['new'] : reasons) {
        const rule = reason.startsWith('oldest ') ? reason.slice('oldest '.length) : reason;
        counts.set(rule, (counts.get(rule) ?? 0) + 1);
      }
    return counts;
  }

  /** `beginning`: of the model. */
  storedBytes(model: GrowthModel, beginning: number): number {
    return storedBytes(
      model,
      this.snapshots.map(({ at }) => at - beginning),
    );
  }

  #judge(group: readonly Candidate[], { rules, hold }: Pick<RetentionSettings, 'rules' | 'hold'>, now: number) {
    const reasonOfProof = (id: string) => (this.#proven.has(id) ? PROOF_REASON : undefined);
    return judgeGroup(group, reasonOfProof, rules, new Date(now), hold === undefined ? {} : { hold });
  }
}
