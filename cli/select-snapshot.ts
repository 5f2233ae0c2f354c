/** Which snapshot is meant: an id, a prefix, `latest` with filters, or the newest one made at a given time. */
import type { Command } from 'commander';
import { HoldfastError } from '../common/errors.ts';
import { findSnapshot } from '../domain/find-snapshot.ts';
import { namesOfPolicy } from '../domain/former-names.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { RepositoryPlace } from './open-from-options.ts';

export interface SnapshotFilterOptions {
  policy?: string;
  /** See `ofPlace`. */
  formerNames?: readonly string[];
  host?: string;
  path?: string;
  tag?: string;
}

export interface SnapshotOptions extends SnapshotFilterOptions {
  at?: string;
}

export function addSnapshotFilters(command: Command): Command {
  return command
    .optionsGroup('Which snapshots:')
    .option('--policy <name>', 'only snapshots of this policy (of --repository: under its former names, too)')
    .option('--host <name>', 'only snapshots of this host')
    .option('--path <path>', 'only snapshots that hold this path')
    .option('--tag <tag>', 'only snapshots with this tag (several, joined by commas: with all of them)');
}

/** Where the repository is one of the policies, `--policy` means the policy under its former names, too. */
export function ofPlace<Options extends SnapshotFilterOptions>(options: Options, place: RepositoryPlace): Options {
  const { policy } = options;
  if (policy === undefined || place.policies === undefined) return options;
  return { ...options, formerNames: namesOfPolicy(place.policies.actions, policy).slice(1) };
}

export function addSnapshotOptions(command: Command): Command {
  return addSnapshotFilters(command)
    .option(
      '--at <time>',
      'the newest snapshot made at or before this time, "2026-11-20 02:00", in this machine’s zone',
    )
    .addHelpText(
      'after',
      '\nSNAPSHOT is an id, a unique prefix of one, or "latest"; "latest" where it could mean two things needs --policy, --host,\n--path or --tag. SNAPSHOT:/folder means that folder of it.',
    );
}

/** `SNAPSHOT:/sub/path` taken apart. Throws Usage when neither a snapshot nor a time is given. */
export function parseSnapshotArgument(
  argument: string | undefined,
  options: SnapshotOptions,
): { snapshot: string; subPath: string | undefined } {
  if (argument === undefined) {
    if (options.at !== undefined) return { snapshot: 'latest', subPath: undefined };
    throw new HoldfastError('Usage', 'no snapshot is named', {
      hint: 'give an id, "latest", or --at "2026-11-20 02:00"',
    });
  }
  const colon = argument.indexOf(':');
  if (colon === -1) return { snapshot: argument, subPath: undefined };
  return { snapshot: argument.slice(0, colon), subPath: argument.slice(colon + 1) };
}

/** Throws NotFound or Usage, saying what to type. */
export function selectSnapshot(snapshots: Snapshot[], wanted: string, options: SnapshotOptions): Snapshot {
  const { policy, formerNames, host, path, tag } = options;
  const at = options.at === undefined ? undefined : parsePointInTime(options.at);
  return findSnapshot(snapshots, { id: wanted, policy, formerNames, host, path, tag, at });
}

const POINT_IN_TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** In this machine's zone unless one is given; a date alone is that day's end, or its begin. Throws Usage. */
export function parsePointInTime(text: string, dateAlone: 'begin' | 'end' = 'end'): Date {
  const match = POINT_IN_TIME.exec(text.trim());
  const invalid = new HoldfastError('Usage', `"${text}" is not a time`, {
    hint: 'write it as "2026-11-20 02:00", "2026-11-20" or "2026-11-20T02:00:00Z"',
  });
  if (match === null) throw invalid;
  const [, year, month, day, hour, minute, second, zone] = match;
  const clock =
    hour === undefined ? (dateAlone === 'begin' ? '00:00:00' : '23:59:59.999') : `${hour}:${minute}:${second ?? '00'}`;
  const date = new Date(`${year}-${month}-${day}T${clock}${zone ?? ''}`);
  // Date would make 2 March of 30 February.
  if (Number.isNaN(date.getTime()) || Number(day) > new Date(Number(year), Number(month), 0).getDate()) throw invalid;
  return date;
}
