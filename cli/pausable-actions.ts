/** Which actions in force `pause` and `resume` mean. */
import { HoldfastError } from '../common/errors.ts';
import { hintOfNames, suggest } from '../common/suggest.ts';
import type { Action } from '../domain/action.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';

/** `backup`, `backup/offsite`, `access-check`: an action's id without whose it is. */
function ownName({ id }: Action): string {
  return id
    .split('/')
    .slice(id.startsWith('project/') ? 1 : 2)
    .join('/');
}

/**
 * All of a policy, else of a repository or the project of that name; `only`: those of these kinds, or with these ends
 * of an id. Throws NotFound, naming what there is.
 */
export function chooseActions(record: ApplyRecord | undefined, name: string, only: readonly string[]): Action[] {
  if (record === undefined)
    throw new HoldfastError('NotFound', 'no policies are in force: nothing was ever applied', {
      hint: 'holdfast start, or holdfast apply to an engine that runs',
    });
  const ofPolicy = record.actions.filter(({ policy }) => policy === name);
  const named =
    ofPolicy.length > 0
      ? ofPolicy
      : record.actions.filter(({ policy, target }) => policy === undefined && target === name);
  if (named.length === 0) throw nothingInForce(name, record.actions);
  for (const wanted of only)
    if (!named.some((action) => isMeant(action, wanted)))
      throw new HoldfastError('NotFound', `"${name}" has no action "${wanted}" in force`, {
        hint: hintOfAction(wanted, named),
      });
  return only.length === 0 ? named : named.filter((action) => only.some((wanted) => isMeant(action, wanted)));
}

function hintOfAction(wanted: string, actions: readonly Action[]): string {
  const kind = suggest(
    wanted,
    actions.map((action) => action.kind),
  );
  return kind === undefined ? hintOfNames(wanted, actions.map(ownName)) : `did you mean "${kind}"?`;
}

/** For a name that is of no policy, repository or project in force. */
export function nothingInForce(name: string, actions: readonly Action[]): HoldfastError {
  const names = actions.map(({ policy, target }) => policy ?? target);
  return new HoldfastError('NotFound', `nothing of "${name}" is in force`, { hint: hintOfNames(name, names) });
}

function isMeant(action: Action, wanted: string): boolean {
  return action.kind === wanted || ownName(action) === wanted;
}
