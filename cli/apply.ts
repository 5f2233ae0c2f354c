/** `holdfast apply`: puts the policies in force on the engine that they name. */
import { HoldfastError } from '../common/errors.ts';
import type { CliCommand } from './command.ts';
import { ExitStatus } from './exit-status.ts';
import { REF_OPTION } from './ref-option.ts';
import { readSavedPlan, requireUnmoved, type SavedPlan } from './plan-file.ts';

interface Options {
  yes?: boolean;
  allowDirty?: boolean;
  allowWeaker?: boolean;
  refresh?: boolean;
  ref?: string;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Validates the policies, shows what changes and asks, creates repositories that never existed, and brings the schedules of the engine in line. Applying the same again changes nothing.',
      )
      .argument('[paths...]', 'where the policies are (default: policies/), or one saved plan')
      .option('--yes', 'do not ask; without a terminal nothing is changed else')
      .option('--allow-weaker', 'also apply what protects less than what is in force')
      .option('--refresh', 'write all schedules anew, also those that look as they were applied (see holdfast drift)')
      .option('--ref <revision>', REF_OPTION)
      .option('--allow-dirty', 'apply files that are not committed, or outside git; the records say so');
  },

  async run(context, { args, options }) {
    const { preparePolicies, commitOf } = await import('./prepare-policies.ts');
    const given = args[0] as string[];
    const saved = await readSavedPlan(context.directory, given);
    const policies = await preparePolicies(context, saved?.paths ?? given, refOf(saved, options));
    const commit = await commitOf(context, policies, options.allowDirty === true);
    const [{ openEngine }, { applyActions }, { tellApplied }, { createDependencies }, { reviewPlan }] =
      await Promise.all([
        import('./engine-session.ts'),
        import('./apply-actions.ts'),
        import('./tell-applied.ts'),
        import('../worker.ts'),
        import('./review-plan.ts'),
      ]);
    const session = await openEngine(context, policies.engine === undefined ? {} : { engine: policies.engine });
    try {
      const applied = await applyActions(session, {
        ...policies.compiled,
        commit,
        dependencies: createDependencies(policies.machine, context.output.trouble),
        signal: context.signal,
        refresh: options.refresh === true,
        onWait: (holder) => context.output.note(`waits for another apply: ${holder}`),
        // Who saved a plan has seen it.
        looksForLosses: saved === undefined,
        async review({ plan, basis }) {
          if (saved !== undefined) requireUnmoved(saved, basis);
          await reviewPlan(context, plan, saved === undefined ? options : { ...options, yes: true });
          return 'apply';
        },
      });
      tellApplied(context.output, applied, { planTold: true });
      if (context.json) context.output.json(applied);
      if (session.uiUrl !== undefined) context.output.note('the schedules run while `holdfast start` does');
    } finally {
      await session.close();
    }
    return ExitStatus.done;
  },
};

/** A saved plan names the commit that it was made of, where it was made of one. */
function refOf(saved: SavedPlan | undefined, { ref }: Options): { ref?: string } {
  if (saved !== undefined && ref !== undefined)
    throw new HoldfastError('Usage', '--ref and a saved plan are both given', {
      hint: 'leave --ref out: a plan that was made with it is carried out so',
    });
  const wanted = saved?.ref ?? ref;
  return wanted === undefined ? {} : { ref: wanted };
}
