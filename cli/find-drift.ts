/** Gathers what drift compares: policies, records, and the engine's schedules as they are. */
import type { PolicyCommit } from '../domain/action.ts';
import type { Drift } from '../domain/drift.ts';
import { renamedIds } from '../domain/former-names.ts';
import { openPauses } from '../domain/pauses.ts';
import { findScheduleDrift, type InspectedSchedules } from '../domain/schedule-drift.ts';
import type { CliContext } from './command.ts';
import { desiredActions } from './desired-actions.ts';
import { onEngine } from './on-engine.ts';
import { planAgainst } from './plan-against.ts';
import type { PreparedPolicies } from './prepare-policies.ts';
import { requestFor } from './request-for.ts';

const NOTHING: InspectedSchedules = { schedules: new Map(), altered: new Map(), foreign: [] };

/** Changes nothing; an embedded engine that does not run is started for the time. Throws EngineUnreachable. */
export async function findDrift(
  context: CliContext,
  { compiled, engine, machine }: PreparedPolicies,
  commit: PolicyCommit,
): Promise<Drift> {
  const [{ createDependencies }, reading, { inspectSchedules }] = await Promise.all([
    import('../worker.ts'),
    import('../engine/read-schedules.ts'),
    import('../engine/inspect-schedules.ts'),
  ]);
  const evidence = await createDependencies(machine).openEvidence(compiled.evidence);
  try {
    const record = await evidence.latestApply();
    const inForce = record?.actions ?? [];
    const requests = inForce.map((action) => requestFor(action, record!, compiled.evidence, 'schedule'));
    const inspected =
      (await onEngine(context, engine, ({ connection, engine: { namespace } }) =>
        inspectSchedules(connection, namespace, requests, context),
      )) ?? NOTHING;
    const now = context.now();
    const actions = await desiredActions(compiled, record, evidence);
    const { plan } = planAgainst({ ...compiled, actions, commit, now }, record, inspected.schedules, reading);
    const findings = findScheduleDrift({
      ...inspected,
      plan,
      pauses: openPauses(await evidence.readPauses(), renamedIds(inForce)),
      inForce: inForce.map(({ id }) => id),
      isOwnNamespace: engine === undefined,
    });
    return {
      format: 'holdfast-drift/1',
      at: now.toISOString(),
      commit,
      ...(plan.inForce === undefined ? {} : { inForce: plan.inForce }),
      schedules: inspected.schedules.size,
      findings,
    };
  } finally {
    await evidence.close();
  }
}
