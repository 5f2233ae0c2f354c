/** A process of its own that syncs, with the rights that its parent leaves it: for sources that may not be read. */
import { openStorage } from './workbench.ts';
import { sync } from '../../activities/sync.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { silentProgress } from '../../common/progress.ts';
import type { ActionRequest } from '../../domain/action.ts';
import { openEvidenceStore } from '../../evidence/open-evidence-store.ts';

const request = JSON.parse(process.argv[2] ?? '') as ActionRequest;
const deps: Dependencies = {
  openStorage,
  openTree: () => Promise.reject(new Error('this sync stays on this machine')),
  openRepository: () => Promise.reject(new Error('a sync opens no repository')),
  openEvidence: async ({ location, path }) => openEvidenceStore(await openStorage(location, path)),
  resolveSecret: () => Promise.reject(new Error('a sync needs no secret')),
  clock: () => new Date(),
  hostname: 'app-01',
  scratchDirectory: '/nonexistent',
  allowCommands: false,
};
const outcome = await sync(deps, request, { signal: new AbortController().signal, progress: silentProgress });
process.stdout.write(JSON.stringify(outcome));
