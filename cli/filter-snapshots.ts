/** The snapshots that the filters `--policy`, `--host`, `--path` and `--tag` leave. */
import type { Snapshot } from '../domain/snapshot.ts';
import type { SnapshotFilterOptions } from './select-snapshot.ts';

/** All filters that are given must hold. A path matches a snapshot that holds it: a folder that was backed up, or one above it. */
export function filterSnapshots(snapshots: Snapshot[], filter: SnapshotFilterOptions): Snapshot[] {
  const tags = [...(filter.tag?.split(',') ?? []), ...(filter.policy === undefined ? [] : [`policy=${filter.policy}`])];
  return snapshots.filter(
    (snapshot) =>
      (filter.host === undefined || snapshot.hostname === filter.host) &&
      (filter.path === undefined || snapshot.paths.some((path) => contains(path, filter.path!))) &&
      tags.every((tag) => snapshot.tags?.includes(tag) ?? false),
  );
}

function contains(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
