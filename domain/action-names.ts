/** What an action is called in a sentence. */
import type { Action } from './action.ts';

/** `backup to offsite`, `restore test`, `sync to standby/orders`: of the policy, repository or project that `subjectOf` names. */
export function nameOfAction({ id, kind }: Pick<Action, 'id' | 'kind'>): string {
  const words = kind.replace('-', ' ');
  const target = /^policy\/[^/]+\/(?:sync|backup|copy|retention)\/(.+)$/.exec(id)?.[1];
  if (target === undefined) return words;
  return `${words} ${kind === 'retention' ? 'in' : 'to'} ${target}`;
}

/** `policy orders`, `repository offsite`, `project`. */
export function subjectOfAction(id: string): string {
  return id
    .split('/')
    .slice(0, id.startsWith('project/') ? 1 : 2)
    .join(' ');
}
