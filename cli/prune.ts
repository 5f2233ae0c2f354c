/** `holdfast prune`: frees the data that no snapshot needs. */
import { readForgottenTrees } from '../activities/forgotten-trees.ts';
import { formatDuration } from '../common/durations.ts';
import { formatBytes, parseShare } from '../common/sizes.ts';
import type { PrunePlanFigures } from '../domain/prune-plan.ts';
import { executePrune, preparePrune } from '../repository/prune-repository.ts';
import type { Repository } from '../repository/repository.ts';
import { openStorage } from '../storage/open-storage.ts';
import type { CliCommand, CliContext, Output } from './command.ts';
import { count } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import {
  addRepositoryOptions,
  withRepository,
  type RepositoryOptions,
  type RepositoryPlace,
} from './open-from-options.ts';
import { renderTable } from './table.ts';

interface Options extends RepositoryOptions {
  maxUnused: string;
  forgottenToo?: boolean;
  dryRun?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description('Deletes packs that no snapshot needs, and rewrites those that hold too much of such data.')
      .option('--max-unused <share>', 'how much of the repository may stay unused', '5%')
      .option('--forgotten-too', 'with --repository: do not spare snapshots that were forgotten a short time ago')
      .option('-n, --dry-run', 'say what would be deleted and rewritten, and change nothing');
    addRepositoryOptions(command);
  },

  async run(context, { options }) {
    const maxUnusedShare = parseShare(options.maxUnused);
    const dryRun = options.dryRun === true;
    const access = { role: 'maintainer', lock: dryRun ? 'reading' : 'exclusive' } as const;
    return withRepository(context, options, access, async (repository, signal, place) => {
      const progress = context.output.progress();
      try {
        const keepTrees = options.forgottenToo === true ? [] : await sparedTrees(context, repository, place);
        const prepared = await preparePrune(repository, { maxUnusedShare, keepTrees, signal, progress });
        progress.finish();
        tellPlan(context.output, prepared.plan.figures);
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
  const trees = await readForgottenTrees({ openStorage }, grace, repository.config.id, since);
  if (trees.length > 0)
    context.output.say(
      `sparing ${count(trees.length, 'snapshot')} forgotten within ${formatDuration(grace.seconds)} (--forgotten-too does not)`,
    );
  return trees;
}

/** What will happen, before it does. */
function tellPlan(output: Output, figures: PrunePlanFigures): void {
  const rows = [
    ['delete', count(figures.packsRemoved, 'pack'), ''],
    ['rewrite', count(figures.packsRepacked, 'pack'), formatBytes(figures.bytesRepacked)],
    ['keep', count(figures.packsKept, 'pack'), `of it unused: ${formatBytes(figures.bytesUnused)}`],
    [
      'free',
      count(figures.blobsRemoved, 'blob'),
      `${formatBytes(figures.bytesFreed)} of ${formatBytes(figures.bytesTotal)}`,
    ],
  ];
  const columns = [{ heading: 'Plan' }, { heading: '', align: 'right' as const }, { heading: '' }];
  for (const line of renderTable(columns, rows, output.columns)) output.say(line);
}
