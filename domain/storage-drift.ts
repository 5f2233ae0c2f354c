/** Drift between policies and storage: repositories that are missing, snapshots and objects that are none of ours. */
import type { ErrorCode } from '../common/errors.ts';
import type { RepositorySettings } from './action.ts';
import { isUnowned, policiesOf } from './adoption.ts';
import type { Finding, Severity } from './finding.ts';
import type { Snapshot } from './snapshot.ts';

/** What is where a repository should be. */
export interface InspectedRepository {
  settings: Pick<RepositorySettings, 'name'>;
  /** Why it could not be opened or read to its end. */
  error?: { code: ErrorCode; message: string; hint?: string };
  /** It is on the disk of another host, where nobody has looked. */
  elsewhere?: string;
  snapshots: readonly Snapshot[];
  /** Names of objects that belong to no repository: the first of them, in order, and how many there are. */
  unknown: { first: readonly string[]; count: number };
}

/** `policyNames`: all that are in force or written, under present and former names. */
export function findStorageDrift(
  repositories: readonly InspectedRepository[],
  policyNames: ReadonlySet<string>,
): Finding[] {
  return repositories.flatMap((repository) => [
    ...unreadable(repository),
    ...foreignSnapshots(repository, policyNames),
    ...unknownObjects(repository),
  ]);
}

function unreadable({ settings: { name }, error, elsewhere }: InspectedRepository): Finding[] {
  if (elsewhere !== undefined)
    return [
      finding(
        'drift/not-examined',
        'notice',
        name,
        `the repository ${name} is on the disk of ${elsewhere}, and was not looked at from here`,
        `Look from there: holdfast drift on ${elsewhere}`,
      ),
    ];
  if (error === undefined) return [];
  if (error.code === 'NoRepository')
    return [
      finding(
        'drift/repository-missing',
        'critical',
        name,
        `the repository ${name} is missing: ${error.message}`,
        error.hint,
      ),
    ];
  return [
    finding(
      'drift/not-examined',
      'warning',
      name,
      `the repository ${name} could not be examined: ${error.message}`,
      error.hint,
    ),
  ];
}

function foreignSnapshots(
  { settings: { name }, snapshots }: InspectedRepository,
  known: ReadonlySet<string>,
): Finding[] {
  const findings: Finding[] = [];
  const unowned = snapshots.filter(isUnowned);
  if (unowned.length > 0) {
    const hosts = [...new Set(unowned.map(({ hostname }) => hostname))].sort();
    findings.push(
      finding(
        'drift/foreign-snapshots',
        'warning',
        name,
        `${numbered(unowned.length, 'snapshot')} in the repository ${name} ${unowned.length === 1 ? 'is' : 'are'} of no policy (of ${listed(hosts)}): no retention and no restore test sees ${unowned.length === 1 ? 'it' : 'them'}`,
        `Take them under a policy with: holdfast adopt --repository ${name} --policy NAME`,
      ),
    );
  }
  const others = snapshots.filter(
    (snapshot) => !isUnowned(snapshot) && !policiesOf(snapshot).some((policy) => known.has(policy)),
  );
  const names = [...new Set(others.flatMap(policiesOf))].sort();
  if (others.length > 0)
    findings.push(
      finding(
        'drift/snapshots-of-others',
        'notice',
        name,
        `${numbered(others.length, 'snapshot')} in the repository ${name} ${others.length === 1 ? 'is' : 'are'} of policies that are not here: ${listed(names)}`,
      ),
    );
  return findings;
}

function unknownObjects({ settings: { name }, unknown, error }: InspectedRepository): Finding[] {
  if (unknown.count === 0) return [];
  const place =
    error?.code === 'NoRepository'
      ? `where the repository ${name} should be`
      : `in the place of the repository ${name}`;
  return [
    finding(
      'drift/unknown-objects',
      'warning',
      name,
      `${numbered(unknown.count, 'object')} ${place} ${unknown.count === 1 ? 'belongs' : 'belong'} to no repository: ${listed(unknown.first, unknown.count)}`,
      'Find out who put them there; holdfast never touches them.',
    ),
  ];
}

const MAX_LISTED = 5;

function listed(names: readonly string[], count = names.length): string {
  const shown = names.slice(0, MAX_LISTED);
  return `${shown.join(', ')}${count > shown.length ? ` and ${count - shown.length} more` : ''}`;
}

function numbered(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

function finding(code: string, severity: Severity, subject: string, message: string, hint?: string): Finding {
  return { code, severity, subject, message, ...(hint === undefined ? {} : { hint }) };
}
