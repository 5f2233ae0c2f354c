/** The names that policies had before: what was recorded and made under them is theirs. */
import type { Action } from './action.ts';

/** The former names of the action's policy; of work that belongs to no policy, none. */
export function formerNames({ settings }: Pick<Action, 'settings'>): readonly string[] {
  // Where there are several names, the first is the present one.
  if ('policyNames' in settings) return settings.policyNames.slice(1);
  return 'formerly' in settings ? (settings.formerly ?? []) : [];
}

/** The ids that an action had under the former names of its policy. */
export function formerIds(
  { id, policy, settings }: Pick<Action, 'id' | 'policy' | 'settings'>,
  names: readonly string[] = formerNames({ settings }),
): string[] {
  const start = `policy/${policy}/`;
  return policy === undefined || !id.startsWith(start)
    ? []
    : names.map((name) => `policy/${name}/${id.slice(start.length)}`);
}

/** The present ids of actions by their former ones. */
export function renamedIds(actions: readonly Action[]): Map<string, string> {
  return new Map(actions.flatMap((action) => formerIds(action).map((former) => [former, action.id])));
}

/** All names of one policy, the present one first: what `--policy NAME` means where the policies are known. */
export function namesOfPolicy(actions: readonly Action[], policy: string): string[] {
  const own = actions.filter((action) => action.policy === policy);
  return [...new Set([policy, ...own.flatMap((action) => formerNames(action))])];
}
