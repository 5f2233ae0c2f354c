/** Finds the parts of the language that validate but that nothing carries out yet: `apply` refuses them by name and place. */
import type { DocumentPath, Kind, LoadedDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';
import type { Policy } from '../schemas/types.ts';
import { problemAt } from './located-problem.ts';
import { indexDocuments, type PolicyFolder } from './policy-folder.ts';
import { resolveLocation, resolveRepository, resolveSourcePlace } from './resolve-places.ts';

interface NotBuiltPart {
  /** Keys from the document's root; `*` stands for any key or list index. */
  path: string;
  /** How the sentence names it. */
  name: string;
  /** What to do until then. */
  hint: string;
  /** Only these values are not built; absent: any. */
  values?: readonly unknown[];
}

const REMOVE = 'remove it until holdfast can do it';

/** Everything of holdfast/v1 that no setting of an Action carries. A key that is added to the schemas is built, or stands here. */
const NOT_BUILT: Readonly<Record<Kind, readonly NotBuiltPart[]>> = {
  Project: [
    { path: 'spec.evidence.signingKeyFrom', name: 'signing of records', hint: REMOVE },
    { path: 'spec.approvers', name: 'approvals', hint: REMOVE },
    {
      path: 'spec.notify',
      name: 'notifications',
      hint: 'remove it, and watch the exit status of holdfast status and holdfast audit',
    },
    { path: 'spec.heartbeat', name: 'the heartbeat', hint: REMOVE },
    { path: 'spec.exceptions', name: 'exceptions from findings', hint: REMOVE },
  ],
  Provider: [
    { path: 'kind', name: 'the kind Provider', hint: 'remove this document, and provider: where it is named' },
  ],
  Location: [
    { path: 'spec.provider', name: 'the provider of a location', hint: REMOVE },
    { path: 'spec.site', name: 'the site of a location', hint: REMOVE },
    { path: 'spec.medium', name: 'the medium of a location', hint: REMOVE },
    { path: 'spec.immutability', name: 'the check of immutability', hint: REMOVE },
    {
      path: 'spec.access.public',
      name: 'public access',
      hint: 'write public: denied, which is checked',
      values: ['read'],
    },
    { path: 'spec.access.probes', name: 'probes of access', hint: REMOVE },
  ],
  Repository: [{ path: 'spec.keys', name: 'the check of keys', hint: REMOVE }],
  Policy: [
    { path: 'spec.objectives.copies', name: 'the objective of copies', hint: REMOVE },
    { path: 'spec.requires', name: 'requirements on providers', hint: REMOVE },
    {
      path: 'spec.source.postgres',
      name: 'a PostgreSQL source',
      hint: 'dump into a folder, and protect that with directory',
    },
    { path: 'spec.source.mysql', name: 'a MySQL source', hint: 'dump into a folder, and protect that with directory' },
    {
      path: 'spec.source.sqlite',
      name: 'a SQLite source',
      hint: 'back up into a folder, and protect that with directory',
    },
    {
      path: 'spec.source.command',
      name: 'a program as the source',
      hint: 'write into a folder, and protect that with directory',
    },
    { path: 'spec.hooks', name: 'hooks', hint: REMOVE },
    {
      path: 'spec.sync.*.encrypt.names',
      name: 'obfuscated names',
      hint: 'write names: standard',
      values: ['obfuscate'],
    },
    {
      path: 'spec.restoreTest.assert.*.sql',
      name: 'an assertion in SQL',
      hint: 'write the query into a script: assertion',
    },
  ],
  PolicySet: [],
};

/** One problem for each part that is not built, each an error with its place. */
export function findNotBuilt(documents: readonly LoadedDocument[]): Problem[] {
  const folder = indexDocuments(documents);
  return [
    ...documents.flatMap((document) => NOT_BUILT[document.kind].flatMap((part) => findPart(document, part))),
    ...findEvidenceOfOneHost(folder),
    ...[...folder.policies.values()].flatMap((policy) => [
      ...findRemoteSource(policy, folder),
      ...findSeveralHosts(policy, folder),
    ]),
  ];
}

/** Every worker writes records, so that evidence on one host's disk would be out of reach of the others. */
function findEvidenceOfOneHost(folder: PolicyFolder): Problem[] {
  const location = folder.project?.content.spec?.evidence?.location;
  if (folder.project === undefined || location === undefined) return [];
  if (resolveLocation(location, folder)?.local?.host === undefined) return [];
  const hint = 'name a location without host:, that every worker reaches';
  return [
    notBuiltAt(folder.project, ['spec', 'evidence', 'location'], 'evidence on the disk of one host', hint, 'value'),
  ];
}

/** What reads a source over a network: a sync alone, and of the choices those that a listing can answer. */
function findRemoteSource(policy: LoadedDocument<Policy>, folder: PolicyFolder): Problem[] {
  const { source, backup = [] } = policy.content.spec;
  const location = resolveSourcePlace(policy, folder)?.location;
  if (location === undefined || location.local !== undefined) return [];
  const problems: Problem[] = [];
  if (backup.length > 0) {
    const hint = `only a sync reads "${location.name}" over the network: back up on its host, or mount it, and write directory`;
    problems.push(notBuiltAt(policy, ['spec', 'backup'], 'a backup of a remote location', hint));
  }
  if (source.oneFileSystem === true) {
    const hint = 'remove it, and exclude what is mounted below';
    problems.push(notBuiltAt(policy, ['spec', 'source', 'oneFileSystem'], 'oneFileSystem of a remote location', hint));
  }
  return problems;
}

/** An action runs on one host; a copy, a restore test or an access check of disks on two hosts would need two. */
function findSeveralHosts(policy: LoadedDocument<Policy>, folder: PolicyFolder): Problem[] {
  const { backup = [], copy = [], sync = [], restoreTest, accessCheck } = policy.content.spec;
  const hostOf = (to: string): string | undefined => resolveRepository(to, folder)?.location.local?.host;
  const written = [...backup, ...copy].map(({ to }) => ({ to, host: hostOf(to) }));
  const targets = sync.map(({ to }) => ({ host: resolveLocation(to, folder)?.local?.host }));
  const source = { host: resolveSourcePlace(policy, folder)?.location.local?.host };
  const tested = written.filter(({ to }) => [undefined, 'any', to].includes(restoreTest?.from));
  const problems = copy.flatMap(({ from, to }, index) =>
    hostsOf([{ host: hostOf(from) }, { host: hostOf(to) }]) > 1
      ? [
          notBuiltAt(
            policy,
            ['spec', 'copy', index],
            'a copy between the disks of two hosts',
            'use a location that both hosts reach',
          ),
        ]
      : [],
  );
  if (hostsOf(tested) > 1) {
    const path = ['spec', restoreTest === undefined ? 'backup' : 'restoreTest'];
    problems.push(
      notBuiltAt(policy, path, 'a restore test of disks on several hosts', 'name one repository in restoreTest.from'),
    );
  }
  if ((backup.length > 0 || accessCheck !== undefined) && hostsOf([...written, ...targets, source]) > 1) {
    const path = ['spec', accessCheck === undefined ? 'backup' : 'accessCheck'];
    problems.push(
      notBuiltAt(policy, path, 'an access check of disks on several hosts', 'write one policy for each host'),
    );
  }
  return problems;
}

function hostsOf(places: readonly { host: string | undefined }[]): number {
  return new Set(places.flatMap(({ host }) => host ?? [])).size;
}

function notBuiltAt(
  document: LoadedDocument,
  path: DocumentPath,
  name: string,
  hint: string,
  part: 'key' | 'value' = 'key',
): Problem {
  return problemAt(document, path, { code: 'not-built', part, message: `not built yet: ${name}`, hint });
}

function findPart(document: LoadedDocument, part: NotBuiltPart): Problem[] {
  const found = matches(document.content, part.path.split('.'), []);
  return found
    .filter(({ value }) => part.values?.includes(value) ?? !isNothing(value))
    .map(({ path }) => notBuiltAt(document, path, part.name, part.hint, part.values === undefined ? 'key' : 'value'));
}

/** What says "not this": the language's way to leave it out. */
function isNothing(value: unknown): boolean {
  return value === 'none' || (Array.isArray(value) && value.length === 0);
}

function matches(
  value: unknown,
  keys: readonly string[],
  path: DocumentPath,
): { path: DocumentPath; value: unknown }[] {
  const [key, ...rest] = keys;
  if (key === undefined) return [{ path, value }];
  if (typeof value !== 'object' || value === null) return [];
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries
    .filter(([name]) => key === '*' || name === key)
    .flatMap(([name, member]) => matches(member, rest, [...path, name]));
}

/** The paths of a kind that are not built, whatever their value: for the test that no key is ignored in silence. */
export function notBuiltPaths(kind: Kind): string[] {
  return NOT_BUILT[kind].filter(({ values }) => values === undefined).map(({ path }) => path);
}

/** Whether a part of the language, given by its keys below the kind (list items without a number), is not built. */
export function isNotBuilt(kind: Kind, steps: readonly string[]): boolean {
  return notBuiltPaths(kind).some((path) => {
    const keys = path.split('.').filter((key) => key !== '*');
    return path === 'kind' || (keys.length <= steps.length && keys.every((key, index) => steps[index] === key));
  });
}
