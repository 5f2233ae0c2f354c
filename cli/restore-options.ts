/** The options of `holdfast restore`: restic's, under restic's names. */
import { Option, type Command } from 'commander';
import { HoldfastError } from '../common/errors.ts';
import type { Overwrite } from '../repository/restore-messages.ts';
import type { OwnerRule } from '../repository/restore-owners.ts';
import { repeatable } from './command.ts';
import type { RepositoryOptions } from './open-from-options.ts';
import type { SnapshotOptions } from './select-snapshot.ts';

export interface RestoreOptions extends RepositoryOptions, SnapshotOptions {
  target: string;
  include: string[];
  iinclude: string[];
  includeFile: string[];
  iincludeFile: string[];
  exclude: string[];
  iexclude: string[];
  excludeFile: string[];
  iexcludeFile: string[];
  overwrite?: Overwrite;
  sparse: boolean;
  verify?: boolean;
  delete?: boolean;
  yes?: boolean;
  dryRun?: boolean;
  owner?: OwnerRule;
}

const OVERWRITE_MODES: Overwrite[] = ['always', 'if-changed', 'if-newer', 'never'];
const OWNER_RULES: OwnerRule[] = ['number', 'name', 'none'];

export function addRestoreOptions(command: Command): Command {
  command
    .requiredOption('-t, --target <folder>', 'where the files go; made when it is not there')
    .option('--verify', 'read every restored file again and compare it with the snapshot')
    .option('-n, --dry-run', 'change nothing, and say what would be; with -vv what becomes of each entry')
    .addOption(
      new Option('--owner <rule>', 'owner and group by number, by name as this machine knows them, or none').choices(
        OWNER_RULES,
      ),
    )
    .option('--sparse', 'make holes of long runs of zeros (the default)', true)
    .option('--no-sparse', 'write zeros, too');
  command
    .optionsGroup('Into a folder that is not empty:')
    .addOption(
      new Option(
        '--overwrite <mode>',
        'what becomes of files of the same name: always (brought to the snapshot’s content), if-changed (trusting size and time where both are equal; goes on with an interrupted restore), if-newer (than what is there), never',
      ).choices(OVERWRITE_MODES),
    )
    .option('--delete', 'delete what the snapshot does not have there; asks first')
    .option('-y, --yes', 'with --delete: do not ask');
  return addPatterns(command);
}

function addPatterns(command: Command): Command {
  command.optionsGroup('Which files (each may be given again):');
  for (const [word, meaning] of [
    ['include', 'only what matches'],
    ['exclude', 'not what matches'],
  ] as const) {
    const short = word === 'include' ? 'i' : 'e';
    command
      .option(`-${short}, --${word} <pattern>`, meaning, repeatable, [])
      .option(`--i${word} <pattern>`, `${meaning}, whatever the case`, repeatable, [])
      .option(`--${word}-file <file>`, `--${word} for every line of a file`, repeatable, [])
      .option(`--i${word}-file <file>`, `--i${word} for every line of a file`, repeatable, []);
  }
  return command;
}

/** Throws Usage for what contradicts itself. */
export function checkRestoreOptions(options: RestoreOptions, target: string): void {
  // An unset variable of a script, not the current folder.
  if (options.target === '') throw new HoldfastError('Usage', 'the target is empty', { hint: 'name a folder' });
  if (options.dryRun === true && options.verify === true)
    throw new HoldfastError('Usage', '--verify needs a restore, and --dry-run is none', { hint: 'give one of them' });
  if (options.yes === true && options.delete !== true)
    throw new HoldfastError('Usage', '--yes answers the question of --delete, which is not given');
  if (options.delete === true && options.overwrite === undefined)
    throw new HoldfastError('Usage', '--delete is for a folder that is not empty, and needs --overwrite', {
      hint: 'give --overwrite if-changed',
    });
  const patterns = [options.include, options.iinclude, options.includeFile, options.iincludeFile];
  const against = [options.exclude, options.iexclude, options.excludeFile, options.iexcludeFile];
  if (options.delete === true && target === '/' && [...patterns, ...against].flat().length === 0)
    throw new HoldfastError('Usage', '--delete in / would delete all that the snapshot does not have', {
      hint: 'say by --include or --exclude what it is about',
    });
}
