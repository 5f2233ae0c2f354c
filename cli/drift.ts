/** `holdfast drift`: compares the policies, what is in force, and the engine's schedules; changes nothing. */
import type { Drift } from '../domain/drift.ts';
import { needsAttention } from '../domain/findings.ts';
import type { CliCommand, Output } from './command.ts';
import { count, displayMessage } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { REF_OPTION } from './ref-option.ts';
import { describeCommit } from './tell-applied.ts';

interface Options {
  ref?: string;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Compares the policies with what is in force and with the schedules that the engine really has: not applied yet, missing, changed or paused outside of holdfast, none of ours. Changes nothing. Exit status 7 when something differs.',
      )
      .argument('[paths...]', 'where the policies are (default: policies/)')
      .option('--ref <revision>', REF_OPTION);
  },

  async run(context, { args, options }) {
    const [{ preparePolicies, commitOf }, { findDrift }] = await Promise.all([
      import('./prepare-policies.ts'),
      import('./find-drift.ts'),
    ]);
    const policies = await preparePolicies(context, args[0] as string[], options);
    const commit = await commitOf(context, policies, true);
    const drift = await findDrift(context, policies, commit);
    if (context.json) context.output.json(drift);
    else tellDrift(context.output, drift);
    return drift.findings.some(needsAttention) ? ExitStatus.needsAttention : ExitStatus.done;
  },
};

function tellDrift(output: Output, drift: Drift): void {
  const { style } = output;
  for (const { severity, message, hint } of drift.findings) {
    output.line(`${severity === 'notice' ? style.dim('·') : style.warning('!')} ${displayMessage(message)}`);
    if (hint !== undefined) output.line(style.dim(`  → ${displayMessage(hint)}`));
  }
  const wanting = drift.findings.filter(needsAttention).length;
  const inForce =
    drift.inForce === undefined
      ? ''
      : `: ${count(drift.schedules, 'schedule')} of ${describeCommit(drift.inForce.commit)}`;
  output.line(
    wanting === 0
      ? style.good(`nothing has drifted${inForce}`)
      : style.bad(`${count(wanting, 'difference')}${inForce}`),
  );
}
