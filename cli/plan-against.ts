/** A plan against what is in force: the schedules of the record are what they would be if it were applied again. */
import { hash } from 'node:crypto';
import type { Action, ActionRequest, EvidenceSettings, PolicyCommit } from '../domain/action.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import { makePlan, type Plan, type ScheduleState } from '../domain/plan.ts';
import { planBasis, type PlanBasis } from '../domain/plan-basis.ts';
import { requestFor } from './request-for.ts';

export interface Desired {
  actions: readonly Action[];
  commit: PolicyCommit;
  evidence: EvidenceSettings;
  now: Date;
}

export interface MadePlan {
  plan: Plan;
  /** What it was made from. */
  basis: PlanBasis;
}

/** What the schedule of a request is like: the functions of `engine/read-schedules.ts`. */
export interface AskedSchedules {
  scheduleDigest(this: void, request: ActionRequest): string;
  scheduleTiming(this: void, request: ActionRequest): string;
}

export function planAgainst(
  { actions, commit, evidence, now }: Desired,
  record: ApplyRecord | undefined,
  schedules: ReadonlyMap<string, ScheduleState>,
  { scheduleDigest, scheduleTiming }: AskedSchedules,
): MadePlan {
  const basis = planBasis({ actions, evidence, commit, record, schedules, digest: (text) => hash('sha256', text) });
  const asked = (action: Action) => requestFor(action, record!, evidence, 'schedule');
  const plan = makePlan({
    actions,
    commit,
    record,
    schedules,
    now,
    recordedDigest: (action) => scheduleDigest(asked(action)),
    recordedTiming: (action) => scheduleTiming(asked(action)),
  });
  return { plan, basis };
}
