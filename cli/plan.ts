/** `holdfast plan`: what an apply would create, change, pause and delete; changes nothing. */
import { resolve } from 'node:path';
import { hasChanges } from '../domain/plan.ts';
import { REF_OPTION } from './ref-option.ts';
import { actingPerson } from './acting-person.ts';
import type { CliCommand, CliContext } from './command.ts';
import { ExitStatus } from './exit-status.ts';
import type { SavedPlan } from './plan-file.ts';
import { tellPlan } from './tell-plan.ts';

interface Options {
  check?: boolean;
  out?: string;
  ref?: string;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Compares the policies with what is in force: what an apply would create, change, pause and delete, field by field. Changes nothing.',
      )
      .argument('[paths...]', 'where the policies are (default: policies/)')
      .option('--check', 'exit status 7 when there are changes')
      .option('--ref <revision>', REF_OPTION)
      .option('--out <file>', 'save the plan, for holdfast apply FILE');
  },

  async run(context, { args, options }) {
    const [{ preparePolicies, commitOf }, { planPolicies }] = await Promise.all([
      import('./prepare-policies.ts'),
      import('./plan-policies.ts'),
    ]);
    const paths = args[0] as string[];
    const policies = await preparePolicies(context, paths, options);
    const commit = await commitOf(context, policies, true);
    const { plan, basis } = await planPolicies(context, policies, commit);
    if (context.json) context.output.json(plan);
    else tellPlan(context.output, plan);
    if (options.out !== undefined)
      await save(context, options.out, { paths, basis, plan, ...(policies.commit && { ref: policies.commit.hash! }) });
    return options.check === true && hasChanges(plan) ? ExitStatus.needsAttention : ExitStatus.done;
  },
};

async function save(
  context: CliContext,
  file: string,
  made: Pick<SavedPlan, 'paths' | 'basis' | 'plan' | 'ref'>,
): Promise<void> {
  const { savePlan } = await import('./plan-file.ts');
  const plannedAt = context.now().toISOString();
  await savePlan(resolve(context.directory, file), { plannedAt, plannedBy: actingPerson(), ...made });
  context.output.say(`saved in ${file}: holdfast apply ${file}`);
}
