/** Gathers what drift compares: policies, records, and the engine's schedules as they are. */
import { HoldfastError, type ErrorCode } from '../common/errors.ts';
import type { Action, PolicyCommit } from '../domain/action.ts';
import { findBucketDrift } from '../domain/bucket-drift.ts';
import type { Drift } from '../domain/drift.ts';
import { findStorageDrift } from '../domain/storage-drift.ts';
import { formerNames, renamedIds } from '../domain/former-names.ts';
import { openPauses } from '../domain/pauses.ts';
import { findScheduleDrift, type InspectedSchedules } from '../domain/schedule-drift.ts';
import type { CliContext } from './command.ts';
import { desiredActions } from './desired-actions.ts';
import { inspectBuckets } from './inspect-buckets.ts';
import { inspectStorage } from './inspect-storage.ts';
import { onEngine } from './on-engine.ts';
import { planAgainst } from './plan-against.ts';
import type { PreparedPolicies } from './prepare-policies.ts';
import { requestFor } from './request-for.ts';

export interface FoundDrift {
  drift: Drift;
  /** Why some places could not be examined. */
  errors: ErrorCode[];
}

const NOTHING: InspectedSchedules = { schedules: new Map(), altered: new Map(), foreign: [] };

/** Changes nothing; an embedded engine that does not run is started for the time. One that cannot be reached is a finding. */
export async function findDrift(
  context: CliContext,
  { compiled, engine, machine }: PreparedPolicies,
  commit: PolicyCommit,
): Promise<FoundDrift> {
  const [{ bucketOpener, createDependencies }, reading, { inspectSchedules }] = await Promise.all([
    import('../worker.ts'),
    import('../engine/read-schedules.ts'),
    import('../engine/inspect-schedules.ts'),
  ]);
  const dependencies = createDependencies(machine, context.output.trouble);
  const evidence = await dependencies.openEvidence(compiled.evidence);
  try {
    const record = await evidence.latestApply();
    const inForce = record?.actions ?? [];
    const requests = inForce.map((action) => requestFor(action, record!, compiled.evidence, 'schedule'));
    const looked = await orUnreachable(
      onEngine(context, engine, ({ connection, engine: { namespace } }) =>
        inspectSchedules(connection, namespace, requests, context),
      ),
    );
    const unseen = looked instanceof HoldfastError ? looked : undefined;
    const inspected = looked instanceof HoldfastError ? NOTHING : (looked ?? NOTHING);
    // Of an engine that nobody could ask the policies are compared with what was last applied.
    const schedules =
      unseen === undefined
        ? inspected.schedules
        : new Map(requests.map((request) => [request.action.id, { digest: reading.scheduleDigest(request) }]));
    const now = context.now();
    const actions = await desiredActions(compiled, record, evidence);
    const { plan } = planAgainst({ ...compiled, actions, commit, now }, record, schedules, reading);
    const storage = await inspectStorage(context, dependencies, { actions: inForce, evidence: compiled.evidence });
    const findings = findScheduleDrift({
      ...inspected,
      plan,
      pauses: openPauses(await evidence.readPauses(), renamedIds(inForce)),
      inForce: inForce.map(({ id }) => id),
      isOwnNamespace: engine === undefined,
      ...(unseen === undefined ? {} : { unseen }),
    });
    findings.push(
      ...findBucketDrift(await inspectBuckets(bucketOpener(machine, context.output.trouble), inForce, context.signal)),
    );
    findings.push(...findStorageDrift(storage, namesOf([...inForce, ...actions])));
    const drift: Drift = {
      format: 'holdfast-drift/1',
      at: now.toISOString(),
      commit,
      ...(plan.inForce === undefined ? {} : { inForce: plan.inForce }),
      schedules: inspected.schedules.size,
      repositories: storage.map(({ settings }) => settings.name),
      findings,
    };
    const errors = [unseen, ...storage.map(({ error }) => error)];
    return { drift, errors: errors.flatMap((error) => error?.code ?? []) };
  } finally {
    await evidence.close();
  }
}

async function orUnreachable<Result>(work: Promise<Result>): Promise<Result | HoldfastError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'EngineUnreachable') return error;
    throw error;
  }
}

/** Of policies, the present and the former ones. */
function namesOf(actions: readonly Action[]): Set<string> {
  return new Set(
    actions.flatMap((action) => (action.policy === undefined ? [] : [action.policy, ...formerNames(action)])),
  );
}
