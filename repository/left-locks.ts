/** Lock files of this process that it gave back: where they could not be removed, they protect nothing any more. */
import { removeLockFile } from './unlock.ts';
import type { Repository } from './repository.ts';
import { STALE_MILLISECONDS } from './lock-file.ts';

/** When each was given back, in milliseconds; ids are hashes, so that they are one's own in all repositories. */
const left = new Map<string, number>();

/** Removes a lock file that is no longer needed. false: this account may not delete, so that others have to wait until it expires. */
export async function giveBack(repository: Repository, id: string): Promise<boolean> {
  const now = performance.now();
  for (const [each, since] of left) if (now - since > STALE_MILLISECONDS) left.delete(each);
  left.set(id, now);
  const isRemoved = await removeLockFile(repository, id);
  if (isRemoved) left.delete(id);
  return isRemoved;
}

/** As restic's rule is for processes that have ended: whose work is over, whose lock is stale. */
export function isLeft(id: string): boolean {
  return left.has(id);
}
