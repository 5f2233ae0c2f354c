/** Looks at repositories and mirrors for what a plan's changes would take away at once. */
import type { CallContext, Dependencies } from '../activities/dependencies.ts';
import { HoldfastError } from '../common/errors.ts';
import type { Action, EvidenceSettings, PolicyCommit, RepositorySettings } from '../domain/action.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import { suspectsOf, type PlannedLoss, type Suspect } from '../domain/planned-loss.ts';
import { renamedActions } from '../domain/renamed-actions.ts';
import { placeKey } from '../domain/settings-places.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Repository } from '../repository/repository.ts';
import { describeSnapshot } from './display.ts';

/** Of what is lost, so many are named. */
const MAX_NAMED = 5;

/** What is not looked at by then is told as not known: a plan must come to an end. */
const LIMIT_SECONDS = 60;

export interface LossInput {
  actions: readonly Action[];
  commit: PolicyCommit;
  evidence: EvidenceSettings;
  record: ApplyRecord | undefined;
  dependencies: Dependencies;
  signal: AbortSignal;
  limitSeconds?: number;
}

/**
 * Only for what is new or changed in what decides over data. What cannot be reached, or not from this machine, is told
 * as not known, and fails nothing. Reads as a reader, and takes no lock.
 */
export async function findLosses(input: LossInput): Promise<PlannedLoss[]> {
  const { actions, record, signal } = input;
  const before = record?.actions ?? [];
  const suspects = suspectsOf(before, actions, renamedActions(before, actions));
  if (suspects.length === 0) return [];
  const limit = AbortSignal.timeout((input.limitSeconds ?? LIMIT_SECONDS) * 1000);
  const context: CallContext = { signal: AbortSignal.any([signal, limit]), progress: { report: () => {} } };
  const repositories = new OpenRepositories(input.dependencies, context.signal);
  const losses: PlannedLoss[] = [];
  try {
    for (const suspect of suspects) {
      const loss = await lossOf(suspect, repositories, input, context).catch((error: unknown) => {
        if (signal.aborted) throw error;
        return unknown(suspect, limit.aborted ? 'the time for looking was over' : reasonOf(error));
      });
      if (loss !== undefined) losses.push(loss);
    }
    return losses;
  } finally {
    await repositories.close();
  }
}

async function lossOf(
  suspect: Suspect,
  repositories: OpenRepositories,
  input: LossInput,
  context: CallContext,
): Promise<PlannedLoss | undefined> {
  const { host } = suspect.action;
  if (context.signal.aborted) throw context.signal.reason;
  if (host !== undefined && host !== input.dependencies.hostname) return unknown(suspect, `only ${host} can look`);
  return isRetention(suspect)
    ? snapshotsLost(suspect, repositories, input, context)
    : filesLost(suspect, input, context);
}

function isRetention(suspect: Suspect): suspect is Extract<Suspect, { settings: { kind: 'retention' } }> {
  return suspect.settings.kind === 'retention';
}

async function snapshotsLost(
  { action, settings, before }: Extract<Suspect, { settings: { kind: 'retention' } }>,
  repositories: OpenRepositories,
  { dependencies, evidence, record }: LossInput,
  context: CallContext,
): Promise<PlannedLoss | undefined> {
  const { previewRetention } = await import('../activities/preview-retention.ts');
  const opened = await repositories.open(settings.repository);
  if (opened === undefined) return undefined;
  const { plan, keptSoFar } = await previewRetention(
    dependencies,
    opened.repository,
    opened.snapshots,
    {
      settings,
      ...(before === undefined ? {} : { before }),
      ...(record === undefined ? {} : { evidence }),
    },
    context,
  );
  const { forgotten, decisions, exceedsMaxForget } = plan;
  if (forgotten.length === 0) return undefined;
  // Those that would else stay are told first.
  const first = [...(keptSoFar ?? []), ...forgotten.map(({ snapshot }) => snapshot)];
  return {
    actionId: action.id,
    what: 'snapshots',
    lost: forgotten.length,
    of: decisions.length,
    ...(keptSoFar === undefined ? {} : { keptSoFar: keptSoFar.length }),
    names: [...new Set(first)].slice(0, MAX_NAMED).map(describeSnapshot),
    ...(exceedsMaxForget ? { because: 'more than maxForget lets one run forget: it would be refused' } : {}),
  };
}

async function filesLost(
  { action, settings }: Extract<Suspect, { settings: { kind: 'sync' } }>,
  { dependencies, commit, evidence, record }: LossInput,
  context: CallContext,
): Promise<PlannedLoss | undefined> {
  const { previewSync } = await import('../activities/preview-sync.ts');
  const request = { action, commit, evidence, applyId: record?.id ?? '', trigger: 'manual' as const, dryRun: true };
  const { filesRemoved, names, refusal } = await previewSync(dependencies, request, context);
  if (filesRemoved === 0) return undefined;
  return {
    actionId: action.id,
    what: 'files',
    lost: filesRemoved,
    names: names.slice(0, MAX_NAMED),
    ...(settings.versions === undefined ? {} : { keptAside: settings.versions }),
    ...(refusal === undefined ? {} : { because: `refused by its guard: ${refusal}` }),
  };
}

function unknown({ action, settings }: Suspect, because: string): PlannedLoss {
  return { actionId: action.id, what: settings.kind === 'sync' ? 'files' : 'snapshots', names: [], because };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface Opened {
  repository: Repository;
  snapshots: Snapshot[];
}

/** Each repository once, however many policies use it; undefined for one that is not there: nothing can be lost in it. */
class OpenRepositories {
  readonly #dependencies: Dependencies;
  readonly #signal: AbortSignal;
  readonly #opened = new Map<string, Promise<Opened | undefined>>();

  constructor(dependencies: Dependencies, signal: AbortSignal) {
    this.#dependencies = dependencies;
    this.#signal = signal;
  }

  open(settings: RepositorySettings): Promise<Opened | undefined> {
    const key = placeKey(settings.location, settings.path);
    let opened = this.#opened.get(key);
    if (opened === undefined) this.#opened.set(key, (opened = this.#openNow(settings)));
    return opened;
  }

  async close(): Promise<void> {
    for (const opened of this.#opened.values()) await (await opened.catch(() => undefined))?.repository.close();
  }

  async #openNow(settings: RepositorySettings): Promise<Opened | undefined> {
    try {
      const repository = await this.#dependencies.openRepository(settings, 'reader', this.#signal);
      return { repository, snapshots: await repository.listSnapshots({ signal: this.#signal }) };
    } catch (error) {
      if (error instanceof HoldfastError && error.code === 'NoRepository') return undefined;
      throw error;
    }
  }
}
