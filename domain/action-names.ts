/** What an action is called in a sentence. */
import type { Action } from './action.ts';

/** `backup to offsite`, `restore test`, `sync to standby/orders`: of the policy, repository or project that `subjectOf` names. */
export function nameOfAction({ id, kind }: Pick<Action, 'id' | 'kind'>): string {
  const words = kind.replace('-', ' ');
  const target = endOfId(id);
  if (target === undefined) return words;
  return `${words} ${kind === 'retention' ? 'in' : 'to'} ${target}`;
}

/** Of a sync with its path, `standby/orders`: one location may be the target of several. */
export function targetOfAction({ id, kind, target }: Pick<Action, 'id' | 'kind' | 'target'>): string {
  return (kind === 'sync' ? endOfId(id) : undefined) ?? target;
}

function endOfId(id: string): string | undefined {
  return /^policy\/[^/]+\/(?:sync|backup|copy|retention)\/(.+)$/.exec(id)?.[1];
}

/** `policy orders`, `repository offsite`, `project`. */
export function subjectOfAction(id: string): string {
  return id
    .split('/')
    .slice(0, id.startsWith('project/') ? 1 : 2)
    .join(' ');
}
