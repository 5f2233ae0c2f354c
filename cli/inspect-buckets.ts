/** Looks at the rules of the buckets that hold what is in force: each bucket once. */
import { inspectBucket, type OpenBucket } from '../activities/inspect-bucket.ts';
import type { Action, GcsLocation, LocationSettings, S3Location } from '../domain/action.ts';
import type { InspectedBucketPlace } from '../domain/bucket-drift.ts';
import { realmOf } from '../domain/location-realm.ts';
import { retentionSpanSeconds } from '../domain/retention-span.ts';
import { repositoriesOf } from '../domain/settings-places.ts';

const DAY_SECONDS = 86_400;

interface Place extends InspectedBucketPlace {
  location: GcsLocation | S3Location;
  realm: string;
}

export async function inspectBuckets(
  open: OpenBucket,
  actions: readonly Action[],
  signal: AbortSignal,
): Promise<InspectedBucketPlace[]> {
  const places = new Map<string, Place>();
  const add = (name: string, location: LocationSettings, path: string): Place | undefined => {
    if (location.local !== undefined || location.sftp !== undefined) return undefined;
    const { realm, path: key } = realmOf(location, path);
    const place = places.get(name) ?? { name, prefix: key === '/' ? '' : `${key.slice(1)}/`, location, realm };
    places.set(name, place);
    return place;
  };
  for (const { settings } of actions) {
    if (settings.kind === 'sync')
      add(
        `copy ${[settings.to.name, settings.path].filter((part) => part !== '').join('/')}`,
        settings.to,
        settings.path,
      );
    for (const { name, location, path } of repositoriesOf(settings)) {
      const place = add(`repository ${name}`, location, path);
      if (place === undefined || settings.kind !== 'retention') continue;
      const { keep, maxAge } = settings.rules;
      place.keepsSeconds = Math.max(place.keepsSeconds ?? 0, retentionSpanSeconds(keep, maxAge, DAY_SECONDS));
    }
  }
  const found = new Map<string, Awaited<ReturnType<typeof inspectBucket>>>();
  const inspected: InspectedBucketPlace[] = [];
  for (const { location, realm, ...place } of places.values()) {
    const known = found.get(realm) ?? (await inspectBucket(open, location, signal));
    found.set(realm, known);
    inspected.push({ ...place, ...known });
  }
  return inspected;
}
