/** `holdfast drift`: compares the policies, what is in force, the engine's schedules, and the storage; changes nothing. */
import type { ErrorCode } from '../common/errors.ts';
import type { Drift } from '../domain/drift.ts';
import type { Severity } from '../domain/finding.ts';
import { needsAttention } from '../domain/findings.ts';
import type { CliCommand, Output, Style } from './command.ts';
import { count, displayMessage } from './display.ts';
import { ExitStatus, mergeStatuses, statusOfCode } from './exit-status.ts';
import { REF_OPTION } from './ref-option.ts';
import { describeCommit } from './tell-applied.ts';

interface Options {
  ref?: string;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Compares the policies with what is in force and with the schedules that the engine really has (missing, changed or paused outside of holdfast, none of ours), and with the storage (repositories that are missing, snapshots of no policy, objects of no repository, rules of buckets against the retention). Changes nothing. Exit status 7 when something differs, 9 when the engine cannot be reached: all else is compared then.',
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
    const { drift, errors } = await findDrift(context, policies, commit);
    if (context.json) context.output.json(drift);
    else tellDrift(context.output, drift);
    // A repository that is missing is what was asked; one, or an engine, that cannot be looked at leaves the answer open.
    const failed = errors.filter((code) => UNANSWERED.has(code)).map(statusOfCode);
    return mergeStatuses([...failed, ...(drift.findings.some(needsAttention) ? [ExitStatus.needsAttention] : [])]);
  },
};

/** Where a secret is missing on this machine, the rest of the answer stands. */
const UNANSWERED: ReadonlySet<ErrorCode> = new Set([
  'EngineUnreachable',
  'StorageUnreachable',
  'AccessDenied',
  'WrongPassword',
  'Integrity',
  'RepositoryLocked',
]);

function tellDrift(output: Output, drift: Drift): void {
  const { style } = output;
  for (const { severity, message, hint } of drift.findings) {
    output.line(`${mark(severity, style)} ${displayMessage(message)}`);
    if (hint !== undefined) output.line(style.dim(`  → ${displayMessage(hint)}`));
  }
  const wanting = drift.findings.filter(needsAttention).length;
  const { schedules, repositories } = drift;
  const places = `${count(schedules, 'schedule')} and ${count(repositories.length, 'repository', 'repositories')}`;
  const inForce = drift.inForce === undefined ? '' : `: ${places} of ${describeCommit(drift.inForce.commit)}`;
  output.line(
    wanting === 0
      ? style.good(`nothing has drifted${inForce}`)
      : style.bad(`${count(wanting, 'difference')}${inForce}`),
  );
}

function mark(severity: Severity, style: Style): string {
  if (severity === 'notice') return style.dim('·');
  return severity === 'critical' ? style.bad('✗') : style.warning('!');
}
