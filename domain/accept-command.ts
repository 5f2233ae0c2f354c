/** The command by which an operator lets a run pass that a guard has refused. */
import type { Action } from './action.ts';

/** @param guard Of `GUARDS`. `holdfast run orders sync --to standby/orders --accept emptySource`: the target is named, as the policy may have several. */
export function acceptCommand({ id, kind, policy = '' }: Action, guard: string): string {
  const own = `policy/${policy}/${kind}/`;
  const target = id.startsWith(own) ? ` --to ${id.slice(own.length)}` : '';
  return `holdfast run ${policy} ${kind}${target} --accept ${guard}`;
}
