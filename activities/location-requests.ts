/** What a run asked of remote locations, and as whom: for its record. */
import type { LocationSettings } from '../domain/action.ts';
import type { LocationRequests } from '../domain/run-record.ts';
import { identityOf } from '../storage/open-storage.ts';
import type { StorageCounts, StorageRole } from '../storage/storage.ts';
import type { Dependencies } from './dependencies.ts';

export function requestsOf(location: LocationSettings, role: StorageRole, counts: StorageCounts): LocationRequests {
  const { user } = identityOf(location, role);
  return { location: location.name, role, ...(user === undefined ? {} : { user }), ...counts };
}

/**
 * Dependencies that remember which storages and trees they have opened: `requests` adds up what was asked of each location
 * in each role, in the order in which they were first opened.
 */
export function countRequests(deps: Dependencies): { deps: Dependencies; requests(): LocationRequests[] } {
  const opened: { location: LocationSettings; role: StorageRole; counts: () => StorageCounts }[] = [];
  const remember = <Opened extends { counts?(): StorageCounts }>(
    location: LocationSettings,
    role: StorageRole,
    what: Opened,
  ): Opened => {
    if (what.counts !== undefined) opened.push({ location, role, counts: () => what.counts!() });
    return what;
  };
  return {
    deps: {
      ...deps,
      openStorage: async (location, path, role) =>
        remember(location, role, await deps.openStorage(location, path, role)),
      openTree: async (location, path, role) => remember(location, role, await deps.openTree(location, path, role)),
    },
    requests() {
      const sums = new Map<string, LocationRequests>();
      for (const { location, role, counts } of opened) {
        const key = `${location.name} ${role}`;
        const before = sums.get(key);
        sums.set(key, requestsOf(location, role, before === undefined ? counts() : addCounts(before, counts())));
      }
      return [...sums.values()];
    },
  };
}

function addCounts(a: StorageCounts, b: StorageCounts): StorageCounts {
  return {
    writes: a.writes + b.writes,
    lists: a.lists + b.lists,
    reads: a.reads + b.reads,
    stats: a.stats + b.stats,
    removes: a.removes + b.removes,
    bytesWritten: a.bytesWritten + b.bytesWritten,
    bytesRead: a.bytesRead + b.bytesRead,
  };
}
