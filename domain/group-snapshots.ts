/** Groups of snapshots as restic's `--group-by` makes them: rules are applied to each group on its own. */
import { HoldfastError } from '../common/errors.ts';
import type { Snapshot } from './snapshot.ts';

/** What the snapshots of a group have in common; a key that was not asked for is absent. */
export interface SnapshotGroup {
  host?: string;
  /** Sorted. */
  paths?: string[];
  /** Sorted. */
  tags?: string[];
  snapshots: Snapshot[];
}

type GroupingKey = 'host' | 'paths' | 'tags';

const KEYS_BY_WORD: ReadonlyMap<string, GroupingKey> = new Map([
  ['host', 'host'],
  ['hosts', 'host'],
  ['path', 'paths'],
  ['paths', 'paths'],
  ['tag', 'tags'],
  ['tags', 'tags'],
]);

/**
 * Groups snapshots by what `by` names, separated by commas: `host`, `paths`, `tags`; empty: all in one group. The order
 * of groups is that of their keys, the order inside a group is the given one. Throws a Usage error for another word.
 */
export function groupSnapshots(snapshots: readonly Snapshot[], by = 'host,paths'): SnapshotGroup[] {
  const keys = parseGrouping(by);
  const groups = new Map<string, SnapshotGroup>();
  for (const snapshot of snapshots) {
    const group: SnapshotGroup = {
      ...(keys.has('host') && { host: snapshot.hostname }),
      ...(keys.has('paths') && { paths: snapshot.paths.toSorted() }),
      ...(keys.has('tags') && { tags: (snapshot.tags ?? []).toSorted() }),
      snapshots: [],
    };
    const name = JSON.stringify([group.host, group.paths, group.tags]);
    const known = groups.get(name) ?? group;
    known.snapshots.push(snapshot);
    groups.set(name, known);
  }
  return [...groups.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

function parseGrouping(by: string): Set<GroupingKey> {
  const keys = new Set<GroupingKey>();
  for (const word of by.split(',').map((part) => part.trim())) {
    if (word === '') continue;
    const key = KEYS_BY_WORD.get(word);
    if (key === undefined) {
      throw new HoldfastError('Usage', `snapshots cannot be grouped by "${word}"`, {
        hint: 'Name any of host, paths and tags, separated by commas; an empty value makes one group.',
      });
    }
    keys.add(key);
  }
  return keys;
}
