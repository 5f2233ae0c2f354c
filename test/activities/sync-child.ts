/** A process of its own that syncs, with the rights that its parent leaves it, and that may be killed. */
import { readFile } from 'node:fs/promises';
import { openStorage } from './workbench.ts';
import { sync } from '../../activities/sync.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { silentProgress } from '../../common/progress.ts';
import type { ActionRequest } from '../../domain/action.ts';
import { openEvidenceStore } from '../../evidence/open-evidence-store.ts';
import { openTree } from '../../storage/open-tree.ts';

const request = JSON.parse(process.argv[2] ?? '') as ActionRequest;
const resolveSecret: Dependencies['resolveSecret'] = async (reference) => {
  if (!('file' in reference)) throw new Error('the secrets of this sync are in files');
  return (await readFile(reference.file, 'utf8')).trimEnd();
};
const deps: Dependencies = {
  openStorage,
  openTree: (location, path, role) => openTree(location, path, role, { environment: process.env, resolveSecret }),
  openRepository: () => Promise.reject(new Error('a sync opens no repository')),
  openEvidence: async ({ location, path }) => openEvidenceStore(await openStorage(location, path)),
  resolveSecret,
  clock: () => new Date(),
  hostname: 'app-01',
  scratchDirectory: '/nonexistent',
  allowCommands: false,
};
const outcome = await sync(deps, request, { signal: new AbortController().signal, progress: silentProgress });
process.stdout.write(JSON.stringify(outcome));
