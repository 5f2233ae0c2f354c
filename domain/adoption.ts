/** Which snapshots a policy takes in that were made without it, and what each becomes: the same one, with the policy's tags. */
import { originOf } from './copy-plan.ts';
import { groupSnapshots, type SnapshotGroup } from './group-snapshots.ts';
import { isOfPolicy, tagsOfPolicy, type Snapshot } from './snapshot.ts';

/** The policy that takes snapshots in. */
export interface Adopter {
  name: string;
  /** What its backup reads; absent: the policies do not say. */
  source?: {
    /** Absolute. */
    directories: readonly string[];
    /** Absent: any host's. */
    host?: string;
  };
}

export type AdoptionStep =
  /** A new snapshot file with the tags, and then the old one goes. */
  | 'adopt'
  /** The new one is there already, of an adoption that was interrupted, or might not delete: the old one goes. */
  | 'finish'
  /** It is the policy's already. */
  | 'own'
  /** It is another policy's, and stays so. */
  | 'other';

export interface PlannedAdoption {
  snapshot: Snapshot;
  step: AdoptionStep;
  /** Of `finish`: the new one. */
  successor?: Snapshot;
  /** Of `other`: the policy that has it. */
  policy?: string;
}

/** What is decided of each chosen snapshot, in the order given. `all` are those of the repository. */
export function planAdoption(
  chosen: readonly Snapshot[],
  all: readonly Snapshot[],
  policyName: string,
): PlannedAdoption[] {
  const own = Map.groupBy(
    all.filter((snapshot) => isWhollyOf(snapshot, policyName)),
    originOf,
  );
  return chosen.map((snapshot): PlannedAdoption => {
    if (isWhollyOf(snapshot, policyName)) return { snapshot, step: 'own' };
    const policy = policiesOf(snapshot).find((name) => name !== policyName);
    if (policy !== undefined) return { snapshot, step: 'other', policy };
    const successor = own.get(originOf(snapshot))?.find((candidate) => succeeds(candidate, snapshot, policyName));
    return successor === undefined ? { snapshot, step: 'adopt' } : { snapshot, step: 'finish', successor };
  });
}

/** The document to be saved: all that it says stays, the tags are added, and it names the first of its line, as restic's `tag` does. */
export function asAdopted(snapshot: Snapshot, policyName: string): Omit<Snapshot, 'id'> {
  const { id: _, ...document } = snapshot;
  return { ...document, tags: adoptedTags(snapshot, policyName), original: originOf(snapshot) };
}

/**
 * What a policy takes when nobody says which: what no policy has, of its host and of exactly its folders. Without a
 * source nothing can be said.
 */
export function fitsAdopter(snapshot: Snapshot, { source }: Adopter): boolean {
  if (source === undefined) return false;
  return (source.host === undefined || snapshot.hostname === source.host) && hasSamePaths(snapshot, source.directories);
}

/** Made without any policy. */
export function isUnowned(snapshot: Snapshot): boolean {
  return policiesOf(snapshot).length === 0;
}

/** The sources that the snapshots are of, by host and folders: a retention takes all of them as one. */
export function sourcesOf(snapshots: readonly Snapshot[]): SnapshotGroup[] {
  return groupSnapshots(snapshots, 'host,paths');
}

export function hasSamePaths({ paths }: Snapshot, directories: readonly string[]): boolean {
  return paths.length === directories.length && directories.every((directory) => paths.includes(directory));
}

function isWhollyOf(snapshot: Snapshot, policyName: string): boolean {
  return isOfPolicy(snapshot, [policyName]) && snapshot.tags?.includes('holdfast') === true;
}

/** The policies whose snapshot it is: by its tags. */
export function policiesOf({ tags = [] }: Snapshot): string[] {
  return tags.filter((tag) => tag.startsWith('policy=')).map((tag) => tag.slice('policy='.length));
}

function adoptedTags({ tags = [] }: Snapshot, policyName: string): string[] {
  return [...new Set([...tags, ...tagsOfPolicy(policyName)])];
}

function succeeds(candidate: Snapshot, snapshot: Snapshot, policyName: string): boolean {
  const tags = adoptedTags(snapshot, policyName);
  return (
    candidate.tree === snapshot.tree &&
    candidate.time === snapshot.time &&
    candidate.hostname === snapshot.hostname &&
    candidate.tags?.length === tags.length &&
    tags.every((tag) => candidate.tags?.includes(tag))
  );
}
