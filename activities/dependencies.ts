/** What the use cases need from outside, given to `createActivities` by the worker, the CLI or a test. */
import type {
  EvidenceSettings,
  LocationSettings,
  RemoteLocationSettings,
  RepositorySettings,
  SecretReference,
} from '../domain/action.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';
import type { Repository } from '../repository/repository.ts';
import type { RemoteTree } from '../storage/open-tree.ts';
import type { Storage, StorageRole } from '../storage/storage.ts';
import type { Progress } from '../common/progress.ts';

export interface Dependencies {
  /** The storage of a location, below `path`. */
  openStorage(location: LocationSettings, path: string, role: StorageRole): Promise<Storage>;
  /** The files of a location that is not on this machine, below `path`. */
  openTree(location: RemoteLocationSettings, path: string, role: StorageRole): Promise<RemoteTree>;
  openRepository(repository: RepositorySettings, role: StorageRole, signal?: AbortSignal): Promise<Repository>;
  openEvidence(settings: EvidenceSettings): Promise<EvidenceStore>;
  resolveSecret(reference: SecretReference): Promise<string>;
  /** Where relative paths of `{file: PATH}` references start; absent: such references cannot be located. */
  secretsDirectory?: string;
  /** The current time: a test gives a fixed one. */
  clock: () => Date;
  /** This worker's host name, and where restore tests may put files. */
  hostname: string;
  scratchDirectory: string;
  /** Programs (assertion scripts) run only where the operator allowed it. */
  allowCommands: boolean;
}

/** What one call of a use case gets besides its request. */
export interface CallContext {
  signal: AbortSignal;
  progress: Progress;
}
