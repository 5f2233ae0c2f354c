/** What a reader of a repository may change in it. */
import { LOCK_PREFIX } from './object-names.ts';

/** Its lock alone: `readOnly(storage, isLockName)` is a storage with which no defect can harm a repository. */
export function isLockName(name: string): boolean {
  return name.startsWith(LOCK_PREFIX);
}
