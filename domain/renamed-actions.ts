/** Which actions are earlier ones under a new name: those of a policy that names its former names. */
import type { Action } from './action.ts';
import { formerIds, formerNames } from './former-names.ts';

/**
 * From the id of an action that is wanted to the one that it had before. Only where the old name is no policy's any
 * more, and the new one is none of an action that was there.
 */
export function renamedActions(before: readonly Action[], after: readonly Action[]): Map<string, string> {
  const [were, are] = [new Set(before.map(({ id }) => id)), new Set(after.map(({ policy }) => policy))];
  const renamed = new Map<string, string>();
  for (const action of after) {
    if (were.has(action.id)) continue;
    const free = formerNames(action).filter((name) => !are.has(name));
    const found = formerIds(action, free).find((candidate) => were.has(candidate));
    if (found !== undefined) renamed.set(action.id, found);
  }
  return renamed;
}
