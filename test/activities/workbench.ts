/** A place for the tests of use cases: real folders, real repositories, real evidence, and a clock that stands still until it is set. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CallContext, Dependencies } from '../../activities/dependencies.ts';
import { silentProgress } from '../../common/progress.ts';
import type {
  Action,
  ActionRequest,
  ActionSettings,
  LocalLocation,
  LocationSettings,
  RepositorySettings,
  SourceSettings,
} from '../../domain/action.ts';
import type { ActionOutcome, RunRecord } from '../../domain/run-record.ts';
import { SYNC_MARKER_FILE } from '../../domain/sync-marker.ts';
import { openEvidenceStore } from '../../evidence/open-evidence-store.ts';
import { initRepository } from '../../repository/init-repository.ts';
import { openRepository } from '../../repository/open-repository.ts';
import type { Repository } from '../../repository/repository.ts';
import { openLocalStorage } from '../../storage/local.ts';
import type { Storage } from '../../storage/storage.ts';
import { sampleApply } from '../evidence/sample-records.ts';

/** The tests of use cases have local storage alone. */
export async function openStorage(location: LocationSettings, path: string): Promise<Storage> {
  return openLocalStorage(join(location.local?.path ?? '/nowhere', path));
}

export const PASSWORD = 'a password for tests';
const DAY = 86_400;

export interface Workbench {
  /** Absolute; all below is removed at the end. */
  directory: string;
  source: string;
  vault: LocalLocation;
  repository: RepositorySettings;
  deps: Dependencies;
  now: Date;
  request(settings: ActionSettings, changes?: Partial<ActionRequest>): ActionRequest;
  context(signal?: AbortSignal): CallContext;
  /** Writes the record of a run, as a workflow would. */
  record(request: ActionRequest, outcome: Partial<ActionOutcome>, changes?: Partial<RunRecord>): Promise<RunRecord>;
  initRepository(): Promise<void>;
  withRepository<Result>(work: (repository: Repository) => Promise<Result>): Promise<Result>;
  remove(): Promise<void>;
}

export async function openWorkbench(): Promise<Workbench> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-use-case-'));
  const source = join(directory, 'source');
  await mkdir(source);
  const evidence = { location: { name: 'evidence', local: { path: join(directory, 'evidence') } }, path: '' };
  const vault: LocalLocation = { name: 'vault', local: { path: join(directory, 'vault') } };
  const repository: RepositorySettings = {
    name: 'offsite',
    location: vault,
    path: 'offsite',
    password: { env: 'OFFSITE_PASSWORD' },
    compression: 'auto',
  };
  const openRepositoryOf = async (settings: RepositorySettings): Promise<Repository> =>
    openRepository(await openStorage(settings.location, settings.path), PASSWORD, {
      lockTiming: {
        clock: () => new Date(),
        refreshMilliseconds: 300_000,
        settleMilliseconds: 5,
        pollMilliseconds: 20,
      },
    });
  const bench: Workbench = {
    directory,
    source,
    vault,
    repository,
    now: new Date('2026-11-23T02:00:00Z'),
    deps: {
      openStorage,
      openTree: () => Promise.reject(new Error('this test stays on this machine')),
      openRepository: openRepositoryOf,
      openEvidence: async ({ location, path }) => openEvidenceStore(await openStorage(location, path)),
      resolveSecret: async () => PASSWORD,
      clock: () => bench.now,
      hostname: 'app-01',
      scratchDirectory: join(directory, 'scratch'),
      allowCommands: true,
    },
    request: (settings, changes = {}) => ({
      action: actionOf(settings),
      commit: { hash: 'c'.repeat(40), dirty: false },
      applyId: sampleApply().id,
      evidence,
      trigger: 'manual',
      ...changes,
    }),
    context: (signal = new AbortController().signal) => ({ signal, progress: silentProgress }),
    async record(request, outcome, changes = {}) {
      const { action } = request;
      const record: RunRecord = {
        format: 'holdfast-run/1',
        workflowId: `${action.id}-${bench.now.toISOString()}`,
        runId: crypto.randomUUID(),
        actionId: action.id,
        kind: action.kind,
        ...(action.policy === undefined ? {} : { policy: action.policy }),
        target: action.target,
        digest: action.digest,
        commit: request.commit,
        applyId: request.applyId,
        trigger: request.trigger,
        dryRun: request.dryRun ?? false,
        startedAt: bench.now.toISOString(),
        finishedAt: bench.now.toISOString(),
        outcome: 'succeeded',
        findings: [],
        ...outcome,
        ...changes,
      };
      await (await bench.deps.openEvidence(evidence)).writeRun(record);
      return record;
    },
    async initRepository() {
      const storage = await openStorage(vault, repository.path);
      await (await initRepository(storage, PASSWORD, { kdf: { N: 1024, r: 8, p: 1 } })).close();
      await (await bench.deps.openEvidence(evidence)).writeApply(sampleApply());
    },
    async withRepository(work) {
      const opened = await openRepositoryOf(repository);
      try {
        return await work(opened);
      } finally {
        await opened.close();
      }
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
  return bench;
}

function actionOf(settings: ActionSettings): Action {
  const ids: Partial<Record<ActionSettings['kind'], string>> = {
    prune: 'repository/offsite/prune',
    check: 'repository/offsite/check',
    audit: 'project/audit',
    'restore-test': 'policy/orders/restore-test',
    'access-check': 'policy/orders/access-check',
  };
  const id = ids[settings.kind] ?? `policy/orders/${settings.kind}/offsite`;
  return {
    id,
    kind: settings.kind,
    ...(id.startsWith('policy/') ? { policy: 'orders' } : {}),
    target: 'offsite',
    objectives: { rpoSeconds: DAY, rtoSeconds: 3600 },
    schedule: {
      timing: { kind: 'interval', everySeconds: DAY, offsetSeconds: 0 },
      jitterSeconds: 0,
      timeoutSeconds: 3600,
      missed: 'latest',
    },
    settings,
    offlineToleranceSeconds: 0,
    digest: 'd'.repeat(64),
  };
}

export function sourceSettings(directories: string[], changes: Partial<SourceSettings> = {}): SourceSettings {
  return { directories, exclude: [], excludeIfPresent: [], excludeCaches: false, oneFileSystem: false, ...changes };
}

/** Aborts once the progress has been reported this often. */
export function abortAfter(reports: number): CallContext {
  const controller = new AbortController();
  let count = 0;
  const report = (): void => {
    if (++count === reports) controller.abort();
  };
  return { signal: controller.signal, progress: { report } };
}

/** What a sync's target or source holds, without the marker of the sync. In byte order. */
export async function namesIn(folder: string, options: { recursive?: boolean } = {}): Promise<string[]> {
  const names = await readdir(folder, options);
  return names.filter((name) => name !== SYNC_MARKER_FILE).toSorted();
}

/** Waits until a file's next change gets another time than its last one. */
export async function tick(): Promise<void> {
  await delay(15);
}
