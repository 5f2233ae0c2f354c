/** A process of its own that syncs, with the rights that its parent leaves it, and that may be killed. */
import { readFile } from 'node:fs/promises';
import { reachLocations } from './reach-locations.ts';
import { openStorage } from './workbench.ts';
import { sync } from '../../activities/sync.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { silentProgress } from '../../common/progress.ts';
import type { ActionRequest } from '../../domain/action.ts';
import { openEvidenceStore } from '../../evidence/open-evidence-store.ts';

const request = JSON.parse(process.argv[2] ?? '') as ActionRequest;
const resolveSecret: Dependencies['resolveSecret'] = async (reference) => {
  if (!('file' in reference)) throw new Error('the secrets of this sync are in files');
  return (await readFile(reference.file, 'utf8')).trimEnd();
};
const deps: Dependencies = {
  openStorage,
  openTree: () => Promise.reject(new Error('no location is reached yet')),
  openRepository: () => Promise.reject(new Error('a sync opens no repository')),
  openEvidence: async ({ location, path }) => openEvidenceStore(await openStorage(location, path)),
  resolveSecret,
  clock: () => new Date(),
  hostname: 'app-01',
  scratchDirectory: '/nonexistent',
  allowCommands: false,
};
reachLocations(deps, { environment: process.env, resolveSecret });
const outcome = await sync(deps, request, { signal: new AbortController().signal, progress: silentProgress });
process.stdout.write(JSON.stringify(outcome));
