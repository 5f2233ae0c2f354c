/** Which repositories and locations an action works on. */
import type { ActionSettings, LocationSettings, RepositorySettings } from './action.ts';
import { realmOf } from './location-realm.ts';

export function repositoriesOf(settings: ActionSettings): RepositorySettings[] {
  if (settings.kind === 'copy') return [settings.from, settings.to];
  if ('repository' in settings) return [settings.repository];
  return 'repositories' in settings ? settings.repositories : [];
}

/** Those of its repositories among them. */
export function locationsOf(settings: ActionSettings): LocationSettings[] {
  const own = repositoriesOf(settings).map(({ location }) => location);
  if (settings.kind === 'sync') own.push(settings.to, ...(settings.from === undefined ? [] : [settings.from.location]));
  if (settings.kind === 'access-check')
    own.push(...[...settings.targets, ...(settings.sources ?? [])].map(({ location }) => location));
  return own;
}

/** Equal for two names of one place. */
export function placeKey(location: LocationSettings, path: string): string {
  const { realm, path: where } = realmOf(location, path);
  return JSON.stringify([realm, where]);
}
