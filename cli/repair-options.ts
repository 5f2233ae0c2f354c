/** What the parts of `holdfast repair` are given. */
import type { Repository } from '../repository/repository.ts';
import type { CliContext } from './command.ts';
import type { RepositoryOptions, RepositoryPlace } from './open-from-options.ts';
import type { SnapshotFilterOptions } from './select-snapshot.ts';

export interface RepairOptions extends RepositoryOptions, SnapshotFilterOptions {
  dryRun?: boolean;
  readAllPacks?: boolean;
  saveTo?: string;
  forget?: boolean;
}

/** Under an exclusive lock, or in a dry run under a shared one. */
export interface RepairInput {
  context: CliContext;
  repository: Repository;
  signal: AbortSignal;
  place: RepositoryPlace;
  options: RepairOptions;
  ids: string[];
}
