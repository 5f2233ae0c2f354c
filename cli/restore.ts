/** `holdfast restore`: brings files of a snapshot back into a folder. */
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HoldfastError, InterruptedError } from '../common/errors.ts';
import { formatBytes } from '../common/sizes.ts';
import { displayPath } from '../files/byte-path.ts';
import type { ExtraEntry } from '../repository/delete-extras.ts';
import { restore, type RestoreRequest } from '../repository/restore.ts';
import { askYesNo } from './ask-yes-no.ts';
import type { CliCommand, CliContext } from './command.ts';
import { count, describeSnapshot } from './display.ts';
import { mergeStatuses } from './exit-status.ts';
import { statusOfFindings } from './findings.ts';
import { addRepositoryOptions, withRepository } from './open-from-options.ts';
import { collectPatterns } from './pattern-options.ts';
import { listReadableSnapshots } from './readable-snapshots.ts';
import { addRestoreOptions, checkRestoreOptions, type RestoreOptions } from './restore-options.ts';
import { entryTeller, tellResult } from './restore-report.ts';
import { addSnapshotOptions, parseSnapshotArgument, selectSnapshot } from './select-snapshot.ts';

/** More are left to the dry run. */
const LISTED_EXTRAS = 10;

export const command: CliCommand<RestoreOptions> = {
  configure(command) {
    command
      .description('Restores a snapshot, or a part of it, into a folder. Needs no engine and no policy.')
      .argument('[snapshot]', 'which snapshot');
    addRestoreOptions(command);
    addRepositoryOptions(addSnapshotOptions(command));
  },

  async run(context, { args, options }) {
    const { output } = context;
    const { snapshot: wanted, subPath } = parseSnapshotArgument(args[0] as string | undefined, options);
    const target = resolve(context.directory, options.target);
    checkRestoreOptions(options, target);
    if (options.overwrite === undefined) await refuseFilledFolder(target);
    const chosen = await readChoices(context, options);
    return withRepository(context, options, { role: 'reader', lock: 'reading' }, async (repository, signal) => {
      const { snapshots, status } = await listReadableSnapshots(repository, wanted, output, signal);
      const snapshot = selectSnapshot(snapshots, wanted, options);
      output.note(`restoring ${describeSnapshot(snapshot)}`);
      // A bar between the lines of -vv would only disturb.
      const progress = context.verbosity > 1 ? { report() {}, finish() {} } : output.progress();
      const request = { ...chosen, snapshot, target, subPath, signal, progress };
      const deleteExtras = (extras: readonly ExtraEntry[]): Promise<void> => {
        progress.finish();
        return confirmDeletion(context, extras, target, options);
      };
      const result = await restore(repository, options.delete === true ? { ...request, deleteExtras } : request)
        .catch((error: unknown) => {
          if (error instanceof InterruptedError)
            output.note('what is whole stays; the same command with --overwrite if-changed goes on from there');
          throw error;
        })
        .finally(() => progress.finish());
      const { dryRun = false, verify = false } = chosen;
      tellResult(context, { snapshotId: snapshot.id, target, dryRun, verified: verify }, result);
      return mergeStatuses([status, statusOfFindings(result.problems)]);
    });
  },
};

async function readChoices(
  context: CliContext,
  options: RestoreOptions,
): Promise<Omit<RestoreRequest, 'snapshot' | 'target'>> {
  const { overwrite, sparse, verify = false, dryRun = false, owner } = options;
  return {
    include: await collectPatterns(context, options.include, options.includeFile),
    iinclude: await collectPatterns(context, options.iinclude, options.iincludeFile),
    exclude: await collectPatterns(context, options.exclude, options.excludeFile),
    iexclude: await collectPatterns(context, options.iexclude, options.iexcludeFile),
    sparse,
    verify,
    dryRun,
    onEntry: entryTeller(context),
    overwrite,
    owners: owner,
  };
}

async function refuseFilledFolder(target: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code === 'ENOTDIR') throw new HoldfastError('Usage', `the target ${target} is not a folder`);
    throw new HoldfastError('AccessDenied', `the target ${target} cannot be read (${code})`, { cause: error });
  }
  if (names.length > 0)
    throw new HoldfastError('GuardRefused', `the target ${target} is not empty`, {
      hint: 'give a fresh folder; or --overwrite if-changed, which replaces files of the same name, and goes on with an interrupted restore',
    });
}

/** Throws GuardRefused unless a person says yes, now or by `--yes`. */
async function confirmDeletion(
  context: CliContext,
  extras: readonly ExtraEntry[],
  target: string,
  { yes = false }: RestoreOptions,
): Promise<void> {
  const { output } = context;
  const bytes = extras.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const what = `${count(extras.length, 'entry', 'entries')} (${formatBytes(bytes)}) in ${target}`;
  output.note(
    `${what} ${extras.length === 1 ? 'is' : 'are'} not in the snapshot, and ${yes ? 'will' : 'would'} be deleted:`,
  );
  for (const { path, isFolder } of extras.slice(0, LISTED_EXTRAS))
    output.note(`  ${displayPath(path)}${isFolder ? '/' : ''}`);
  if (extras.length > LISTED_EXTRAS) output.note(`  and ${extras.length - LISTED_EXTRAS} more`);
  if (yes || (context.interactive && (await askYesNo('Delete them? [y/N] ', context.signal)))) return;
  throw new HoldfastError('GuardRefused', `${what} would be deleted, and nobody has said yes; nothing was changed`, {
    hint: 'look at them with --dry-run -vv, then give --yes',
    context: { entries: extras.length, bytes },
  });
}
