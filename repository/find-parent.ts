/** Chooses the snapshot that a backup compares with, so that unchanged files need not be read. */
import { NotFoundError } from '../common/errors.ts';
import { isOfPolicy, type Snapshot } from '../domain/snapshot.ts';

export interface ParentQuery {
  /** Absolute paths of the sources. */
  paths: string[];
  hostname: string;
  /** Snapshots with all of these are preferred. */
  tags: string[];
  /** Snapshots of a policy with one of these names are of this source, whatever host they name: one may have been adopted, or renamed. */
  ownPolicies?: readonly string[];
  /** No parent is newer. */
  time: Date;
  /** What a parent must have in common with the backup (restic's `--group-by`). Default: host and paths. */
  groupBy?: readonly ParentCriterion[];
}

export type ParentCriterion = 'host' | 'paths' | 'tags';

const GROUP_BY: readonly ParentCriterion[] = ['host', 'paths'];

/**
 * restic's choice: of the same host and with all the paths (and perhaps others), the newest that is not newer than this
 * backup; for a policy's backup one of its own comes first.
 */
export function findParent(snapshots: readonly Snapshot[], query: ParentQuery): Snapshot | undefined {
  const { groupBy = GROUP_BY, hostname, ownPolicies = [], paths, tags, time } = query;
  const hasTags = (snapshot: Snapshot): boolean => tags.every((tag) => snapshot.tags?.includes(tag));
  const fitting = snapshots.filter(
    (snapshot) =>
      (!groupBy.includes('host') || snapshot.hostname === hostname || isOfPolicy(snapshot, ownPolicies)) &&
      (!groupBy.includes('paths') || hasPaths(snapshot, paths)) &&
      (!groupBy.includes('tags') || hasTags(snapshot)) &&
      Date.parse(snapshot.time) <= time.getTime(),
  );
  return newest(fitting.filter(hasTags)) ?? newest(fitting);
}

/** A list of files to back up can be long. */
function hasPaths(snapshot: Snapshot, paths: readonly string[]): boolean {
  if (snapshot.paths.length < paths.length) return false;
  const present = new Set(snapshot.paths);
  return paths.every((path) => present.has(path));
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
