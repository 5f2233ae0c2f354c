/** `holdfast apply`: puts the policies in force on the engine that they name. */
import { HoldfastError } from '../common/errors.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import { askYesNo } from './ask-yes-no.ts';
import type { CliCommand, CliContext } from './command.ts';
import { ExitStatus } from './exit-status.ts';

interface Options {
  yes?: boolean;
  allowDirty?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Validates the policies, creates repositories that never existed, and brings the schedules of the engine in line. Applying the same again changes nothing.',
      )
      .argument('[paths...]', 'where the policies are (default: policies/)')
      .option('--yes', 'do not ask before actions are removed')
      .option('--allow-dirty', 'apply files that are not committed, or outside git; the records say so');
  },

  async run(context, { args, options }) {
    const { preparePolicies, commitOf } = await import('./prepare-policies.ts');
    const policies = await preparePolicies(context, args[0] as string[]);
    const commit = await commitOf(context, policies, options.allowDirty === true);
    const [{ openEngine }, { applyActions }, { tellApplied }, { createDependencies }] = await Promise.all([
      import('./engine-session.ts'),
      import('./apply-actions.ts'),
      import('./tell-applied.ts'),
      import('../worker.ts'),
    ]);
    const session = await openEngine(context, policies.engine === undefined ? {} : { engine: policies.engine });
    try {
      const applied = await applyActions(session, {
        ...policies.compiled,
        commit,
        dependencies: createDependencies(policies.machine, context.output.trouble),
        signal: context.signal,
        confirm: (changes) => confirmRemovals(context, changes, options.yes === true),
      });
      tellApplied(context.output, applied);
      if (context.json) context.output.json(applied);
      if (session.uiUrl !== undefined) context.output.note('the schedules run while `holdfast start` does');
    } finally {
      await session.close();
    }
    return ExitStatus.done;
  },
};

/** What is removed is protected no longer: that is never done by accident. */
async function confirmRemovals(context: CliContext, { removed }: ApplyRecord['changes'], yes: boolean): Promise<void> {
  if (yes || removed.length === 0) return;
  for (const id of removed) context.output.warn(`${id} would not run any more`);
  if (context.interactive && (await askYesNo('Remove them? Their snapshots and records stay. [y/N] ', context.signal)))
    return;
  throw new HoldfastError('GuardRefused', `${removed.length} actions would be removed, nothing was applied`, {
    hint: 'give --yes to remove them',
  });
}
