/** `holdfast backup`: a snapshot of folders, made by hand. */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { formatBytes, parseSize } from '../common/sizes.ts';
import { HoldfastError } from '../common/errors.ts';
import { archive, type ArchiveRequest, type ArchiveResult } from '../repository/archive.ts';
import { repeatable, type CliCommand, type CliContext } from './command.ts';
import { count, displayText, shortId } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';

interface Options extends RepositoryOptions {
  exclude: string[];
  excludeIfPresent: string[];
  excludeCaches?: boolean;
  excludeLargerThan?: string;
  oneFileSystem?: boolean;
  tag: string[];
  host?: string;
  /** Commander's form of `--no-parent`. */
  parent: boolean;
  acceptEmpty?: boolean;
  dryRun?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Makes a snapshot of folders and files. What a policy protects is better made by "holdfast run". Exit status 3 when some files could not be read.',
      )
      .argument('<paths...>', 'what to back up')
      .option(
        '--exclude <pattern>',
        'leave out what matches, with restic’s meaning (may be given again)',
        repeatable,
        [],
      )
      .option(
        '--exclude-if-present <name>',
        'leave out folders that hold this file (may be given again)',
        repeatable,
        [],
      )
      .option('--exclude-caches', 'leave out folders marked by a CACHEDIR.TAG')
      .option('--exclude-larger-than <size>', 'leave out larger files (20GiB)')
      .option('--one-file-system', 'stay on the file system of each path')
      .option('--tag <tag>', 'a tag for the snapshot (may be given again)', repeatable, [])
      .option('--host <name>', 'the snapshot’s host (default: this machine’s name)')
      .option('--no-parent', 'read all files, also those that seem unchanged')
      .option('--accept-empty', 'back up a folder that is empty now though it was not in the last snapshot')
      .option('-n, --dry-run', 'do everything but write');
    addRepositoryOptions(command);
  },

  async run(context, { args, options }) {
    const dryRun = options.dryRun === true;
    const source = readSource(context, args[0] as string[], options);
    const access = {
      role: dryRun ? 'reader' : 'writer',
      lock: dryRun ? 'none' : 'shared',
      discardWrites: dryRun,
    } as const;
    return withRepository(context, options, access, async (repository, signal) => {
      const progress = context.output.progress();
      const request = {
        source,
        hostname: options.host ?? hostname(),
        tags: options.tag.flatMap((tag) => tag.split(',')),
        time: context.now(),
        parent: options.parent ? ('auto' as const) : ('none' as const),
        acceptEmpty: options.acceptEmpty === true,
      };
      const result = await archive(repository, request, { signal, progress }).finally(() => progress.finish());
      tellResult(context, result, dryRun);
      return result.unreadable.length > 0 ? ExitStatus.unreadableSource : ExitStatus.done;
    });
  },
};

function readSource(context: CliContext, paths: string[], options: Options): ArchiveRequest['source'] {
  // An unset variable of a script, not the current folder.
  if (paths.includes('')) throw new HoldfastError('Usage', 'a path is empty', { hint: 'name what to back up' });
  return {
    directories: paths.map((path) => resolve(context.directory, path)),
    exclude: options.exclude,
    excludeIfPresent: options.excludeIfPresent,
    excludeCaches: options.excludeCaches === true,
    ...(options.excludeLargerThan !== undefined && { excludeLargerThanBytes: parseSize(options.excludeLargerThan) }),
    oneFileSystem: options.oneFileSystem === true,
  };
}

function tellResult({ output, json }: CliContext, result: ArchiveResult, dryRun: boolean): void {
  const { figures, unreadable, changedWhileRead, notices, parentId, snapshotId } = result;
  if (json) {
    const { kind: _, ...numbers } = figures;
    output.json({
      dryRun,
      snapshotId: dryRun ? undefined : snapshotId,
      parentId,
      ...numbers,
      unreadable,
      changedWhileRead,
    });
  }
  for (const notice of notices) output.note(displayText(notice));
  for (const { path, message } of unreadable) output.warn(`not backed up: ${path}: ${displayText(message)}`);
  for (const { path } of changedWhileRead) output.warn(`changed while it was read: ${path}`);
  const { filesNew, filesChanged, filesUnmodified, bytesProcessed, bytesStored, bytesAdded } = figures;
  output.say(
    `${count(filesNew, 'new file')}, ${filesChanged} changed, ${filesUnmodified} unchanged; ${formatBytes(bytesProcessed)} in all, ` +
      `${formatBytes(bytesAdded)} new, stored as ${formatBytes(bytesStored)}`,
  );
  output.say(
    dryRun
      ? 'nothing was written'
      : `snapshot ${shortId(snapshotId)}${parentId === undefined ? '' : ` (after ${shortId(parentId)})`}`,
  );
}
