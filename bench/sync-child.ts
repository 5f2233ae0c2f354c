/** The process of holdfast in the benchmark of syncs: the use case of a policy's sync, with the settings that a policy has by default. */
import path from 'node:path';
import { sync } from '../activities/sync.ts';
import type { Dependencies } from '../activities/dependencies.ts';
import { silentProgress } from '../common/progress.ts';
import type { ActionRequest, SyncSettings } from '../domain/action.ts';
import { openEvidenceStore } from '../evidence/open-evidence-store.ts';
import { keepYoungGeneration } from '../files/v8-flags.ts';
import { openLocalStorage } from '../storage/local.ts';

// As the worker's process begins; given to Node as an option the flag does not do the same.
keepYoungGeneration();

const [source = '', target = ''] = process.argv.slice(2).map((folder) => path.resolve(folder));
const place = path.dirname(target);

const settings: SyncSettings = {
  kind: 'sync',
  source: { directories: [source], exclude: [], excludeIfPresent: [], excludeCaches: false, oneFileSystem: false },
  to: { name: 'standby', local: { path: place } },
  path: path.basename(target),
  mode: 'mirror',
  include: ['**'],
  guards: { emptySource: 'refuse', maxDelete: { share: 0.1, files: 1000 } },
  checksum: false,
  verifyShare: 0,
};

const request: ActionRequest = {
  action: {
    id: 'policy/bench/sync/standby',
    kind: 'sync',
    policy: 'bench',
    target: 'standby',
    objectives: { rpoSeconds: 86_400, rtoSeconds: 3600 },
    schedule: {
      timing: { kind: 'interval', everySeconds: 86_400, offsetSeconds: 0 },
      jitterSeconds: 0,
      timeoutSeconds: 3600,
      missed: 'latest',
    },
    settings,
    offlineToleranceSeconds: 0,
    digest: 'd'.repeat(64),
  },
  commit: { hash: 'c'.repeat(40), dirty: false },
  applyId: 'bench',
  evidence: { location: { name: 'evidence', local: { path: path.join(place, 'evidence') } }, path: '' },
  trigger: 'manual',
};

const openStorage: Dependencies['openStorage'] = async (location, folder) =>
  openLocalStorage(path.join(location.local?.path ?? '', folder));

const dependencies: Dependencies = {
  openStorage,
  openTree: () => Promise.reject(new Error('this sync stays on this machine')),
  openRepository: () => Promise.reject(new Error('a sync opens no repository')),
  openEvidence: async ({ location, path: folder }) => openEvidenceStore(await openStorage(location, folder, 'writer')),
  resolveSecret: () => Promise.reject(new Error('a sync without encryption needs no secret')),
  clock: () => new Date(),
  hostname: 'bench',
  scratchDirectory: place,
  allowCommands: false,
};

const { figures, findings } = await sync(dependencies, request, {
  signal: new AbortController().signal,
  progress: silentProgress,
});
process.stdout.write(`${JSON.stringify({ figures, findings })}\n`);
if (findings.length > 0) process.exitCode = 1;
