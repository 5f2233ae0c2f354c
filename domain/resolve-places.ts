/** Turns Locations, Repositories, sources and secrets of policy documents into settings with absolute paths. */
import { absolutePath } from '../common/paths.ts';
import { parseSize } from '../common/sizes.ts';
import type { LoadedDocument } from '../schemas/loaded-document.ts';
import type { Location, Policy, Repository, SecretReference as WrittenSecret } from '../schemas/types.ts';
import type { LocationSettings, RepositorySettings, SecretReference, SourceSettings } from './action.ts';
import type { PolicyFolder } from './policy-folder.ts';

/** undefined when nothing of that name exists, or when it is of a kind that is not built (`findNotBuilt` tells). */
export function resolveLocation(name: string, folder: PolicyFolder): LocationSettings | undefined {
  const document = folder.locations.get(name);
  return document === undefined ? undefined : locationSettings(document);
}

function locationSettings(document: LoadedDocument<Location>): LocationSettings | undefined {
  const { local, access } = document.content.spec;
  if (local === undefined) return undefined;
  const settings: LocationSettings = {
    name: document.name,
    local: { path: absolutePath(document.directory, local.path) },
  };
  if (local.host !== undefined) settings.local.host = local.host;
  if (access !== undefined) {
    const { admins = [], writers = [], readers = [] } = access;
    settings.access = { admins, writers, readers };
  }
  return settings;
}

/** undefined as with `resolveLocation`. */
export function resolveRepository(name: string, folder: PolicyFolder): RepositorySettings | undefined {
  const document = folder.repositories.get(name);
  if (document === undefined) return undefined;
  const { spec } = document.content;
  const location = resolveLocation(spec.location, folder);
  if (location === undefined) return undefined;
  return {
    name,
    location,
    path: pathBelow(spec.path),
    password: resolveSecretReference(spec.passwordFrom, document, folder),
    compression: spec.compression ?? 'auto',
  };
}

/** A path below a location, without dots and double slashes; empty for the location itself. */
export function pathBelow(path: string | undefined): string {
  return absolutePath('/', path ?? '').slice(1);
}

/**
 * With the embedded engine relative files are those of the policy folder, and made absolute; else they stay as they
 * are, because each worker has a secrets folder of its own.
 */
export function resolveSecretReference(
  secret: WrittenSecret,
  document: LoadedDocument<Repository> | LoadedDocument,
  folder: PolicyFolder,
): SecretReference {
  if (secret.env !== undefined) return { env: secret.env };
  if (secret.command !== undefined) return { command: secret.command };
  const file = secret.file ?? '';
  const embedded = folder.project?.content.spec?.engine?.address === undefined;
  return { file: embedded ? absolutePath(document.policyFolder, file) : file };
}

/** Absolute folders of a source; none when it is no folder. */
export function sourceDirectories(document: LoadedDocument<Policy>): string[] {
  const { directories, directory } = document.content.spec.source;
  const written = directories ?? (directory === undefined ? [] : [directory]);
  return written.map((path) => absolutePath(document.directory, path));
}

/** undefined when the source is of a kind that is not built. */
export function resolveSource(document: LoadedDocument<Policy>): SourceSettings | undefined {
  const { source } = document.content.spec;
  const directories = sourceDirectories(document);
  if (directories.length === 0) return undefined;
  const settings: SourceSettings = {
    directories,
    exclude: (source.exclude ?? []).map((pattern) => absolutePattern(pattern, document.directory)),
    excludeIfPresent: source.excludeIfPresent ?? [],
    excludeCaches: source.excludeCaches ?? false,
    oneFileSystem: source.oneFileSystem ?? false,
  };
  if (source.host !== undefined) settings.host = source.host;
  if (source.excludeLargerThan !== undefined) settings.excludeLargerThanBytes = parseSize(source.excludeLargerThan);
  return settings;
}

/**
 * restic's patterns know two anchors: none (any depth) and `/` (the file system's root). A pattern that begins with
 * `./` or `../` is a path as all others of the language: from the folder of the file that names it.
 */
export function absolutePattern(pattern: string, directory: string): string {
  const negated = pattern.startsWith('!');
  const positive = negated ? pattern.slice(1) : pattern;
  if (!/^\.\.?(\/|$)/.test(positive)) return pattern;
  // The folder itself is no pattern: what is special in its name is escaped.
  const base = directory.replace(/[\\*?[\]]/g, '\\$&');
  return `${negated ? '!' : ''}${absolutePath(base, positive)}`;
}
