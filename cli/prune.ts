/** `holdfast prune`: frees the data that no snapshot needs. */
import { readForgottenTrees } from '../activities/forgotten-trees.ts';
import { formatDuration } from '../common/durations.ts';
import { HoldfastError } from '../common/errors.ts';
import { formatBytes, parseShare } from '../common/sizes.ts';
import type { PrunePlanFigures } from '../domain/prune-figures.ts';
import type { MaxUnused, PruneRules } from '../domain/prune-plan.ts';
import { executePrune } from '../repository/execute-prune.ts';
import { preparePrune } from '../repository/prune-repository.ts';
import { DEFAULT_PACK_SIZE_BYTES } from '../repository/pack.ts';
import type { Repository } from '../repository/repository.ts';
import type { CliCommand, CliContext } from './command.ts';
import { deletingAccess } from './deleting-access.ts';
import { count } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import {
  addRepositoryOptions,
  withRepository,
  type RepositoryOptions,
  type RepositoryPlace,
} from './open-from-options.ts';
import { parseSizeOption } from './size-option.ts';
import { renderTable } from './table.ts';

/** Of the usual pack size: what --repack-small calls small. */
const SMALL_SHARE = 0.8;

interface Options extends RepositoryOptions {
  maxUnused: string;
  /** Bytes. */
  maxRepackSize?: number;
  repackSmall?: boolean;
  /** Bytes. */
  repackSmallerThan?: number;
  repackCacheableOnly?: boolean;
  repackUncompressed?: boolean;
  forgottenToo?: boolean;
  dryRun?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description('Deletes packs that no snapshot needs, and rewrites those that hold too much of such data.')
      .option('--max-unused <limit>', 'how much of the repository may stay unused: 5%, 500M, unlimited', '5%')
      .option('--max-repack-size <size>', 'rewrite less than this in all; 0: delete whole packs only', parseSizeOption)
      .option('--repack-small', 'put together all packs below four fifths of the usual size')
      .option('--repack-smaller-than <size>', 'put together all packs below this size', parseSizeOption)
      .option('--repack-cacheable-only', 'rewrite only packs of trees')
      .option('--repack-uncompressed', 'rewrite packs with data that is not compressed, and compress it')
      .option('--forgotten-too', 'with --repository: do not spare snapshots that were forgotten a short time ago')
      .option('-n, --dry-run', 'say what would be deleted and rewritten, and change nothing');
    addRepositoryOptions(command);
  },

  async run(context, { options }) {
    const rules = pruneRules(options);
    const dryRun = options.dryRun === true;
    if (!options.lock && !dryRun)
      throw new HoldfastError('Usage', 'prune deletes, and does so with a lock alone', {
        hint: 'leave --no-lock out, or add --dry-run',
      });
    return withRepository(context, options, deletingAccess(dryRun), async (repository, signal, place) => {
      if (rules.repackUncompressed === true && repository.compression === 'none')
        throw new HoldfastError('Usage', `the policies say that ${place.name} compresses nothing`, {
          hint: 'leave --repack-uncompressed out, or change "compression" of the repository',
        });
      const progress = context.output.progress();
      try {
        const keepTrees = options.forgottenToo === true ? [] : await sparedTrees(context, repository, place);
        const prepared = await preparePrune(repository, { ...rules, keepTrees, signal, progress });
        progress.finish();
        for (const line of planLines(prepared.plan.figures, context.output.columns)) context.output.say(line);
        const figures = dryRun ? undefined : await executePrune(repository, prepared, { signal, progress });
        progress.finish();
        if (context.json) context.output.json({ dryRun, plan: prepared.plan.figures, figures });
        context.output.say(
          figures === undefined ? 'nothing was changed' : `done: ${formatBytes(figures.bytesFreed)} freed`,
        );
        return ExitStatus.done;
      } finally {
        progress.finish();
      }
    });
  },
};

