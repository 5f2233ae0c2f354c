/** Use case: frees what no snapshot of a repository needs, except what was forgotten a short time ago. */
import { throwIfAborted } from '../common/errors.ts';
import type { ActionRequest, PruneSettings } from '../domain/action.ts';
import type { ActionOutcome, PruneFigures } from '../domain/run-record.ts';
import { executePrune } from '../repository/execute-prune.ts';
import { preparePrune, type PreparedPrune } from '../repository/prune-repository.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { readForgottenTrees } from './forgotten-trees.ts';
import { settingsOf } from './settings-of.ts';
import { withRepository } from './with-repository.ts';

/**
 * Plans and prunes under an exclusive lock. Data of snapshots forgotten less than `afterSeconds` ago stays, so that they
 * can be recovered. Fails before anything is removed when the evidence cannot be read, or the repository is damaged.
 */
export async function prune(deps: Dependencies, request: ActionRequest, context: CallContext): Promise<ActionOutcome> {
  const settings = settingsOf(request, 'prune');
  const dryRun = request.dryRun === true;
  const access = { role: dryRun ? 'reader' : 'maintainer', lock: dryRun ? 'shared' : 'exclusive' } as const;
  return withRepository(deps, settings.repository, access, context, async ({ repository, signal }) => {
    const keepTrees = await forgottenTrees(deps, request, settings, repository.config.id, { ...context, signal });
    const call = { signal, progress: context.progress };
    const prepared = await preparePrune(repository, {
      maxUnused: { share: settings.maxUnusedShare },
      keepTrees,
      ...call,
    });
    const figures = dryRun ? plannedFigures(prepared) : await executePrune(repository, prepared, call);
    return { figures, findings: [] };
  });
}

/** From the lists written before snapshots were removed, and from the records of retention runs. */
async function forgottenTrees(
  deps: Dependencies,
  request: ActionRequest,
  settings: PruneSettings,
  repositoryId: string,
  context: CallContext,
): Promise<string[]> {
  const since = new Date(deps.clock().getTime() - settings.afterSeconds * 1000);
  const trees = new Set(await readForgottenTrees(deps, request, repositoryId, since));
  const evidence = await deps.openEvidence(request.evidence);
  try {
    for await (const run of evidence.readRuns({ from: since, kinds: ['retention'] })) {
      throwIfAborted(context.signal);
      if (run.dryRun || run.figures?.kind !== 'retention') continue;
      // A tree of another repository is in none of our packs, and spares nothing.
      for (const { keep, tree } of run.figures.decisions) if (!keep && tree !== undefined) trees.add(tree);
    }
  } finally {
    await evidence.close();
  }
  return [...trees];
}

function plannedFigures({ plan }: PreparedPrune): PruneFigures {
  return {
    kind: 'prune',
    packsDeleted: plan.repack.length + plan.remove.length + plan.removeUnindexed.length,
    packsRepacked: plan.repack.length,
    bytesFreed: plan.figures.bytes.freed,
    bytesUnused: plan.figures.bytes.remainingUnused,
    bytesTotal: plan.figures.bytes.stored,
  };
}
