/** References: every name that a document uses must exist, once, and be of the right kind. */
import { suggest } from '../common/suggest.ts';
import type { DocumentPath, Kind, LoadedDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';
import type { Policy } from '../schemas/types.ts';
import { classNames } from './classes.ts';
import { placeOf, problemAt } from './located-problem.ts';
import type { PolicyFolder } from './policy-folder.ts';

/** One use of a name. */
export interface Reference {
  document: Pick<LoadedDocument, 'mark'>;
  path: DocumentPath;
  kind: Kind;
  name: string;
}

export function findReferenceProblems(folder: PolicyFolder, names: ReadonlySet<string>): Problem[] {
  const dangling = [...references(folder)].flatMap((reference) => checkReference(reference, names));
  const policies = [...folder.policies.values()].flatMap((policy) => [
    ...(isProjectBroken(folder, names) ? [] : checkImportance(policy, folder)),
    ...checkTwice(policy),
    ...checkSourcesOfSnapshots(policy),
  ]);
  return [...dangling, ...checkExceptions(folder, names), ...policies, ...checkFormerNames(folder, names)];
}

/** Whether there is a Project that cannot be read: the classes it has are not known then. */
export function isProjectBroken(folder: PolicyFolder, names: ReadonlySet<string>): boolean {
  return folder.project === undefined && [...names].some((name) => name.startsWith('Project/'));
}

function* references(folder: PolicyFolder): Generator<Reference> {
  const { project } = folder;
  const evidence = project?.content.spec?.evidence?.location;
  if (project !== undefined && evidence !== undefined) {
    yield { document: project, path: ['spec', 'evidence', 'location'], kind: 'Location', name: evidence };
  }
  for (const document of folder.locations.values()) {
    const { provider } = document.content.spec;
    if (provider !== undefined) yield { document, path: ['spec', 'provider'], kind: 'Provider', name: provider };
  }
  for (const document of folder.repositories.values()) {
    yield { document, path: ['spec', 'location'], kind: 'Location', name: document.content.spec.location };
  }
  for (const document of folder.policies.values()) yield* referencesOfPolicy(document);
}

function* referencesOfPolicy(document: LoadedDocument<Policy>): Generator<Reference> {
  const { source, sync = [], backup = [], copy = [], restoreTest } = document.content.spec;
  const reference = (kind: Kind, name: string, ...path: DocumentPath): Reference => ({
    document,
    kind,
    name,
    path: ['spec', ...path],
  });
  if (source.location !== undefined) yield reference('Location', source.location, 'source', 'location');
  for (const [index, { to }] of sync.entries()) yield reference('Location', to, 'sync', index, 'to');
  for (const [index, { to }] of backup.entries()) yield reference('Repository', to, 'backup', index, 'to');
  for (const [index, { from, to }] of copy.entries()) {
    yield reference('Repository', from, 'copy', index, 'from');
    yield reference('Repository', to, 'copy', index, 'to');
  }
  const from = restoreTest?.from ?? 'any';
  if (from !== 'any') yield reference('Repository', from, 'restoreTest', 'from');
}

export function checkReference({ document, path, kind, name }: Reference, names: ReadonlySet<string>): Problem[] {
  if (names.has(`${kind}/${name}`)) return [];
  const known = namesOf(kind, names);
  const meant = suggest(name, known);
  const other = [...names].find((candidate) => candidate.endsWith(`/${name}`))?.split('/')[0];
  const message = `there is no ${kind} named "${name}"${other === undefined ? '' : `, only a ${other}`}`;
  return [problemAt(document, path, { code: 'unknown-reference', message, hint: referenceHint(kind, known, meant) })];
}

function referenceHint(kind: Kind, known: readonly string[], meant: string | undefined): string {
  if (meant !== undefined) return `did you mean "${meant}"?`;
  return known.length === 0 ? `write a document of kind ${kind} with this name` : `known are ${known.join(', ')}`;
}

function namesOf(kind: Kind, names: ReadonlySet<string>): string[] {
  const start = `${kind}/`;
  return [...names]
    .filter((name) => name.startsWith(start))
    .map((name) => name.slice(start.length))
    .sort();
}

/** `location/website`: the kind in lower case, then the name. */
function checkExceptions({ project }: PolicyFolder, names: ReadonlySet<string>): Problem[] {
  const subjects = [...names].map((name) => name.charAt(0).toLowerCase() + name.slice(1));
  return (project?.content.spec?.exceptions ?? []).flatMap(({ subject }, index) => {
    if (subjects.includes(subject)) return [];
    const meant = suggest(subject, subjects);
    const hint =
      meant === undefined ? 'write kind and name of a document, like location/website' : `did you mean "${meant}"?`;
    const message = `there is no ${subject}`;
    return [
      problemAt(project!, ['spec', 'exceptions', index, 'subject'], { code: 'unknown-reference', message, hint }),
    ];
  });
}

function checkImportance(policy: LoadedDocument<Policy>, folder: PolicyFolder): Problem[] {
  const { importance } = policy.content.spec;
  const known = classNames(folder.project?.content);
  if (importance === undefined || known.includes(importance)) return [];
  const meant = suggest(importance, known);
  const hint =
    meant === undefined ? `known are ${known.join(', ')}; the Project may add others` : `did you mean "${meant}"?`;
  return [
    problemAt(policy, ['spec', 'importance'], {
      code: 'unknown-reference',
      message: `there is no class "${importance}"`,
      hint,
    }),
  ];
}

/** One target, one schedule: the second entry for the same place would be a race with the first. */
function checkTwice(policy: LoadedDocument<Policy>): Problem[] {
  const problems: Problem[] = [];
  for (const block of ['backup', 'copy'] as const) {
    const seen = new Set<string>();
    for (const [index, { to }] of (policy.content.spec[block] ?? []).entries()) {
      if (seen.has(to)) {
        const message = `this policy has a second ${block} to "${to}"`;
        problems.push(
          problemAt(policy, ['spec', block, index, 'to'], { code: 'duplicate-target', message, hint: 'merge the two' }),
        );
      }
      seen.add(to);
    }
  }
  return [...problems, ...checkCopyTargets(policy)];
}

/** What a backup writes is there already; and a copy of a repository into itself is none. */
function checkCopyTargets(policy: LoadedDocument<Policy>): Problem[] {
  const { backup = [], copy = [] } = policy.content.spec;
  return copy.flatMap(({ from, to }, index) => {
    const message =
      from === to
        ? `this copy reads and writes "${to}"`
        : backup.some((entry) => entry.to === to)
          ? `this policy backs up to "${to}" already`
          : undefined;
    const hint = 'name a repository that this policy does not write otherwise, or remove the copy';
    return message === undefined
      ? []
      : [problemAt(policy, ['spec', 'copy', index, 'to'], { code: 'duplicate-target', message, hint })];
  });
}

/** A restore test or a copy can read only where this policy writes snapshots. */
function checkSourcesOfSnapshots(policy: LoadedDocument<Policy>): Problem[] {
  const { backup = [], copy = [], restoreTest } = policy.content.spec;
  const written = [...backup, ...copy].map(({ to }) => to);
  const check = (name: string, what: string, ...path: DocumentPath): Problem[] => {
    if (written.includes(name) || written.length === 0) return [];
    const message = `${what} reads "${name}", where this policy writes no snapshots`;
    return [
      problemAt(policy, ['spec', ...path], {
        code: 'no-snapshots-there',
        message,
        hint: `it writes to ${written.join(', ')}`,
      }),
    ];
  };
  const from = restoreTest?.from ?? 'any';
  return [
    ...(from === 'any' ? [] : check(from, 'the restore test', 'restoreTest', 'from')),
    ...copy.flatMap((entry, index) => check(entry.from, 'the copy', 'copy', index, 'from')),
  ];
}

/** Snapshots belong to one policy: a former name must be neither in use nor claimed twice. */
function checkFormerNames(folder: PolicyFolder, names: ReadonlySet<string>): Problem[] {
  const claimed = new Map<string, string>();
  const problems: Problem[] = [];
  for (const policy of folder.policies.values()) {
    for (const [index, name] of (policy.content.metadata.formerly ?? []).entries()) {
      const path = ['metadata', 'formerly', index];
      const claim = claimed.get(name);
      const taken = names.has(`Policy/${name}`)
        ? `the name of a policy`
        : claim === undefined
          ? undefined
          : `claimed at ${claim}`;
      if (taken !== undefined) {
        const message = `"${name}" cannot be a former name: it is ${taken}`;
        problems.push(
          problemAt(policy, path, {
            code: 'former-name-in-use',
            message,
            hint: 'snapshots belong to one policy: remove one claim',
          }),
        );
      }
      claimed.set(name, placeOf(policy, path));
    }
  }
  return problems;
}
