/** The options of `holdfast backup`: restic's, under restic's names. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { HoldfastError } from '../common/errors.ts';
import type { ParentCriterion } from '../repository/find-parent.ts';
import type { ListOptions } from './backup-paths.ts';
import { repeatable } from './command.ts';
import type { RepositoryOptions } from './open-from-options.ts';
import { parsePointInTime } from './select-snapshot.ts';
import { parsePackSizeOption, parseSizeOption } from './size-option.ts';

export interface BackupOptions extends RepositoryOptions, ListOptions {
  exclude: string[];
  iexclude: string[];
  excludeFile: string[];
  iexcludeFile: string[];
  excludeIfPresent: string[];
  excludeCaches?: boolean;
  excludeLargerThan?: number;
  oneFileSystem?: boolean;
  stdin?: boolean;
  stdinFilename: string;
  stdinFromCommand?: boolean;
  tag: string[];
  host?: string;
  time?: Date;
  /** false is commander's form of `--no-parent`. */
  parent?: string | false;
  force?: boolean;
  groupBy?: ParentCriterion[];
  ignoreCtime?: boolean;
  ignoreInode?: boolean;
  withAtime?: boolean;
  skipIfUnchanged?: boolean;
  acceptEmpty?: boolean;
  compression?: 'none' | 'auto' | 'max';
  packSize?: number;
  readConcurrency?: number;
  dryRun?: boolean;
}

export function addBackupOptions(command: Command): Command {
  addSelection(command);
  addInputs(command);
  addChangeDetection(command);
  return command
    .optionsGroup('How:')
    .option('--tag <tag>', 'a tag for the snapshot (several joined by commas; may be given again)', repeatable, [])
    .option('-H, --host <name>', 'the snapshot’s host (default: this machine’s name)')
    .option('--time <time>', 'the snapshot’s time, "2026-11-20 02:00" (default: now)', parseTime)
    .option('--skip-if-unchanged', 'make no snapshot when all is as in the parent')
    .option('--accept-empty', 'back up what is empty now: a stream, or a folder that was not in the last snapshot')
    .option(
      '--compression <mode>',
      'auto, max or none (default: the repository’s of the policies, else auto)',
      parseMode,
    )
    .option('--pack-size <size>', 'of the packs that are written (64MiB, or MiB as a number)', parsePackSizeOption)
    .option('--read-concurrency <n>', 'threads that read and store (default: one a processor, at most 4)', parseThreads)
    .option('-n, --dry-run', 'do everything but write; with -vv say what becomes of each file')
    .addOption(new Option('--no-scan', 'restic’s: files are never counted beforehand here').hideHelp());
}

function addSelection(command: Command): void {
  command
    .optionsGroup('What is left out:')
    .option('-e, --exclude <pattern>', 'what matches, with restic’s meaning (may be given again)', repeatable, [])
    .option('--iexclude <pattern>', 'the same, but case does not count (may be given again)', repeatable, [])
    .option('--exclude-file <file>', 'what matches a line of this file (may be given again)', repeatable, [])
    .option('--iexclude-file <file>', 'the same, but case does not count (may be given again)', repeatable, [])
    .option(
      '--exclude-if-present <name>',
      'the content of folders that hold this file, or NAME:HEADER that begins so (may be given again)',
      repeatable,
      [],
    )
    .option('--exclude-caches', 'the content of folders marked by a CACHEDIR.TAG')
    .option('--exclude-larger-than <size>', 'larger files (20GiB, 500M)', parseSizeOption)
    .option('-x, --one-file-system', 'other file systems than that of each path');
}

function addInputs(command: Command): void {
  command
    .optionsGroup('Instead of paths, or besides:')
    .option(
      '--files-from <file>',
      'a list with wildcards, a path a line; - is stdin (may be given again)',
      repeatable,
      [],
    )
    .option(
      '--files-from-verbatim <file>',
      'a list without wildcards and comments (may be given again)',
      repeatable,
      [],
    )
    .option(
      '--files-from-raw <file>',
      'a list in which each path ends with a zero byte (may be given again)',
      repeatable,
      [],
    )
    .option('--stdin', 'back up what is piped in, as one file')
    .option('--stdin-from-command', 'back up what the program says whose words are the arguments: -- PROGRAM ARG…')
    .option('--stdin-filename <path>', 'where that file is in the snapshot', 'stdin');
}

function addChangeDetection(command: Command): void {
  command
    .optionsGroup('What need not be read again:')
    .option('--parent <snapshot>', 'compare with this one (default: the newest of the same host and paths)')
    .option('--no-parent', 'read all files, also those that seem unchanged')
    .option('-f, --force', 'the same')
    .option('-g, --group-by <keys>', 'what the parent has in common: host, paths, tags, joined by commas', parseGroupBy)
    .option('--ignore-ctime', 'a new change time alone is no change')
    .option('--ignore-inode', 'a new inode and change time are no change')
    .option('--with-atime', 'keep access times; folders and files are then seldom as they were');
}

/** Throws Usage for options that say different things. */
export function checkBackupOptions(options: BackupOptions, args: readonly string[]): void {
  const lists = [...options.filesFrom, ...options.filesFromVerbatim, ...options.filesFromRaw];
  const { stdin = false, stdinFromCommand = false } = options;
  if (stdin && stdinFromCommand) throw usage('--stdin and --stdin-from-command are both given', 'give one of them');
  if (!stdin && !stdinFromCommand) return;
  if (lists.length > 0)
    throw usage('a stream is backed up alone, but a list of files is given, too', 'make two snapshots');
  if (stdin && args.length > 0)
    throw usage('--stdin is backed up alone, but paths are given, too', 'make two snapshots');
  if (stdinFromCommand && args.length === 0)
    throw usage('no program is given', 'write --stdin-from-command -- PROGRAM ARG…');
  if (options.skipIfUnchanged) throw usage('a stream is never unchanged', 'leave --skip-if-unchanged out');
}

function usage(message: string, hint: string): HoldfastError {
  return new HoldfastError('Usage', message, { hint });
}

function parseTime(text: string): Date {
  return parsePointInTime(text, 'begin');
}

function parseThreads(text: string): number {
  const threads = Number(text);
  if (Number.isInteger(threads) && threads >= 1 && threads <= 64) return threads;
  throw new InvalidArgumentError('It must be a whole number from 1 to 64.');
}

function parseMode(text: string): 'none' | 'auto' | 'max' {
  // restic's word for none.
  if (text === 'off') return 'none';
  if (text === 'none' || text === 'auto' || text === 'max') return text;
  throw new InvalidArgumentError('It is auto, max or none.');
}

const CRITERIA: Record<string, ParentCriterion> = {
  host: 'host',
  path: 'paths',
  paths: 'paths',
  tag: 'tags',
  tags: 'tags',
};

function parseGroupBy(text: string): ParentCriterion[] {
  const keys = text.split(',').filter((key) => key !== '');
  return keys.map((key) => {
    const criterion = CRITERIA[key];
    if (criterion === undefined) throw new InvalidArgumentError(`"${key}" is none of host, paths and tags.`);
    return criterion;
  });
}
