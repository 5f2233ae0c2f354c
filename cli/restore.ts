/** `holdfast restore`: brings files of a snapshot back into a folder. */
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatDuration } from '../common/durations.ts';
import { HoldfastError } from '../common/errors.ts';
import { formatBytes } from '../common/sizes.ts';
import { restore } from '../repository/restore.ts';
import { repeatable, type CliCommand } from './command.ts';
import { count, describeSnapshot } from './display.ts';
import { mergeStatuses } from './exit-status.ts';
import { tellFindings, statusOfFindings } from './findings.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';
import { listReadableSnapshots } from './readable-snapshots.ts';
import { addSnapshotOptions, parseSnapshotArgument, selectSnapshot, type SnapshotOptions } from './select-snapshot.ts';

interface Options extends RepositoryOptions, SnapshotOptions {
  target: string;
  include: string[];
  exclude: string[];
  verify?: boolean;
  overwrite?: boolean;
  owners: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description('Restores a snapshot, or a part of it, into a folder. Needs no engine and no policy.')
      .argument('[snapshot]', 'which snapshot')
      .requiredOption('--target <folder>', 'where the files go; made when it is not there')
      .option('--include <pattern>', 'only what matches (may be given again)', repeatable, [])
      .option('--exclude <pattern>', 'not what matches (may be given again)', repeatable, [])
      .option('--verify', 'read every restored file again and compare it with the snapshot')
      .option('--overwrite', 'restore into a folder that is not empty; files of the same name are replaced')
      .option('--no-owners', 'leave owner and group as this account makes them');
    addRepositoryOptions(addSnapshotOptions(command));
  },

  async run(context, { args, options }) {
    const { output, json } = context;
    const { snapshot: wanted, subPath } = parseSnapshotArgument(args[0] as string | undefined, options);
    // An unset variable of a script, not the current folder.
    if (options.target === '') throw new HoldfastError('Usage', 'the target is empty', { hint: 'name a folder' });
    const target = resolve(context.directory, options.target);
    if (options.overwrite !== true) await refuseFilledFolder(target);
    return withRepository(context, options, { role: 'reader', lock: 'reading' }, async (repository, signal) => {
      const { snapshots, status } = await listReadableSnapshots(repository, wanted, output, signal);
      const snapshot = selectSnapshot(snapshots, wanted, options);
      output.note(`restoring ${describeSnapshot(snapshot)}`);
      const progress = output.progress();
      const { include, exclude, verify, owners } = options;
      const result = await restore(repository, {
        snapshot,
        target,
        include,
        exclude,
        subPath,
        verify,
        // By default root restores owners, and nobody else can.
        ...(owners ? {} : { owners: false }),
        signal,
        progress,
      }).finally(() => progress.finish());
      const { files, directories, bytes, seconds, problems } = result;
      if (json) output.json({ snapshot: snapshot.id, target, files, directories, bytes, seconds, problems });
      tellFindings(output, problems);
      output.say(
        `restored ${count(files, 'file')} and ${count(directories, 'folder')}, ${formatBytes(bytes)}, to ${target} ` +
          `in ${seconds < 1 ? `${seconds.toFixed(2)}s` : formatDuration(seconds)}${verify === true ? ', verified' : ''}`,
      );
      return mergeStatuses([status, statusOfFindings(problems)]);
    });
  },
};

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
      hint: 'give a fresh folder; or --overwrite, which replaces files of the same name in it',
    });
}
