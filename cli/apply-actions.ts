/** Puts compiled policies in force: repositories that are missing, the apply record, the schedules. */
import { createHash } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import type { Dependencies } from '../activities/dependencies.ts';
import { HoldfastError } from '../common/errors.ts';
import type { Action, ActionRequest, EvidenceSettings, PolicyCommit, RepositorySettings } from '../domain/action.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import type { EngineSession } from './engine-session.ts';
import type { ScheduleChanges } from '../engine/schedules.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';
import { initRepository } from '../repository/init-repository.ts';

export interface ApplyInput {
  actions: Action[];
  repositories: RepositorySettings[];
  evidence: EvidenceSettings;
  commit: PolicyCommit;
  dependencies: Dependencies;
  signal: AbortSignal;
  /** Asked before anything is done; throws when the person does not want it. */
  confirm?: (changes: ApplyRecord['changes']) => Promise<void>;
}

export interface Applied {
  /** What is in force: the new record, or the one that said the same already. */
  record: ApplyRecord;
  /** Whether a record was written. */
  changed: boolean;
  repositoriesCreated: string[];
  schedules: ScheduleChanges;
}

/**
 * Idempotent. The order bears a crash at any point: a repository without a record is found by the next apply, a record
 * without schedules has them made by the next apply.
 */
export async function applyActions(session: EngineSession, input: ApplyInput): Promise<Applied> {
  const evidence = await input.dependencies.openEvidence(input.evidence);
  try {
    const { latest, seen } = await readApplies(evidence);
    const record = nextRecord(input, latest);
    const changed = record !== latest;
    if (changed) await input.confirm?.(record.changes);
    const repositoriesCreated = await createRepositories(input, seen);
    if (changed) await evidence.writeApply(record);
    const requests = input.actions.map((action) => requestFor(action, record, input.evidence, 'schedule'));
    const { applySchedules } = await import('../engine/schedules.ts');
    const schedules = await applySchedules(session.connection, session.engine.namespace, requests, {
      signal: input.signal,
    });
    return { record, changed, repositoriesCreated, schedules };
  } finally {
    await evidence.close();
  }
}

/** What a run of the action gets. */
export function requestFor(
  action: Action,
  record: ApplyRecord,
  evidence: EvidenceSettings,
  trigger: ActionRequest['trigger'],
): ActionRequest {
  return { action, commit: record.commit, applyId: record.id, evidence, trigger };
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

function repositoriesOf(settings: Action['settings']): RepositorySettings[] {
  if ('repository' in settings) return [settings.repository];
  return 'repositories' in settings ? settings.repositories : [];
}

function placeOf({ location, path }: RepositorySettings): string {
  return JSON.stringify([location.local.host ?? '', location.local.path, path]);
}

/** Only those that evidence never saw: one that is gone is an unmounted disk, and no fresh start. */
async function createRepositories(input: ApplyInput, seen: Set<string>): Promise<string[]> {
  const created: string[] = [];
  for (const settings of input.repositories) {
    const { host } = settings.location.local;
    if (seen.has(placeOf(settings)) || (host !== undefined && host !== input.dependencies.hostname)) continue;
    if (await createRepository(settings, input)) created.push(settings.name);
  }
  return created;
}

async function createRepository(settings: RepositorySettings, { dependencies, signal }: ApplyInput): Promise<boolean> {
  try {
    await (await dependencies.openRepository(settings, 'reader', signal)).close();
    return false;
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'NoRepository') throw error;
  }
  const password = await dependencies.resolveSecret(settings.password);
  const storage = await dependencies.openStorage(settings.location, settings.path, 'writer');
  const repository = await initRepository(storage, password, { signal });
  await repository.close();
  return true;
}

/** The latest record itself when it says the same. */
function nextRecord({ actions, commit }: ApplyInput, latest: ApplyRecord | undefined): ApplyRecord {
  const digest = createHash('sha256')
    .update(actions.map((action) => `${action.id} ${action.digest}\n`).join(''))
    .digest('hex');
  const sameCommit = latest?.commit.hash === commit.hash && latest?.commit.dirty === commit.dirty;
  if (latest !== undefined && latest.digest === digest && sameCommit) return latest;
  const appliedAt = new Date().toISOString();
  return {
    format: 'holdfast-apply/1',
    id: `${appliedAt.replaceAll(/[-:]|\.\d+/g, '')}-${digest.slice(0, 8)}`,
    commit,
    appliedAt,
    appliedBy: `${userInfo().username}@${hostname()}`,
    digest,
    actions,
    changes: compareActions(latest?.actions ?? [], actions),
  };
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
