/** How a command that deletes opens a repository: alone and as the maintainer, but for a dry run as anybody who reads. */
import type { Access } from './open-from-options.ts';

export function deletingAccess(dryRun: boolean): Access {
  return dryRun ? { role: 'reader', lock: 'reading' } : { role: 'maintainer', lock: 'exclusive' };
}
