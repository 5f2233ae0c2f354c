/** What the disk of a sync's target keeps of the files that it gets: found out by each run, and by a dry run read from the marker. */
import { join } from 'node:path';
import type { SyncSettings } from '../domain/action.ts';
import type { SyncMarker } from '../domain/sync-marker.ts';
import { fromText } from '../files/byte-path.ts';
import { tryDiskKeeps, type DiskKeeps } from '../files/disk-keeps.ts';
import type { FileTree } from '../files/file-tree.ts';
import { isOnLocalFileSystem } from '../files/local-file-systems.ts';
import { readProcessRights } from './process-rights.ts';
import { KEEPS_PROBE } from './sync-marker.ts';

/**
 * undefined: everything, or what a tree elsewhere says by itself.
 *
 * @param stored The whole target, as it is stored. Its root is there, unless it is a dry run.
 */
export async function diskKeepsOf(
  stored: FileTree,
  { to, path }: SyncSettings,
  { marker, dryRun }: { marker: SyncMarker | undefined; dryRun: boolean },
): Promise<DiskKeeps | undefined> {
  if (to.local === undefined) return undefined;
  // A disk may be a copy of another one, marker and all: whoever may write tries it.
  if (dryRun) return marker?.keeps;
  if (isOnLocalFileSystem(join(to.local.path, path))) return undefined;
  return tryDiskKeeps(stored, fromText(KEEPS_PROBE), readProcessRights().changesOwners);
}
