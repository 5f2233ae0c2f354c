/** Looks at the places of what is in force: each repository once, with what lies in it that is another place of the policies. */
import { inspectRepository } from '../activities/inspect-repository.ts';
import type { Dependencies } from '../activities/dependencies.ts';
import { forEachConcurrently } from '../common/concurrency.ts';
import type { Action, EvidenceSettings, RepositorySettings } from '../domain/action.ts';
import { realmOf, type Realm } from '../domain/location-realm.ts';
import { placeKey, repositoriesOf } from '../domain/settings-places.ts';
import type { InspectedRepository } from '../domain/storage-drift.ts';
import type { CliContext } from './command.ts';

const CONCURRENCY = 4;

/** In the order of their names. */
export async function inspectStorage(
  context: CliContext,
  deps: Dependencies,
  { actions, evidence }: { actions: readonly Action[]; evidence: EvidenceSettings },
): Promise<InspectedRepository[]> {
  const repositories = new Map<string, RepositorySettings>();
  for (const { settings } of actions)
    for (const repository of repositoriesOf(settings))
      repositories.set(placeKey(repository.location, repository.path), repository);
  const realms = placesOf(actions, evidence);
  const inspected: InspectedRepository[] = [];
  const progress = context.output.progress();
  try {
    await forEachConcurrently(repositories.values(), CONCURRENCY, async (settings) => {
      const others = foldersWithin(realmOf(settings.location, settings.path), realms);
      inspected.push(await inspectRepository(deps, settings, others, { signal: context.signal, progress }));
    });
  } finally {
    progress.finish();
  }
  return inspected.sort((a, b) => (a.settings.name < b.settings.name ? -1 : 1));
}

function placesOf(actions: readonly Action[], evidence: EvidenceSettings): Realm[] {
  const realms = [realmOf(evidence.location, evidence.path)];
  for (const { settings } of actions) {
    realms.push(...repositoriesOf(settings).map(({ location, path }) => realmOf(location, path)));
    if (settings.kind !== 'sync') continue;
    realms.push(realmOf(settings.to, settings.path));
    if (settings.from !== undefined) realms.push(realmOf(settings.from.location, settings.from.path));
  }
  return realms;
}

function foldersWithin({ realm, path }: Realm, realms: readonly Realm[]): string[] {
  const start = path === '/' ? '/' : `${path}/`;
  return realms
    .filter((other) => other.realm === realm && other.path.startsWith(start) && other.path !== path)
    .map((other) => `${other.path.slice(start.length)}/`);
}
