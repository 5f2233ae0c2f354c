/** `holdfast copy`: snapshots of one repository, copied into another. */
import { formatBytes } from '../common/sizes.ts';
import { planCopy, type CopyPlan } from '../domain/copy-plan.ts';
import { fits } from '../domain/find-snapshot.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { copySnapshots, type CopyResult } from '../repository/copy-snapshots.ts';
import type { Repository } from '../repository/repository.ts';
import { requireWritableFormat } from '../repository/require-writable-format.ts';
import type { CliCommand, CliContext } from './command.ts';
import { count, describeSnapshot, displayMessage, shortId } from './display.ts';
import { ExitStatus, mergeStatuses } from './exit-status.ts';
import { addFromOptions, fromRepositoryOptions, type FromOptions } from './from-repository.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';
import { listReadableSnapshots } from './readable-snapshots.ts';
import { addSnapshotFilters, ofPlace, selectSnapshot, type SnapshotFilterOptions } from './select-snapshot.ts';

interface Options extends RepositoryOptions, FromOptions, SnapshotFilterOptions {
  dryRun?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Copies snapshots from one repository into another, and of their data what is not there yet. What was copied before is left as it is.',
      )
      .argument('[snapshots...]', 'which snapshots: ids, prefixes, or "latest"; default: all that the filters leave')
      .option('-n, --dry-run', 'say what would be copied, and copy nothing');
    addRepositoryOptions(addFromOptions(addSnapshotFilters(command))).addHelpText(
      'after',
      '\nThe repository to read from is named by --from-repository NAME, or by --from-repo WHERE with --from-password-file,\n--from-password-command, the variable HOLDFAST_FROM_PASSWORD, or a password typed in. A copy keeps all that its snapshot\nsays, and names it as its original. Data of files is shared with what the other repository holds only where both cut files\nalike: see holdfast init --copy-chunker-params.',
    );
  },

  async run(context, { args, options }) {
    const dryRun = options.dryRun === true;
    const from = { role: 'reader', lock: 'shared' } as const;
    const to = { role: dryRun ? 'reader' : 'writer', lock: 'shared' } as const;
    return withRepository(context, fromRepositoryOptions(options), from, (source, sourceSignal, place) =>
      withRepository({ ...context, signal: sourceSignal }, options, to, async (destination, signal) => {
        requireWritableFormat(destination);
        const { chosen, status } = await choose(context, source, args[0] as string[], ofPlace(options, place), signal);
        const sameChunker = source.config.chunker_polynomial === destination.config.chunker_polynomial;
        if (!sameChunker)
          context.output.warn(
            'the two repositories cut files in different places: what both hold of a file takes space twice (a repository made by "holdfast init --copy-chunker-params" does not)',
          );
        const plan = planCopy(chosen, await destination.listSnapshots({ signal, onError: tellBroken(context) }));
        for (const { snapshot, copy } of plan.present)
          context.output.detail(`${shortId(snapshot.id)} is there already, as ${shortId(copy.id)}`);
        const result = await copy(context, source, destination, plan, { dryRun, signal });
        tellResult(context, plan, result, { dryRun, sameChunker });
        return mergeStatuses([status, result.damaged.length > 0 ? ExitStatus.integrity : ExitStatus.done]);
      }),
    );
  },
};

function tellBroken({ output }: CliContext): (id: string) => void {
  return (id) => output.warn(`the snapshot file ${id} of the destination cannot be read; run holdfast check`);
}

async function choose(
  { output }: CliContext,
  source: Repository,
  wanted: string[],
  options: SnapshotFilterOptions,
  signal: AbortSignal,
): Promise<{ chosen: Snapshot[]; status: ExitStatus }> {
  const unsure = wanted.length === 0 || wanted.includes('latest') ? 'latest' : wanted[0]!;
  const { snapshots, status } = await listReadableSnapshots(source, unsure, output, signal);
  const named = new Set(wanted.map((id) => selectSnapshot(snapshots, id, options)));
  const chosen = snapshots.filter((snapshot) => (wanted.length === 0 ? fits(snapshot, options) : named.has(snapshot)));
  return { chosen, status };
}

async function copy(
  { output }: CliContext,
  source: Repository,
  destination: Repository,
  plan: CopyPlan,
  options: { dryRun: boolean; signal: AbortSignal },
): Promise<CopyResult> {
  const progress = output.progress();
  try {
    return await copySnapshots(source, destination, plan.missing, {
      ...options,
      progress,
      onCopied: ({ snapshot, copyId = '' }) => {
        progress.finish();
        output.say(`copied ${describeSnapshot(snapshot)}, as ${shortId(copyId)}`);
      },
    });
  } finally {
    progress.finish();
  }
}

function tellResult(
  { output, json }: CliContext,
  { present }: CopyPlan,
  { copied, damaged, blobs, bytesRead, bytesWritten }: CopyResult,
  { dryRun, sameChunker }: { dryRun: boolean; sameChunker: boolean },
): void {
  if (json)
    output.json({
      dryRun,
      copied: copied.map(({ snapshot, copyId }) => ({ snapshotId: snapshot.id, ...(copyId && { copyId }) })),
      present: present.map(({ snapshot, copy }) => ({ snapshotId: snapshot.id, copyId: copy.id })),
      damaged: damaged.map(({ snapshot, message }) => ({ snapshotId: snapshot.id, message })),
      blobs,
      bytesRead,
      bytesWritten,
      sameChunker,
    });
  if (dryRun) for (const { snapshot } of copied) output.say(`would copy ${describeSnapshot(snapshot)}`);
  for (const { snapshot, message } of damaged)
    output.warn(`not copied: ${describeSnapshot(snapshot)}: ${displayMessage(message)}`, 'critical');
  const verb = dryRun ? 'would be copied' : 'copied';
  output.say(
    `${count(copied.length, 'snapshot')} ${verb}, ${present.length} there already; ${count(blobs, 'blob')} (${formatBytes(bytesRead)}) ${dryRun ? 'to read' : `read, ${formatBytes(bytesWritten)} written`}`,
  );
}
