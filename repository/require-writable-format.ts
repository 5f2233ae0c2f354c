/** Which repositories are changed: format version 1 is read, never written. */
import { HoldfastError } from '../common/errors.ts';
import type { Repository } from './repository.ts';

/** Version 1 is neither extended without compression for ever, nor pruned by rules of version 2: throws NotBuilt. */
export function requireWritableFormat({ config, storage }: Pick<Repository, 'config' | 'storage'>): void {
  if (config.version >= 2) return;
  throw new HoldfastError(
    'NotBuilt',
    `the repository at ${storage.description} has format version 1, which is only read`,
    {
      hint: 'Upgrade it with "restic migrate upgrade_repo_v2", or copy its snapshots into a new one with "holdfast copy".',
    },
  );
}
