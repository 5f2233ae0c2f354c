/** Which snapshot a person means: an id, a unique prefix of one, or `latest` among those that filters leave. */
import { HoldfastError, NotFoundError } from '../common/errors.ts';
import { parseSnapshotTime } from './snapshot-time.ts';
import { isOfPolicy, type Snapshot } from './snapshot.ts';

export interface SnapshotSelector {
  /** A full id, a prefix of at least one digit, or `latest` (default). An id needs no filter, and ignores them. */
  id?: string;
  /** The tag `policy=NAME`. */
  policy?: string;
  /** Names that the policy had before, whose snapshots are its own. */
  formerNames?: readonly string[];
  host?: string;
  /** Held by the snapshot: one of its paths, a folder above one, or something below one. */
  path?: string;
  /** Several, joined by commas: all of them. */
  tag?: string;
  /** Only those made at or before it. */
  at?: Date;
}

/**
 * Throws NotFound when none fits, and Usage when several could be meant: a prefix of two ids, or a `latest` without
 * filter in a repository that holds the snapshots of several sources.
 */
export function findSnapshot(snapshots: readonly Snapshot[], selector: SnapshotSelector): Snapshot {
  const { id = 'latest' } = selector;
  return id === 'latest' ? findLatest(snapshots, selector) : findById(snapshots, id);
}

function findById(snapshots: readonly Snapshot[], id: string): Snapshot {
  const prefix = id.toLowerCase();
  if (!/^[0-9a-f]{1,64}$/.test(prefix)) {
    throw new NotFoundError(`"${id}" is no snapshot id`, {
      hint: 'Give an id as "holdfast snapshots" lists it, or "latest".',
    });
  }
  const matching = snapshots.filter((snapshot) => snapshot.id.startsWith(prefix));
  const [only] = matching;
  if (only === undefined) {
    throw new NotFoundError(`no snapshot has an id that begins with "${id}"`, {
      hint: 'Run "holdfast snapshots" to see what there is.',
    });
  }
  if (matching.length > 1) {
    const ids = matching.slice(0, 5).map((snapshot) => snapshot.id.slice(0, prefix.length + 4));
    throw new HoldfastError('Usage', `the ids of ${matching.length} snapshots begin with "${id}"`, {
      hint: `Type more digits: ${ids.join(', ')}${matching.length > ids.length ? ', …' : ''}.`,
    });
  }
  return only;
}

function findLatest(snapshots: readonly Snapshot[], selector: SnapshotSelector): Snapshot {
  const matching = preferWhole(
    snapshots.filter((snapshot) => fits(snapshot, selector)),
    selector.path,
  );
  const newest = matching.toSorted(compareTimes).at(-1);
  if (newest === undefined) {
    throw new NotFoundError(`no snapshot ${describe(selector)}`, {
      hint: 'Run "holdfast snapshots" to see what there is.',
    });
  }
  const filtered = [selector.policy, selector.host, selector.path, selector.tag].some((value) => value !== undefined);
  const sources = new Map(matching.map((snapshot) => [sourceOf(snapshot), suggestFilter(snapshot)]));
  if (!filtered && sources.size > 1) {
    const filters = [...new Set(sources.values())].slice(0, 5);
    throw new HoldfastError('Usage', `"latest" could mean snapshots of ${sources.size} sources`, {
      hint: `Add one of: ${filters.join(', ')}${sources.size > filters.length ? ', …' : ''}.`,
    });
  }
  return newest;
}

/** A newer snapshot of one file in a folder is not the latest of that folder, as long as there is one that holds it all. */
function preferWhole(snapshots: Snapshot[], path: string | undefined): Snapshot[] {
  if (path === undefined) return snapshots;
  const whole = snapshots.filter((snapshot) => snapshot.paths.some((held) => isWithin(path, held)));
  return whole.length > 0 ? whole : snapshots;
}

/** Whether all filters that are given hold; the id is none of them. */
export function fits(snapshot: Snapshot, selector: SnapshotSelector): boolean {
  const { policy, formerNames = [], host, path, tag, at } = selector;
  const tags = tag?.split(',') ?? [];
  return (
    (policy === undefined || isOfPolicy(snapshot, [policy, ...formerNames])) &&
    (host === undefined || snapshot.hostname === host) &&
    (path === undefined || snapshot.paths.some((held) => isWithin(held, path) || isWithin(path, held))) &&
    (at === undefined || millisecondsOf(snapshot) <= at.getTime()) &&
    tags.every((wanted) => snapshot.tags?.includes(wanted))
  );
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** Snapshots of one policy are of one source, also when its paths have changed since. */
function sourceOf(snapshot: Snapshot): string {
  return policyOf(snapshot) ?? JSON.stringify([snapshot.hostname, snapshot.paths.toSorted()]);
}

function suggestFilter(snapshot: Snapshot): string {
  const policy = policyOf(snapshot);
  return policy === undefined ? `--host ${snapshot.hostname} --path ${snapshot.paths[0] ?? '/'}` : `--policy ${policy}`;
}

function policyOf(snapshot: Snapshot): string | undefined {
  return snapshot.tags?.find((tag) => tag.startsWith('policy='))?.slice('policy='.length);
}

function describe({ policy, host, path, tag, at }: SnapshotSelector): string {
  const parts = [
    policy === undefined ? undefined : `of the policy "${policy}"`,
    host === undefined ? undefined : `of the host "${host}"`,
    path === undefined ? undefined : `with the path "${path}"`,
    tag === undefined ? undefined : `with the tag "${tag}"`,
    at === undefined ? undefined : `made by ${at.toISOString()}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? 'is in the repository' : `${parts.join(' ')} is in the repository`;
}

function millisecondsOf(snapshot: Snapshot): number {
  return Number(parseSnapshotTime(snapshot.time).epochNanoseconds / 1_000_000n);
}

function compareTimes(a: Snapshot, b: Snapshot): number {
  const difference = parseSnapshotTime(a.time).epochNanoseconds - parseSnapshotTime(b.time).epochNanoseconds;
  return difference < 0n ? -1 : difference > 0n ? 1 : a.id < b.id ? -1 : 1;
}
