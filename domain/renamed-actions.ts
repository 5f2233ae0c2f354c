/** Which actions are earlier ones under a new name: those of a policy that names its former names. */
import type { Action } from './action.ts';

/**
 * From the id of an action that is wanted to the one that it had before. Only where the old name is no policy's any
 * more, and the new one is none of an action that was there.
 */
export function renamedActions(before: readonly Action[], after: readonly Action[]): Map<string, string> {
  const [were, are] = [new Set(before.map(({ id }) => id)), new Set(after.map(({ policy }) => policy))];
  const former = formerNames(after);
  const renamed = new Map<string, string>();
  for (const { id, policy } of after) {
    if (policy === undefined || were.has(id)) continue;
    const rest = id.slice(`policy/${policy}`.length);
    const old = (former.get(policy) ?? []).filter((name) => !are.has(name)).map((name) => `policy/${name}${rest}`);
    const found = old.find((candidate) => were.has(candidate));
    if (found !== undefined) renamed.set(id, found);
  }
  return renamed;
}

/** By policy. Not every kind of action has need of them: those that have tell for all of the policy. */
function formerNames(actions: readonly Action[]): Map<string, string[]> {
  const former = new Map<string, string[]>();
  for (const { policy, settings } of actions) {
    if (policy === undefined) continue;
    const names =
      'policyNames' in settings ? settings.policyNames.slice(1) : settings.kind === 'sync' ? settings.formerly : [];
    if (names !== undefined && names.length > 0) former.set(policy, names);
  }
  return former;
}
