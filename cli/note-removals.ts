/** Notes snapshots that are removed by hand, so that prune spares their data for as long as the policies say. */
import { noteForgotten } from '../activities/forgotten-trees.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Repository } from '../repository/repository.ts';
import type { CliContext } from './command.ts';
import type { RepositoryPlace } from './open-from-options.ts';

/** Nothing is noted for a repository that is known by its place alone: its prune spares nothing. */
export async function noteRemovals(
  context: CliContext,
  repository: Repository,
  { grace }: RepositoryPlace,
  snapshots: readonly Snapshot[],
): Promise<void> {
  if (grace === undefined || grace.seconds === 0) return;
  await noteForgotten({ openStorage: grace.openStorage, clock: context.now }, grace, repository.config.id, [
    ...snapshots,
  ]);
}
