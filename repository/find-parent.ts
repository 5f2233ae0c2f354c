/** Chooses the snapshot that a backup compares with, so that unchanged files need not be read. */
import { NotFoundError } from '../common/errors.ts';
import type { Snapshot } from '../domain/snapshot.ts';

export interface ParentQuery {
  /** Absolute paths of the sources. */
  paths: string[];
  hostname: string;
  /** Snapshots with all of these are preferred. */
  tags: string[];
  /** No parent is newer. */
  time: Date;
}

/** restic's choice: of the same host and with all the paths, the newest that is not newer than this backup. */
export function findParent(snapshots: readonly Snapshot[], query: ParentQuery): Snapshot | undefined {
  const fitting = snapshots.filter(
    (snapshot) =>
      snapshot.hostname === query.hostname &&
      query.paths.every((path) => snapshot.paths.includes(path)) &&
      Date.parse(snapshot.time) <= query.time.getTime(),
  );
  const preferred = fitting.filter((snapshot) => query.tags.every((tag) => snapshot.tags?.includes(tag)));
  return newest(preferred) ?? newest(fitting);
}

/** The snapshot with this id or unique beginning of an id. Throws NotFound. */
export function parentById(snapshots: readonly Snapshot[], id: string): Snapshot {
  const found = snapshots.filter((snapshot) => snapshot.id.startsWith(id));
  if (found.length === 1 && found[0] !== undefined) return found[0];
  throw new NotFoundError(`There is ${found.length === 0 ? 'no' : 'more than one'} snapshot ${id} to compare with.`, {
    hint: 'Give the id of a snapshot as `holdfast snapshots` shows it, or leave the parent out.',
  });
}

function newest(snapshots: readonly Snapshot[]): Snapshot | undefined {
  return snapshots.reduce<Snapshot | undefined>(
    (best, snapshot) => (best === undefined || Date.parse(snapshot.time) >= Date.parse(best.time) ? snapshot : best),
    undefined,
  );
}
