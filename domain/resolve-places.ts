/** Turns Locations, Repositories, sources and secrets of policy documents into settings with absolute paths. */
import { absolutePath } from '../common/paths.ts';
import type { RateLimits } from '../common/rate-limits.ts';
import type { StorageIdentity } from '../common/storage-identity.ts';
import { parseRate, parseSize } from '../common/sizes.ts';
import type { LoadedDocument } from '../schemas/loaded-document.ts';
import type {
  GCS,
  Identity,
  Location,
  Policy,
  Repository,
  S3,
  SecretReference as WrittenSecret,
} from '../schemas/types.ts';
import type {
  GcsLocation,
  LocalLocation,
  LocationSettings,
  Place,
  RepositorySettings,
  S3Location,
  SecretReference,
  SftpLocation,
  SourceSettings,
} from './action.ts';
import { realmOf } from './location-realm.ts';
import { projectTimezone, type PolicyFolder } from './policy-folder.ts';

/** undefined when nothing of that name exists, or when it is of a kind that is not built (`findNotBuilt` tells). */
export function resolveLocation(name: string, folder: PolicyFolder): LocationSettings | undefined {
  const document = folder.locations.get(name);
  return document === undefined ? undefined : locationSettings(document, folder);
}

function locationSettings(document: LoadedDocument<Location>, folder: PolicyFolder): LocationSettings | undefined {
  const { local, sftp, gcs, s3 } = document.content.spec;
  const shared = sharedSettings(document, folder);
  if (local !== undefined) {
    const settings: LocalLocation = { ...shared, local: { path: absolutePath(document.directory, local.path) } };
    if (local.host !== undefined) settings.local.host = local.host;
    return settings;
  }
  if (gcs !== undefined) return gcsLocation(gcs, shared);
  if (s3 !== undefined) return s3Location(s3, shared);
  if (sftp === undefined) return undefined;
  const { host, port = 22, path, hostKey, knownHosts } = sftp;
  const settings: SftpLocation = { ...shared, sftp: { host, port, path } };
  if (hostKey !== undefined) settings.sftp.hostKey = hostKey;
  if (knownHosts !== undefined) settings.sftp.knownHosts = absolutePath(document.directory, knownHosts);
  return settings;
}

type Shared = ReturnType<typeof sharedSettings>;

function gcsLocation({ bucket, prefix, projectId, endpoint }: GCS, shared: Shared): GcsLocation {
  const settings: GcsLocation = { ...shared, gcs: { bucket } };
  if (prefix !== undefined) settings.gcs.prefix = pathBelow(prefix);
  if (projectId !== undefined) settings.gcs.projectId = projectId;
  if (endpoint !== undefined) settings.gcs.endpoint = endpoint;
  return settings;
}

function s3Location({ bucket, prefix, region, endpoint, forcePathStyle }: S3, shared: Shared): S3Location {
  const settings: S3Location = { ...shared, s3: { bucket } };
  if (prefix !== undefined) settings.s3.prefix = pathBelow(prefix);
  if (region !== undefined) settings.s3.region = region;
  if (endpoint !== undefined) settings.s3.endpoint = endpoint;
  if (forcePathStyle !== undefined) settings.s3.forcePathStyle = forcePathStyle;
  return settings;
}

/** What is said in the same way of every kind of storage. */
function sharedSettings(
  document: LoadedDocument<Location>,
  folder: PolicyFolder,
): Pick<LocationSettings, 'name' | 'access' | 'identities' | 'limits'> {
  const { access, identities, limits } = document.content.spec;
  const settings: ReturnType<typeof sharedSettings> = { name: document.name };
  if (access !== undefined) {
    const { admins = [], writers = [], readers = [] } = access;
    settings.access = { admins, writers, readers };
  }
  if (identities !== undefined) {
    settings.identities = {};
    for (const role of ['writer', 'maintainer', 'reader'] as const) {
      const identity = identities[role];
      if (identity !== undefined) settings.identities[role] = resolveIdentity(identity, document, folder);
    }
  }
  if (limits !== undefined) {
    const { connections, upload, download, times } = limits;
    settings.limits = resolveRates(upload, download);
    if (connections !== undefined) settings.limits.connections = connections;
    if (times !== undefined) {
      settings.limits.times = times.map(({ from, to, ...rates }) => ({
        fromMinute: minuteOfDay(from),
        toMinute: minuteOfDay(to),
        ...resolveRates(rates.upload, rates.download),
      }));
      settings.limits.timezone = projectTimezone(folder);
    }
  }
  return settings;
}

function resolveRates(upload: string | undefined, download: string | undefined): RateLimits {
  const rates: RateLimits = {};
  if (upload !== undefined) rates.uploadBytesPerSecond = parseRate(upload);
  if (download !== undefined) rates.downloadBytesPerSecond = parseRate(download);
  return rates;
}

/** Of a time of day such as `08:30`. */
function minuteOfDay(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

function resolveIdentity(
  { user, agent, privateKeyFrom, passphraseFrom, passwordFrom, credentialsFrom }: Identity,
  document: LoadedDocument<Location>,
  folder: PolicyFolder,
): StorageIdentity {
  const settings: StorageIdentity = {};
  if (user !== undefined) settings.user = user;
  if (agent !== undefined) settings.agent = agent;
  if (privateKeyFrom !== undefined) settings.privateKey = resolveSecretReference(privateKeyFrom, document, folder);
  if (passphraseFrom !== undefined) settings.passphrase = resolveSecretReference(passphraseFrom, document, folder);
  if (passwordFrom !== undefined) settings.password = resolveSecretReference(passwordFrom, document, folder);
  if (credentialsFrom !== undefined) settings.credentials = resolveSecretReference(credentialsFrom, document, folder);
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

/** The location that a source is; undefined when it is none, and as with `resolveLocation`. */
export function resolveSourcePlace(document: LoadedDocument<Policy>, folder: PolicyFolder): Place | undefined {
  const { location: name, path } = document.content.spec.source;
  const location = name === undefined ? undefined : resolveLocation(name, folder);
  return location && { location, path: pathBelow(path) };
}

/** Absolute folders, here or at the location that the source is; none when it is no folder. */
function sourceDirectories(document: LoadedDocument<Policy>, place: Place | undefined): string[] {
  if (place !== undefined) return [realmOf(place.location, place.path).path];
  const { directories, directory } = document.content.spec.source;
  const written = directories ?? (directory === undefined ? [] : [directory]);
  return written.map((path) => absolutePath(document.directory, path));
}

/** undefined when the source is of a kind that is not built. */
export function resolveSource(document: LoadedDocument<Policy>, folder: PolicyFolder): SourceSettings | undefined {
  const { source } = document.content.spec;
  const place = resolveSourcePlace(document, folder);
  const directories = sourceDirectories(document, place);
  if (directories.length === 0) return undefined;
  const settings: SourceSettings = {
    directories,
    exclude: (source.exclude ?? []).map((pattern) => absolutePattern(pattern, document.directory)),
    excludeIfPresent: source.excludeIfPresent ?? [],
    excludeCaches: source.excludeCaches ?? false,
    oneFileSystem: source.oneFileSystem ?? false,
  };
  const host = source.host ?? place?.location.local?.host;
  if (host !== undefined) settings.host = host;
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
