/** Places: nothing is written into what is read, nothing is written by two, and disks are read by their own host. */
import { isWithin } from '../common/paths.ts';
import type { DocumentPath, LoadedDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';
import type { Policy } from '../schemas/types.ts';
import type { LocationSettings, SourceSettings } from './action.ts';
import { isExcluded, isMalformed, relationToFolder } from './exclude-match.ts';
import { placeOf, problemAt } from './located-problem.ts';
import { realmOf, type Realm } from './location-realm.ts';
import type { PolicyFolder } from './policy-folder.ts';
import { pathBelow, resolveLocation, resolveRepository, resolveSource, resolveSourcePlace } from './resolve-places.ts';

/** Something that is written: a repository or the target of a sync. */
interface Target {
  document: LoadedDocument;
  path: DocumentPath;
  /** For sentences: `the repository "demo"`. */
  name: string;
  /** The location and the path below it: the identity of what is written. */
  place: { location: string; path: string };
  /** Absent when the location is not there, or not built. */
  realm?: Realm;
  /** Absolute, when it is a local folder, with the host whose disk it is. */
  folder?: { path: string; host: string | undefined };
  removes: boolean;
  /** Whether a policy writes it. */
  isWrittenBy(policy: LoadedDocument<Policy>): boolean;
}

export function findPlaceProblems(folder: PolicyFolder): Problem[] {
  const targets = [...findTargets(folder)];
  const policies = [...folder.policies.values()].flatMap((policy) => [
    ...checkTargetsInSource(policy, targets, folder),
    ...checkExcludes(policy, folder),
    ...checkIncludes(policy),
    ...checkHosts(policy, folder),
  ]);
  return [...checkSharedPlaces(targets), ...policies, ...checkEvidence(folder, targets)];
}

function* findTargets(folder: PolicyFolder): Generator<Target> {
  for (const document of folder.repositories.values()) {
    const { location, path } = document.content.spec;
    const name = `the repository "${document.name}"`;
    yield {
      document,
      path: ['spec', path === undefined ? 'location' : 'path'],
      name,
      ...placeIn(folder, location, path),
      removes: false,
      isWrittenBy: ({ content: { spec } }) =>
        [...(spec.backup ?? []), ...(spec.copy ?? [])].some(({ to }) => to === document.name),
    };
  }
  for (const document of folder.policies.values()) {
    for (const [index, sync] of (document.content.spec.sync ?? []).entries()) {
      const path = ['spec', 'sync', index, sync.path === undefined ? 'to' : 'path'];
      const name = `the sync of "${document.name}" to "${sync.to}"`;
      const removes = sync.mode === 'mirror';
      const isWrittenBy = (policy: LoadedDocument<Policy>): boolean => policy === document;
      yield { document, path, name, ...placeIn(folder, sync.to, sync.path), removes, isWrittenBy };
    }
  }
}

function placeIn(
  folder: PolicyFolder,
  location: string,
  path: string | undefined,
): Pick<Target, 'place' | 'realm' | 'folder'> {
  const place = { location, path: pathBelow(path) };
  const settings = resolveLocation(location, folder);
  if (settings === undefined) return { place };
  const realm = realmOf(settings, place.path);
  return settings.local === undefined
    ? { place, realm }
    : { place, realm, folder: { path: realm.path, host: settings.local.host } };
}

/** How two targets lie to each other; undefined when apart. */
function overlap(a: Target, b: Target): 'same' | 'a-within-b' | 'b-within-a' | undefined {
  const [first, second] =
    a.realm !== undefined && b.realm !== undefined && a.realm.realm === b.realm.realm
      ? [a.realm.path, b.realm.path]
      : a.place.location === b.place.location
        ? [`/${a.place.path}`, `/${b.place.path}`]
        : [undefined, undefined];
  if (first === undefined || second === undefined) return undefined;
  if (first === second) return 'same';
  return isWithin(first, second) ? 'a-within-b' : isWithin(second, first) ? 'b-within-a' : undefined;
}

function checkSharedPlaces(targets: readonly Target[]): Problem[] {
  return targets.flatMap((later, index) =>
    targets.slice(0, index).flatMap((earlier) => {
      const how = overlap(earlier, later);
      if (how === undefined) return [];
      const outer = how === 'a-within-b' ? later : earlier;
      // Beside each other in one folder is harmless, unless the outer one removes what it does not know.
      if (how !== 'same' && !outer.removes) return [];
      const other = `${earlier.name} (${placeOf(earlier.document, earlier.path)})`;
      const message =
        how === 'same'
          ? `${later.name} writes the same place as ${other}`
          : how === 'a-within-b'
            ? `${later.name} mirrors over ${other}, and would remove it`
            : `${later.name} lies inside ${other}, a mirror that would remove it`;
      return [
        problemAt(later.document, later.path, { code: 'shared-place', message, hint: 'give each a path of its own' }),
      ];
    }),
  );
}

function checkTargetsInSource(
  policy: LoadedDocument<Policy>,
  targets: readonly Target[],
  folder: PolicyFolder,
): Problem[] {
  const source = resolveSource(policy, folder);
  if (source === undefined) return [];
  const realm = realmOfSource(policy, folder);
  // Another policy's targets may well be a source: a repository that is mirrored to a second disk.
  const own = targets.filter((target) => target.isWrittenBy(policy));
  return own.flatMap((target) => {
    const written = realm === undefined ? pathOnDisk(target, source) : pathInRealm(target, realm);
    if (written === undefined) return [];
    const key = source.directories.length > 1 ? ['spec', 'source', 'directories'] : sourcePath(policy);
    const containing = source.directories.find((directory) => isWithin(written, directory));
    const isSyncOfLocation = target.document === policy && policy.content.spec.source.location !== undefined;
    if (containing === written && isSyncOfLocation) {
      const message = `${target.name} reads and writes one place, ${written}`;
      return [problemAt(policy, target.path, { code: 'target-is-source', message, hint: 'sync to another place' })];
    }
    if (containing !== undefined && !isExcluded(written, containing, source.exclude)) {
      const message = `${target.name} lies inside the source ${containing}: it would be protected by itself, and grow without end`;
      return [problemAt(policy, key, { code: 'target-inside-source', message, hint: `add ${written} to exclude` })];
    }
    const swallowed = source.directories.find((directory) => directory !== written && isWithin(directory, written));
    if (swallowed !== undefined && (target.removes || isSyncOfLocation)) {
      const message = target.removes
        ? `${target.name} mirrors over its own source ${swallowed}, and would remove it`
        : `${target.name} writes around its own source ${swallowed}`;
      const hint = `${target.removes ? 'mirror' : 'copy'} into another folder`;
      return [problemAt(target.document, target.path, { code: 'target-contains-source', message, hint })];
    }
    return [];
  });
}

/** Of a source that is a location elsewhere; undefined: it is of this machine. */
function realmOfSource(policy: LoadedDocument<Policy>, folder: PolicyFolder): string | undefined {
  const place = resolveSourcePlace(policy, folder);
  return place === undefined || place.location.local !== undefined
    ? undefined
    : realmOf(place.location, place.path).realm;
}

/** Absolute; undefined: on no disk that the source could be on. */
function pathOnDisk({ folder }: Target, source: SourceSettings): string | undefined {
  const isElsewhere = folder?.host !== undefined && source.host !== undefined && folder.host !== source.host;
  return isElsewhere ? undefined : folder?.path;
}

function pathInRealm({ realm }: Target, wanted: string): string | undefined {
  return realm?.realm === wanted ? realm.path : undefined;
}

function sourcePath(policy: LoadedDocument<Policy>): DocumentPath {
  const { directory, location, path } = policy.content.spec.source;
  const key = location === undefined ? 'directory' : path === undefined ? 'location' : 'path';
  return location === undefined && directory === undefined
    ? ['spec', 'source', 'directories', 0]
    : ['spec', 'source', key];
}

function checkExcludes(policy: LoadedDocument<Policy>, folder: PolicyFolder): Problem[] {
  const { directories = [], exclude: patterns = [] } = resolveSource(policy, folder) ?? {};
  return patterns.flatMap((pattern, index) => {
    if (isMalformed(pattern)) return [malformedPattern(policy, ['spec', 'source', 'exclude', index])];
    const anchored = pattern.startsWith('!') ? pattern.slice(1) : pattern;
    if (!anchored.startsWith('/')) return [];
    const relations = directories.map((directory) => relationToFolder(anchored, directory));
    const path = ['spec', 'source', 'exclude', index];
    if (relations.includes('inside')) return [];
    if (relations.includes('whole')) {
      if (pattern.startsWith('!')) return [];
      const directory = directories[relations.indexOf('whole')];
      return [
        problemAt(policy, path, {
          code: 'excludes-everything',
          severity: 'warning',
          message: `this pattern leaves out the whole source ${directory}`,
          hint: 'remove one of the two',
        }),
      ];
    }
    const begin =
      policy.content.spec.source.location === undefined ? 'write the whole path' : `begin with ${directories[0]}`;
    const hint = `a leading / is the root of the file system: ${begin}, or leave the / out`;
    return [
      problemAt(policy, path, {
        code: 'exclude-outside-source',
        severity: 'warning',
        message: `this pattern matches nothing: it begins outside the source`,
        hint,
      }),
    ];
  });
}

function checkIncludes(policy: LoadedDocument<Policy>): Problem[] {
  return (policy.content.spec.sync ?? []).flatMap(({ include = [] }, sync) =>
    include.flatMap((pattern, index) =>
      isMalformed(pattern) ? [malformedPattern(policy, ['spec', 'sync', sync, 'include', index])] : [],
    ),
  );
}

function malformedPattern(policy: LoadedDocument<Policy>, path: DocumentPath): Problem {
  const hint = 'close every bracket, and write a backslash before a bracket that stands for itself';
  return problemAt(policy, path, { code: 'malformed-pattern', message: 'this pattern is malformed', hint });
}

/** A disk is reached on its own host alone. */
function checkHosts(policy: LoadedDocument<Policy>, folder: PolicyFolder): Problem[] {
  const { source: written, sync = [], backup = [], copy = [], restoreTest } = policy.content.spec;
  const source = resolveSource(policy, folder) ?? written;
  const check = (
    wanted: string | undefined,
    what: string,
    location: LocationSettings | undefined,
    path: DocumentPath,
  ): Problem[] => {
    const host = location?.local?.host;
    if (wanted === undefined || host === undefined || wanted === host) return [];
    const message = `${what} runs on ${wanted}, but "${location?.name}" is a disk of ${host}`;
    return [
      problemAt(policy, path, { code: 'another-host', message, hint: `choose a location that ${wanted} reaches` }),
    ];
  };
  const tested = [...backup, ...copy]
    .map(({ to }) => to)
    .filter((to) => [undefined, 'any', to].includes(restoreTest?.from));
  return [
    ...check(written.host, 'the policy', resolveSourcePlace(policy, folder)?.location, ['spec', 'source', 'location']),
    ...sync.flatMap(({ to }, index) =>
      check(source.host, 'the sync', resolveLocation(to, folder), ['spec', 'sync', index, 'to']),
    ),
    ...backup.flatMap(({ to }, index) =>
      check(source.host, 'the backup', resolveRepository(to, folder)?.location, ['spec', 'backup', index, 'to']),
    ),
    ...tested.flatMap((to) =>
      check(restoreTest?.runOn, 'the restore test', resolveRepository(to, folder)?.location, [
        'spec',
        'restoreTest',
        'runOn',
      ]),
    ),
  ];
}

/** Who can delete the backups could then delete the evidence of it. */
function checkEvidence(folder: PolicyFolder, targets: readonly Target[]): Problem[] {
  const evidence = folder.project?.content.spec?.evidence;
  if (folder.project === undefined || evidence?.location === undefined) return [];
  const path = ['spec', 'evidence', 'location'];
  const own: Target = {
    document: folder.project,
    path,
    name: 'the evidence',
    ...placeIn(folder, evidence.location, evidence.path),
    removes: false,
    isWrittenBy: () => false,
  };
  const mirrored = targets.find(
    (target) => target.removes && ['same', 'a-within-b'].includes(overlap(own, target) ?? ''),
  );
  if (mirrored !== undefined) {
    return [
      problemAt(folder.project, path, {
        code: 'shared-place',
        message: `the evidence lies inside ${mirrored.name}, a mirror that would remove it`,
        hint: 'give the evidence a location of its own',
      }),
    ];
  }
  const repository = [...folder.repositories.values()].find(
    ({ content }) => content.spec.location === evidence.location,
  );
  if (repository === undefined) return [];
  const message = `the evidence is kept beside the repository "${repository.name}" that it attests`;
  return [
    problemAt(folder.project, path, {
      code: 'evidence-beside-backups',
      severity: 'warning',
      message,
      hint: 'keep it at another location, which those who can delete backups cannot reach',
    }),
  ];
}
