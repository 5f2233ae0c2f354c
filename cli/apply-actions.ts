/** Puts compiled policies in force: repositories that are missing, the apply record, the schedules. */
import { createHash } from 'node:crypto';
import type { Dependencies } from '../activities/dependencies.ts';
import type { Action, EvidenceSettings, PolicyCommit } from '../domain/action.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import { pausesToKeep } from '../domain/pauses.ts';
import type { Plan } from '../domain/plan.ts';
import { actingPerson } from './acting-person.ts';
import type { EngineSession } from './engine-session.ts';
import type { ScheduleChanges } from '../engine/schedules.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';
import { repositoriesOf } from '../domain/settings-places.ts';
import { createRepositories, placeOf } from './apply-repositories.ts';
import { type CompiledActions, desiredActions } from './desired-actions.ts';
import { findLosses } from './plan-losses.ts';
import { endPausesOfRemoved } from './record-pause.ts';
import { planAgainst, type MadePlan } from './plan-against.ts';
import { requestFor } from './request-for.ts';

export interface ApplyInput extends CompiledActions {
  evidence: EvidenceSettings;
  commit: PolicyCommit;
  dependencies: Dependencies;
  signal: AbortSignal;
  /** Asked before anything is done; throws when nothing is to be done. `keep`: what is in force stays so. */
  review?: (made: MadePlan) => Promise<'apply' | 'keep'>;
  /** Whether the plan tells what is lost at once: it takes a look at repositories and mirrors. */
  looksForLosses?: boolean;
  /** Writes all schedules anew. */
  refresh?: boolean;
  /** Told when another apply is under way, which is waited for. */
  onWait?: (holder: string) => void;
}

/** For another apply, which may be asking its person; longer than one that was killed on another machine keeps its lease. */
const WAIT_SECONDS = 90;

/** So long what was listed for the plan counts: nobody else applies, and what a person paused meanwhile is read with each change. */
const LISTED_MS = 2000;

export interface Applied {
  /** What was to be done. */
  plan: Plan;
  /** What is in force: the new record, or the one that said the same already. */
  record: ApplyRecord;
  /** Whether a record was written. */
  changed: boolean;
  repositoriesCreated: string[];
  schedules: ScheduleChanges;
}

/**
 * Idempotent, and one at a time on an engine, from the look at what is in force to the last schedule. The order bears a
 * crash at any point: a repository without a record is found by the next apply, a record without schedules has them made
 * by the next apply.
 */
export async function applyActions(session: EngineSession, input: ApplyInput): Promise<Applied> {
  const { withApplyLease } = await import('../engine/apply-lease.ts');
  const options = { by: actingPerson(), waitSeconds: WAIT_SECONDS, signal: input.signal };
  return withApplyLease(
    session.connection,
    session.engine.namespace,
    { ...options, ...(input.onWait === undefined ? {} : { onWait: input.onWait }) },
    (signal) => applyAlone(session, { ...input, signal }),
  );
}

async function applyAlone({ connection, engine }: EngineSession, input: ApplyInput): Promise<Applied> {
  const [reading, { applySchedules }] = await Promise.all([
    import('../engine/read-schedules.ts'),
    import('../engine/schedules.ts'),
  ]);
  const evidence = await input.dependencies.openEvidence(input.evidence);
  try {
    const { latest, seen } = await readApplies(evidence);
    const desired = { ...input, actions: await desiredActions(input, latest, evidence) };
    const listed = await reading.readOwnSchedules(connection, engine.namespace);
    const listedAt = performance.now();
    const known = reading.statesOf(listed);
    const made = planAgainst({ ...desired, now: input.dependencies.clock() }, latest, known, reading);
    if (input.looksForLosses === true) made.plan.losses = await findLosses({ ...desired, record: latest });
    const isKept = (await input.review?.(made)) === 'keep' && latest !== undefined;
    const record = isKept ? latest : nextRecord(desired, latest);
    const changed = record !== latest;
    const repositoriesCreated = isKept ? [] : await createRepositories(desired, seen);
    if (changed) await evidence.writeApply(record);
    const requests = record.actions.map((action) => requestFor(action, record, input.evidence, 'schedule'));
    const pauses = await evidence.readPauses();
    const paused = pausesToKeep(record.actions, pauses, known);
    const schedules = await applySchedules(connection, engine.namespace, requests, {
      signal: input.signal,
      paused,
      refresh: input.refresh === true,
      ...(performance.now() - listedAt < LISTED_MS ? { listed } : {}),
    });
    await endPausesOfRemoved(evidence, record.actions, pauses);
    return { plan: made.plan, record, changed, repositoriesCreated, schedules };
  } finally {
    await evidence.close();
  }
}

interface KnownApplies {
  latest: ApplyRecord | undefined;
  /** Where repositories have been, by `placeOf`. */
  seen: Set<string>;
}

async function readApplies(evidence: EvidenceStore): Promise<KnownApplies> {
  let latest: ApplyRecord | undefined;
  const seen = new Set<string>();
  for await (const record of evidence.readApplies()) {
    latest = record;
    for (const { settings } of record.actions)
      for (const repository of repositoriesOf(settings)) seen.add(placeOf(repository));
  }
  return { latest, seen };
}

/** The latest record itself when it says the same. */
function nextRecord({ actions, commit }: ApplyInput, latest: ApplyRecord | undefined): ApplyRecord {
  const digest = createHash('sha256')
    .update(actions.map((action) => `${action.id} ${action.digest}\n`).join(''))
    .digest('hex');
  const sameCommit = latest?.commit.hash === commit.hash && latest?.commit.dirty === commit.dirty;
  if (latest !== undefined && latest.digest === digest && sameCommit) return latest;
  const appliedAt = appliedAfter(latest).toISOString();
  return {
    format: 'holdfast-apply/1',
    id: `${appliedAt.replaceAll(/[-:]|\.\d+/g, '')}-${digest.slice(0, 8)}`,
    commit,
    appliedAt,
    appliedBy: actingPerson(),
    digest,
    actions,
    changes: compareActions(latest?.actions ?? [], actions),
  };
}

/** Records are put in order by their times, in seconds: the clock of another machine may be ahead. */
function appliedAfter(latest: ApplyRecord | undefined): Date {
  const earliest = latest === undefined ? 0 : (Math.floor(Date.parse(latest.appliedAt) / 1000) + 1) * 1000;
  return new Date(Math.max(Date.now(), earliest));
}

function compareActions(before: Action[], after: Action[]): ApplyRecord['changes'] {
  const digests = new Map(before.map(({ id, digest }) => [id, digest]));
  const changes: ApplyRecord['changes'] = { created: [], changed: [], removed: [], unchanged: 0 };
  for (const { id, digest } of after) {
    if (!digests.has(id)) changes.created.push(id);
    else if (digests.get(id) === digest) changes.unchanged++;
    else changes.changed.push(id);
    digests.delete(id);
  }
  changes.removed.push(...digests.keys());
  return changes;
}
