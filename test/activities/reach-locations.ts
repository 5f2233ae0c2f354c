/** Use cases that reach locations on real servers, besides those on this machine. */
import type { Dependencies } from '../../activities/dependencies.ts';
import { openStorage } from '../../storage/open-storage.ts';
import { openTree } from '../../storage/open-tree.ts';
import type { StorageSurroundings } from '../../storage/storage-location.ts';

/** Of locations on this machine the storages stay as they are. */
export function reachLocations(deps: Dependencies, surroundings: StorageSurroundings): void {
  const local = deps.openStorage;
  deps.openTree = (location, path, role) => openTree(location, path, role, surroundings);
  deps.openStorage = (location, path, role) =>
    location.local === undefined ? openStorage(location, path, role, surroundings) : local(location, path, role);
}
