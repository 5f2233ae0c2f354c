/** A plan against what is in force: the schedules of the record are what they would be if it were applied again. */
import type { Action, ActionRequest, EvidenceSettings, PolicyCommit } from '../domain/action.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import { makePlan, type Plan, type ScheduleState } from '../domain/plan.ts';
import { requestFor } from './request-for.ts';

export interface Desired {
  actions: readonly Action[];
  commit: PolicyCommit;
  evidence: EvidenceSettings;
  now: Date;
}

/** `scheduleDigest`: that of `engine/read-schedules.ts`. */
export function planAgainst(
  { actions, commit, evidence, now }: Desired,
  record: ApplyRecord | undefined,
  schedules: ReadonlyMap<string, ScheduleState>,
  scheduleDigest: (request: ActionRequest) => string,
): Plan {
  return makePlan({
    actions,
    commit,
    record,
    schedules,
    now,
    recordedDigest: (action) => scheduleDigest(requestFor(action, record!, evidence, 'schedule')),
  });
}
