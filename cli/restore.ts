/** `holdfast restore`: brings files of a snapshot back into a folder. */
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HoldfastError, InterruptedError } from '../common/errors.ts';
import { formatBytes } from '../common/sizes.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { displayPath } from '../files/byte-path.ts';
import type { ExtraEntry } from '../repository/delete-extras.ts';
import type { Repository } from '../repository/repository.ts';
import { restore, type RestoreRequest } from '../repository/restore.ts';
import type { StartedThreads } from '../repository/started-threads.ts';
import { askYesNo } from './ask-yes-no.ts';
import { readerThreads } from './begin-early.ts';
import type { CliCommand, CliContext } from './command.ts';
import { count, describeSnapshot } from './display.ts';
import { mergeStatuses, type ExitStatus } from './exit-status.ts';
import { statusOfFindings } from './findings.ts';
import { addRepositoryOptions, withRepository } from './open-from-options.ts';
import { collectPatterns } from './pattern-options.ts';
import { readSnapshots, warnOfBroken } from './readable-snapshots.ts';
import { addRestoreOptions, checkRestoreOptions, type RestoreOptions } from './restore-options.ts';
import { entryTeller, tellResult } from './restore-report.ts';
import { addSnapshotOptions, ofPlace, parseSnapshotArgument, selectSnapshot } from './select-snapshot.ts';

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
    const { snapshot: wanted, subPath } = parseSnapshotArgument(args[0] as string | undefined, options);
    const target = resolve(context.directory, options.target);
    checkRestoreOptions(options, target);
    if (options.overwrite === undefined) await refuseFilledFolder(target);
    const chosen = await readChoices(context, options);
    return restoreFrom(context, options, { wanted, subPath, target, chosen, started: readerThreads() });
  },
};

interface Wish {
  wanted: string;
  subPath: string | undefined;
  target: string;
  chosen: Choices;
  started: StartedThreads | undefined;
}

function restoreFrom(context: CliContext, options: RestoreOptions, wish: Wish): Promise<ExitStatus> {
  const { output } = context;
  const { wanted, target, chosen, ...rest } = wish;
  const access = { role: 'reader', lock: 'reading', beginsEarly: true } as const;
  return withRepository(context, options, access, async (repository, signal, place, held) => {
    let isHeld = false;
    held.then(
      () => (isHeld = true),
      () => undefined,
    );
    const { snapshot, status } = await chooseSnapshot(context, ofPlace(options, place), {
      repository,
      wanted,
      signal,
      held,
    });
    // A bar between the lines of -vv would only disturb.
    const progress = context.verbosity > 1 ? { report() {}, finish() {} } : output.progress();
    const request = { ...chosen, ...rest, snapshot, target, signal, held, progress };
    const deleteExtras = (extras: readonly ExtraEntry[]): Promise<void> => {
      progress.finish();
      return confirmDeletion(context, extras, target, options);
    };
    const result = await restore(repository, options.delete === true ? { ...request, deleteExtras } : request)
      .catch((error: unknown) => {
        if (isHeld && error instanceof InterruptedError)
          output.note('what is whole stays; the same command with --overwrite if-changed goes on from there');
        throw error;
      })
      .finally(() => progress.finish());
    const { dryRun = false, verify = false } = chosen;
    tellResult(context, { snapshotId: snapshot.id, target, dryRun, verified: verify }, result);
    return mergeStatuses([status, statusOfFindings(result.problems)]);
  });
}

/** Says which it is, and which files could not be asked, when the lock is held. */
async function chooseSnapshot(
  { output }: CliContext,
  options: RestoreOptions,
  work: { repository: Repository; wanted: string; signal: AbortSignal; held: Promise<void> },
): Promise<{ snapshot: Snapshot; status: ExitStatus }> {
  const { repository, wanted, signal, held } = work;
  const readable = await readSnapshots(repository, wanted, signal);
  const warned = held.then(() => warnOfBroken(output, readable));
  try {
    const snapshot = selectSnapshot(readable.snapshots, wanted, options);
    warned.then(
      () => output.note(`restoring ${describeSnapshot(snapshot)}`),
      () => undefined,
    );
    return { snapshot, status: readable.status };
  } catch (error) {
    await warned;
    throw error;
  }
}

type Choices = Omit<RestoreRequest, 'snapshot' | 'target'>;

async function readChoices(context: CliContext, options: RestoreOptions): Promise<Choices> {
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
