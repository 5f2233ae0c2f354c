/** How each kind of program is told to do the same work. */
import path from 'node:path';
import type { Command } from './measure-process.ts';

export const PROGRAM_KINDS = ['holdfast', 'restic', 'rustic', 'kopia', 'borg'] as const;
export type KindName = (typeof PROGRAM_KINDS)[number];

/** Of one program, for one round: always at the same path, because kopia and borg note where a repository is. */
export interface Place {
  repository: string;
  /** Caches, configuration and logs, so that nothing is left over from a round before. */
  home: string;
  passwordFile: string;
  password: string;
}

/** What the program needs before its arguments: itself, or Node and the launcher. */
export type Start = [file: string, ...args: string[]];

export interface ProgramKind {
  version: string[];
  /** How the password becomes a key; undefined where it is as the key file of restic's format says. */
  keyDerivation: string | undefined;
  /** Undefined: restic's format; the program works in a copy of the one empty repository. */
  create: ((start: Start, place: Place) => Command[]) | undefined;
  backup: (start: Start, place: Place, source: string, sequence: number) => Command;
  restore: (start: Start, place: Place, source: string, target: string) => Command;
  /** Reads and verifies all data. */
  check: (start: Start, place: Place) => Command;
}

const holdfast: ProgramKind = {
  version: ['version'],
  keyDerivation: undefined,
  create: undefined,
  backup: (start, place, source) => command(start, ['--quiet', 'backup', ...holdfastPlace(place), source]),
  restore: (start, place, _source, target) =>
    command(start, ['--quiet', 'restore', ...holdfastPlace(place), 'latest', '--target', target]),
  check: (start, place) => command(start, ['--quiet', 'check', ...holdfastPlace(place), '--read-data']),
};

const restic: ProgramKind = {
  version: ['version'],
  keyDerivation: undefined,
  create: undefined,
  backup: (start, place, source) => command(start, ['--quiet', 'backup', source], resticPlace(place)),
  restore: (start, place, _source, target) =>
    command(start, ['--quiet', 'restore', 'latest', '--target', target], resticPlace(place)),
  check: (start, place) => command(start, ['--quiet', 'check', '--read-data'], resticPlace(place)),
};

const rustic: ProgramKind = {
  version: ['--version'],
  keyDerivation: undefined,
  create: undefined,
  backup: (start, place, source) => command(start, ['backup', source], rusticPlace(place)),
  restore: (start, place, _source, target) => command(start, ['restore', 'latest', target], rusticPlace(place)),
  check: (start, place) => command(start, ['check', '--read-data'], rusticPlace(place)),
};

const kopia: ProgramKind = {
  version: ['--version'],
  keyDerivation: 'scrypt N=65536 r=8 p=1, its default',
  create: (start, place) => [
    command(start, ['repository', 'create', 'filesystem', '--path', place.repository], kopiaPlace(place)),
    // Its default is to compress nothing; the others use zstd at its usual level.
    command(start, ['policy', 'set', '--global', '--compression', 'zstd'], kopiaPlace(place)),
  ],
  backup: (start, place, source) => command(start, ['snapshot', 'create', '--no-progress', source], kopiaPlace(place)),
  restore: (start, place, source, target) =>
    command(start, ['restore', '--no-progress', source, target], kopiaPlace(place)),
  check: (start, place) => command(start, ['content', 'verify', '--full', '--no-progress'], kopiaPlace(place)),
};

const borg: ProgramKind = {
  version: ['--version'],
  keyDerivation: "PBKDF2, borg 1's only way",
  create: (start, place) => [
    command(start, ['init', '--encryption', 'repokey-blake2', place.repository], borgPlace(place)),
  ],
  backup: (start, place, source, sequence) =>
    command(start, ['create', '--compression', 'zstd,3', `${place.repository}::${sequence}`, source], borgPlace(place)),
  restore: (start, place, _source, target) => ({
    ...command(start, ['extract', `${place.repository}::1`], borgPlace(place)),
    directory: target,
  }),
  check: (start, place) => command(start, ['check', '--verify-data', place.repository], borgPlace(place)),
};

export const KINDS: Record<KindName, ProgramKind> = { holdfast, restic, rustic, kopia, borg };

function command(start: Start, args: string[], environment: Record<string, string> = {}): Command {
  const [file, ...first] = start;
  return { file, args: [...first, ...args], environment };
}

function holdfastPlace(place: Place): string[] {
  return ['--repo', place.repository, '--password-file', place.passwordFile];
}

function resticPlace(place: Place): Record<string, string> {
  return {
    RESTIC_REPOSITORY: place.repository,
    RESTIC_PASSWORD_FILE: place.passwordFile,
    RESTIC_CACHE_DIR: path.join(place.home, 'cache'),
  };
}

function rusticPlace(place: Place): Record<string, string> {
  return {
    HOME: place.home,
    RUSTIC_REPOSITORY: place.repository,
    RUSTIC_PASSWORD_FILE: place.passwordFile,
    RUSTIC_CACHE_DIR: path.join(place.home, 'cache'),
    RUSTIC_NO_PROGRESS: 'true',
  };
}

function kopiaPlace(place: Place): Record<string, string> {
  return {
    HOME: place.home,
    KOPIA_PASSWORD: place.password,
    KOPIA_CONFIG_PATH: path.join(place.home, 'kopia.config'),
    KOPIA_CACHE_DIRECTORY: path.join(place.home, 'cache'),
    KOPIA_LOG_DIR: path.join(place.home, 'logs'),
    KOPIA_CHECK_FOR_UPDATES: 'false',
  };
}

function borgPlace(place: Place): Record<string, string> {
  return { HOME: place.home, BORG_BASE_DIR: place.home, BORG_PASSPHRASE: place.password };
}
