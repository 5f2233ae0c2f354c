/** Gathers what a plan compares: the policies, the apply record in force, and the engine's schedules. */
import type { PolicyCommit } from '../domain/action.ts';
import type { CliContext } from './command.ts';
import { desiredActions } from './desired-actions.ts';
import { onEngine } from './on-engine.ts';
import { findLosses } from './plan-losses.ts';
import { planAgainst, type MadePlan } from './plan-against.ts';
import type { PreparedPolicies } from './prepare-policies.ts';

/** Changes nothing; an embedded engine that does not run is started for the time. Throws EngineUnreachable. */
export async function planPolicies(
  context: CliContext,
  { compiled, engine, machine }: PreparedPolicies,
  commit: PolicyCommit,
): Promise<MadePlan> {
  const { createDependencies } = await import('../worker.ts');
  const dependencies = createDependencies(machine);
  const evidence = await dependencies.openEvidence(compiled.evidence);
  try {
    const record = await evidence.latestApply();
    const reading = await import('../engine/read-schedules.ts');
    const schedules = await onEngine(context, engine, ({ connection, engine: { namespace } }) =>
      reading.readSchedules(connection, namespace),
    );
    const actions = await desiredActions(compiled, record, evidence);
    const desired = { ...compiled, actions, commit, now: context.now() };
    const made = planAgainst(desired, record, schedules ?? new Map(), reading);
    const losses = await findLosses({ ...desired, record, dependencies, signal: context.signal });
    return { ...made, plan: { ...made.plan, losses } };
  } finally {
    await evidence.close();
  }
}
