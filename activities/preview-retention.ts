/** Use case: what new retention rules would forget at once, beside what those in force would; changes nothing. */
import type { EvidenceSettings, RetentionSettings } from '../domain/action.ts';
import { planForget, type ForgetPlan } from '../domain/retention.ts';
import { isOfPolicy, type Snapshot } from '../domain/snapshot.ts';
import type { Repository } from '../repository/repository.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { readRepositoryRecords, type RepositoryRecords } from './repository-records.ts';

export interface RetentionPreview {
  plan: ForgetPlan;
  /** Of those that would be forgotten, what the rules in force keep; absent without such rules. */
  keptSoFar?: Snapshot[];
}

export interface RetentionPreviewInput {
  settings: RetentionSettings;
  before?: RetentionSettings;
  /** Absent: nothing was ever applied, so that no run has left a record. */
  evidence?: EvidenceSettings;
}

/** Takes no lock: whoever plans may not write. `all`: the snapshots of the repository, which is open as reader. */
export async function previewRetention(
  deps: Dependencies,
  repository: Repository,
  all: readonly Snapshot[],
  { settings, before, evidence }: RetentionPreviewInput,
  context: CallContext,
): Promise<RetentionPreview> {
  const own = all.filter((snapshot) => isOfPolicy(snapshot, settings.policyNames));
  const { id } = repository.config;
  const records =
    evidence === undefined
      ? { proofs: [], recordedAt: new Map<string, Date>() }
      : await readRepositoryRecords(deps, evidence, settings.policyNames, id, own, context);
  const plan = planWith(own, records, settings, deps.clock());
  if (before === undefined) return { plan };
  const kept = new Set(planWith(own, records, before, deps.clock()).kept.map(({ snapshot }) => snapshot.id));
  return {
    plan,
    keptSoFar: plan.forgotten.map(({ snapshot }) => snapshot).filter((snapshot) => kept.has(snapshot.id)),
  };
}

function planWith(
  own: readonly Snapshot[],
  { proofs, recordedAt }: RepositoryRecords,
  { rules, hold, expiring }: RetentionSettings,
  now: Date,
): ForgetPlan {
  const options = { recordedAt, expiring: expiring === true, ...(hold === undefined ? {} : { hold }) };
  return planForget(own, proofs, rules, now, options);
}
