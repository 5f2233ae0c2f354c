/** `holdfast plan`: what an apply would create, change, pause and delete; changes nothing. */
import { hasChanges } from '../domain/plan.ts';
import type { CliCommand } from './command.ts';
import { ExitStatus } from './exit-status.ts';
import { tellPlan } from './tell-plan.ts';

interface Options {
  check?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Compares the policies with what is in force: what an apply would create, change, pause and delete, field by field. Changes nothing.',
      )
      .argument('[paths...]', 'where the policies are (default: policies/)')
      .option('--check', 'exit status 7 when there are changes');
  },

  async run(context, { args, options }) {
    const [{ preparePolicies, commitOf }, { planPolicies }] = await Promise.all([
      import('./prepare-policies.ts'),
      import('./plan-policies.ts'),
    ]);
    const policies = await preparePolicies(context, args[0] as string[]);
    const commit = await commitOf(context, policies, true);
    const plan = await planPolicies(context, policies, commit);
    if (context.json) context.output.json(plan);
    else tellPlan(context.output, plan);
    return options.check === true && hasChanges(plan) ? ExitStatus.needsAttention : ExitStatus.done;
  },
};
