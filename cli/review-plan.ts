/** Whether a plan is carried out: what protects less has to be allowed, and a person or `--yes` has to want it. */
import { HoldfastError } from '../common/errors.ts';
import { hasChanges, type Plan } from '../domain/plan.ts';
import { askYesNo } from './ask-yes-no.ts';
import type { CliContext } from './command.ts';
import { count } from './display.ts';
import { tellPlan } from './tell-plan.ts';

export interface ReviewOptions {
  yes?: boolean;
  allowWeaker?: boolean;
}

/** Shows the plan, then asks on a terminal. Throws GuardRefused when it is not to be carried out. */
export async function reviewPlan(context: CliContext, plan: Plan, { yes, allowWeaker }: ReviewOptions): Promise<void> {
  if (!context.json) tellPlan(context.output, plan);
  if (allowWeaker !== true) refuseWeaker(plan);
  if (!hasChanges(plan) || yes === true) return;
  if (context.interactive && (await askYesNo('Apply this? [y/N] ', context.signal))) return;
  throw new HoldfastError('GuardRefused', `${describeChanges(plan)}, nothing was applied`, {
    hint: context.interactive ? 'answer y, or give --yes' : 'give --yes to apply it without being asked',
  });
}

/** Throws GuardRefused when something would be protected less than it is. */
export function refuseWeaker({ weaker }: Plan): void {
  const [first] = weaker;
  if (first === undefined) return;
  const more = weaker.length === 1 ? '' : `, and ${count(weaker.length - 1, 'more change')} like that`;
  throw new HoldfastError(
    'GuardRefused',
    `these policies protect less than what is in force (${first.subject}: ${first.what}${more}), nothing was applied`,
    { hint: 'if that is meant, give --allow-weaker' },
  );
}

function describeChanges({ counts }: Plan): string {
  return `${count(counts.create + counts.change + counts.pause + counts.delete, 'action')} would be created, changed or deleted`;
}
