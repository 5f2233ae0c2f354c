/** What the tests of syncs begin with: the settings of a mirror beside its source, and files to sync. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SyncSettings } from '../../domain/action.ts';
import { sourceSettings, type Workbench } from './workbench.ts';

/** A mirror of the bench's source in `standby/orders`, as a policy has it by default; all contents are compared. */
export function syncSettings(bench: Workbench, changes: Partial<SyncSettings> = {}): SyncSettings {
  return {
    kind: 'sync',
    source: sourceSettings([bench.source]),
    to: { name: 'standby', local: { path: join(bench.directory, 'standby') } },
    path: 'orders',
    mode: 'mirror',
    include: ['**'],
    guards: { emptySource: 'refuse', maxDelete: { share: 0.1, files: 1000 } },
    checksum: false,
    verifyShare: 1,
    ...changes,
  };
}

/** Writes files by their names below the folder, and makes their folders. */
export async function fillFolder(folder: string, files: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}
