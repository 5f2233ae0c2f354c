/** Gathers what a plan compares: the policies, the apply record in force, and the engine's schedules. */
import type { Action, EvidenceSettings, PolicyCommit } from '../domain/action.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import { makePlan, type Plan, type ScheduleState } from '../domain/plan.ts';
import { requestFor } from './apply-actions.ts';
import type { CliContext } from './command.ts';
import type { EngineSession } from './engine-session.ts';
import type { PreparedPolicies } from './prepare-policies.ts';
import { stateDirectoryOf } from './state-folder.ts';

export interface Desired {
  actions: readonly Action[];
  commit: PolicyCommit;
  evidence: EvidenceSettings;
}

/** `scheduleDigest`: that of `engine/read-schedules.ts`. */
export function planAgainst(
  { actions, commit, evidence }: Desired,
  record: ApplyRecord | undefined,
  schedules: ReadonlyMap<string, ScheduleState>,
  scheduleDigest: (request: ReturnType<typeof requestFor>) => string,
): Plan {
  return makePlan({
    actions,
    commit,
    record,
    schedules,
    recordedDigest: (action) => scheduleDigest(requestFor(action, record!, evidence, 'schedule')),
  });
}

/** Changes nothing; an embedded engine that does not run is started for the time. Throws EngineUnreachable. */
export async function planPolicies(
  context: CliContext,
  { compiled, engine, machine }: PreparedPolicies,
  commit: PolicyCommit,
): Promise<Plan> {
  const { createDependencies } = await import('../worker.ts');
  const evidence = await createDependencies(machine).openEvidence(compiled.evidence);
  try {
    const record = await evidence.latestApply();
    const { readSchedules, scheduleDigest } = await import('../engine/read-schedules.ts');
    const schedules = await onEngine(context, engine, ({ connection, engine: { namespace } }) =>
      readSchedules(connection, namespace),
    );
    return planAgainst({ ...compiled, commit }, record, schedules ?? new Map(), scheduleDigest);
  } finally {
    await evidence.close();
  }
}

/** undefined when there is none: an embedded engine that never ran has no schedules, and is not started to say so. */
async function onEngine<Result>(
  context: CliContext,
  engine: PreparedPolicies['engine'],
  work: (session: EngineSession) => Promise<Result>,
): Promise<Result | undefined> {
  const [{ hasDatabase }, { openEngine }] = await Promise.all([
    import('../engine/embedded-server.ts'),
    import('./engine-session.ts'),
  ]);
  if (engine === undefined && !hasDatabase(stateDirectoryOf(context.directory))) return undefined;
  const session = await openEngine(context, { readOnly: true, ...(engine === undefined ? {} : { engine }) });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
