/** What a plan was made from, so that a saved one is carried out only where nothing of that has moved. */
import { canonicalJson } from '../common/canonical-json.ts';
import type { Action, EvidenceSettings, PolicyCommit } from './action.ts';
import type { ApplyRecord } from './apply-record.ts';
import type { ScheduleState } from './plan.ts';

export interface PlanBasis {
  /** Of the compiled actions, by their digests, and of where the evidence is. */
  policies: string;
  commit: PolicyCommit;
  /** Id of the apply record in force; empty: none. */
  applyId: string;
  /** Of all schedules of holdfast's, with what was last applied to them and whether somebody paused them. */
  schedules: string;
}

export interface BasisInput {
  actions: readonly Action[];
  evidence: EvidenceSettings;
  commit: PolicyCommit;
  record: ApplyRecord | undefined;
  schedules: ReadonlyMap<string, ScheduleState>;
  /** SHA-256 in hex. */
  digest(text: string): string;
}

export function planBasis({ actions, evidence, commit, record, schedules, digest }: BasisInput): PlanBasis {
  const digests = actions.map((action) => [action.id, action.digest]);
  const states = [...schedules].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    policies: digest(canonicalJson({ digests, evidence })),
    commit,
    applyId: record?.id ?? '',
    schedules: digest(canonicalJson(states)),
  };
}

/** What has moved between two of them, in words; none: nothing has. */
export function whatMoved(before: PlanBasis, now: PlanBasis): string[] {
  const { hash, dirty } = now.commit;
  return [
    ...(before.policies === now.policies ? [] : ['the policies']),
    ...(before.commit.hash === hash && before.commit.dirty === dirty ? [] : ['their commit']),
    ...(before.applyId === now.applyId ? [] : ['what is in force (somebody applied)']),
    ...(before.schedules === now.schedules ? [] : ["the engine's schedules"]),
  ];
}
