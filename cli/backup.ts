/** `holdfast backup`: a snapshot of folders, files or a stream, made by hand. */
import { availableParallelism, hostname } from 'node:os';
import { archive, scanSources, type ArchiveRequest, type ArchiveResult } from '../repository/archive.ts';
import { archiveStream } from '../repository/archive-stream.ts';
import { scanThread } from './begin-early.ts';
import { addBackupOptions, checkBackupOptions, type BackupOptions } from './backup-options.ts';
import { collectBackupPaths, type BackupPaths } from './backup-paths.ts';
import { entryTeller, tellResult, tellWhenHeld } from './backup-report.ts';
import type { CliCommand, CliContext } from './command.ts';
import { openCommandOutput } from './command-output.ts';
import { ExitStatus } from './exit-status.ts';
import { addRepositoryOptions, withRepository, type RepositoryWork } from './open-from-options.ts';
import { collectPatterns } from './pattern-options.ts';

export const command: CliCommand<BackupOptions> = {
  configure(command) {
    command
      .description(
        'Makes a snapshot of folders and files, or of a stream. What a policy protects is better made by "holdfast run". Exit status 3 when some files could not be read.',
      )
      .argument('[paths...]', 'what to back up; of a symbolic link the link, with a slash behind it what it points to');
    addBackupOptions(command);
    addRepositoryOptions(command);
  },

  async run(context, { args, options }) {
    const words = args[0] as string[];
    checkBackupOptions(options, words);
    const streams = options.stdin === true || options.stdinFromCommand === true;
    return streams ? backUpStream(context, words, options) : backUpPaths(context, words, options);
  },
};

async function backUpPaths(context: CliContext, args: string[], options: BackupOptions): Promise<ExitStatus> {
  const paths = await collectBackupPaths(context, args, options);
  const source = await readSource(context, paths, options);
  const usesInput = [options.filesFrom, options.filesFromVerbatim, options.filesFromRaw].flat().includes('-');
  const withAtime = options.withAtime === true;
  // While the password becomes a key, there is nothing else to do.
  const scan = scanSources({ source, withAtime }, scanThread());
  try {
    return await make(
      usesInput ? withoutQuestions(context) : context,
      options,
      async (repository, { signal, progress, held }) => {
        const { parent = 'auto', force = false, groupBy, ignoreCtime, ignoreInode } = options;
        const request = {
          ...describeRequest(context, options),
          source,
          parent: force || parent === false ? 'none' : parent === 'latest' ? 'auto' : parent,
          ...(groupBy !== undefined && { groupBy, parentTags: groupBy.includes('tags') ? tagsOf(options) : [] }),
          changeDetection: { ...(ignoreCtime && { ignoreCtime }), ...(ignoreInode && { ignoreInode }) },
          withAtime,
          // Trees that were not written cannot be compared.
          skipIfUnchanged: options.skipIfUnchanged === true && options.dryRun !== true,
        };
        const onEntry = tellWhenHeld(entryTeller(context), held);
        const result = await archive(repository, request, { signal, progress, onEntry, scan, held });
        return { ...result, unreadable: [...paths.absent, ...result.unreadable] };
      },
    );
  } catch (error) {
    // Its thread may still be loading its code: the process must not end in the middle of that.
    scan.stop();
    await scan.ended;
    throw error;
  }
}

async function backUpStream(context: CliContext, words: string[], options: BackupOptions): Promise<ExitStatus> {
  const program = options.stdinFromCommand === true ? openCommandOutput(context, words) : undefined;
  try {
    return await make(withoutQuestions(context), options, async (repository, { signal, progress, held }) => {
      // What was read of a stream cannot be read again.
      await held;
      const request = {
        ...describeRequest(context, options),
        content: program?.content ?? context.openInput(),
        path: options.stdinFilename,
        excludes: options.exclude,
      };
      return archiveStream(repository, request, { signal, progress, onEntry: entryTeller(context) });
    });
  } finally {
    program?.stop();
  }
}

interface MakingTools {
  signal: AbortSignal;
  progress: ReturnType<CliContext['output']['progress']>;
  held: Promise<void>;
}

type Making = (repository: Parameters<RepositoryWork<unknown>>[0], tools: MakingTools) => Promise<ArchiveResult>;

async function make(context: CliContext, options: BackupOptions, archiving: Making): Promise<ExitStatus> {
  const dryRun = options.dryRun === true;
  const access = {
    role: dryRun ? 'reader' : 'writer',
    lock: dryRun ? 'none' : 'shared',
    discardWrites: dryRun,
    compression: options.compression,
    beginsEarly: true,
    // The scan has one; where none is left but one, this thread has nothing else to do.
    processors: Math.max(1, availableParallelism() - 1),
  } as const;
  return withRepository(context, options, access, async (repository, signal, _, held) => {
    // A bar between the lines of -vv would only disturb.
    const silent = { report() {}, finish() {} };
    const progress = context.verbosity > 1 ? silent : context.output.progress();
    const result = await archiving(repository, { signal, progress, held }).finally(() => progress.finish());
    tellResult(context, result, { dryRun, requests: repository.storage.counts?.() });
    return result.unreadable.length > 0 ? ExitStatus.unreadableSource : ExitStatus.done;
  });
}

/** Stdin is for the data: no password can be typed there. */
function withoutQuestions(context: CliContext): CliContext {
  return { ...context, interactive: false };
}

function tagsOf(options: BackupOptions): string[] {
  return options.tag.flatMap((tag) => tag.split(',')).filter((tag) => tag !== '');
}

function describeRequest(context: CliContext, options: BackupOptions) {
  return {
    hostname: options.host ?? hostname(),
    tags: tagsOf(options),
    time: options.time ?? context.now(),
    acceptEmpty: options.acceptEmpty === true,
    packSizeBytes: options.packSize,
    workers: options.readConcurrency,
  };
}

async function readSource(
  context: CliContext,
  { directories, links }: BackupPaths,
  options: BackupOptions,
): Promise<ArchiveRequest['source']> {
  return {
    directories,
    links,
    exclude: await collectPatterns(context, options.exclude, options.excludeFile),
    iexclude: await collectPatterns(context, options.iexclude, options.iexcludeFile),
    excludeIfPresent: options.excludeIfPresent,
    excludeCaches: options.excludeCaches === true,
    ...(options.excludeLargerThan !== undefined && { excludeLargerThanBytes: options.excludeLargerThan }),
    oneFileSystem: options.oneFileSystem === true,
  };
}