/** By hand as by schedule: what was forgotten a short time ago can still be recovered. */
async function sparedTrees(context: CliContext, repository: Repository, { grace }: RepositoryPlace): Promise<string[]> {
  if (grace === undefined || grace.seconds === 0) return [];
  const since = new Date(context.now().getTime() - grace.seconds * 1000);
  const trees = await readForgottenTrees(grace, grace, repository.config.id, since);
  if (trees.length > 0)
    context.output.say(
      `sparing ${count(trees.length, 'snapshot')} forgotten within ${formatDuration(grace.seconds)} (--forgotten-too does not)`,
    );
  return trees;
}

/** Throws Usage. */
export function pruneRules(options: Options): PruneRules {
  const { repackSmall, repackSmallerThan } = options;
  if (repackSmallerThan !== undefined && repackSmallerThan > DEFAULT_PACK_SIZE_BYTES)
    throw new HoldfastError('Usage', '--repack-smaller-than is more than a pack has', {
      hint: `give at most ${formatBytes(DEFAULT_PACK_SIZE_BYTES)}`,
    });
  const smallPackBytes =
    repackSmallerThan ?? (repackSmall === true ? SMALL_SHARE * DEFAULT_PACK_SIZE_BYTES : undefined);
  return {
    maxUnused: parseMaxUnused(options.maxUnused),
    ...(options.maxRepackSize === undefined ? {} : { maxRepackBytes: options.maxRepackSize }),
    ...(smallPackBytes === undefined ? {} : { smallPackBytes }),
    ...(options.repackCacheableOnly === true ? { repackCacheableOnly: true } : {}),
    ...(options.repackUncompressed === true ? { repackUncompressed: true } : {}),
  };
}

function parseMaxUnused(text: string): MaxUnused {
  if (text === 'unlimited') return 'unlimited';
  try {
    return text.endsWith('%') ? { share: parseShare(text) } : { bytes: parseSizeOption(text) };
  } catch (cause) {
    throw new HoldfastError('Usage', `"${text}" does not say how much may stay unused`, {
      hint: 'write it as a share, 5%, as a size, 500M, or unlimited',
      cause,
    });
  }
}

/** What is there, and what will happen to it. */
function planLines({ blobs, bytes, packs }: PrunePlanFigures, columns: number | undefined): string[] {
  const rows: [string, string, string, string][] = [
    ['used', '', count(blobs.used, 'blob'), formatBytes(bytes.used)],
    ['stored twice', '', count(blobs.duplicate, 'blob'), formatBytes(bytes.duplicate)],
    ['unused', '', count(blobs.unused, 'blob'), formatBytes(bytes.unused)],
    ['in no index', count(packs.unreferenced, 'pack'), '', formatBytes(bytes.unreferenced)],
    ['rewrite', count(packs.repacked, 'pack'), count(blobs.repack, 'blob'), formatBytes(bytes.repack)],
    ['  of it drop', '', count(blobs.repackRemoved, 'blob'), formatBytes(bytes.repackRemoved)],
    [
      'delete',
      count(packs.removed, 'pack'),
      count(blobs.removed, 'blob'),
      formatBytes(bytes.removed + bytes.unreferenced),
    ],
    [
      'keep',
      count(packs.kept, 'pack'),
      count(blobs.remaining - (blobs.repack - blobs.repackRemoved), 'blob'),
      formatBytes(bytes.remaining - (bytes.repack - bytes.repackRemoved)),
    ],
    [
      'free in all',
      '',
      count(blobs.removedTotal, 'blob'),
      `${formatBytes(bytes.removedTotal)} of ${formatBytes(bytes.total)}`,
    ],
    [
      'remaining',
      '',
      count(blobs.remaining, 'blob'),
      `${formatBytes(bytes.remaining)}, of it unused ${formatBytes(bytes.remainingUnused)}`,
    ],
  ];
  // What there mostly is none of is told only when there is.
  const optional = new Set(['stored twice', 'in no index', '  of it drop']);
  const told = rows.filter(([name, ...cells]) => !optional.has(name) || cells.some((cell) => /^[1-9]/.test(cell)));
  const right = { heading: '', align: 'right' as const };
  return renderTable([{ heading: 'Plan' }, right, right, { heading: '' }], told, columns);
}
