/** `holdfast resume`: lets go on what an operator paused; who and when is recorded. */
import { HoldfastError } from '../common/errors.ts';
import type { Action } from '../domain/action.ts';
import { isSuspendedAt } from '../domain/expected-runs.ts';
import { renamedIds } from '../domain/former-names.ts';
import { openPauses } from '../domain/pauses.ts';
import { repeatable, type CliCommand, type CliContext } from './command.ts';
import { count, displayText } from './display.ts';
import { ExitStatus } from './exit-status.ts';

interface Options {
  action: string[];
  reason?: string;
  policies?: string;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Lets the paused actions of a policy (or of a repository) be started by their schedules again, from their next time on. What its policy suspends stays suspended.',
      )
      .argument('<name>', 'a policy, or a repository for its prune and check')
      .option('--reason <text>', 'why: it is recorded')
      .option('--action <action>', 'only this one: backup, or backup/offsite of several (repeatable)', repeatable, [])
      .option('--policies <path>', 'where the policies are (default: policies/)');
  },

  async run(context, { args, options }) {
    const name = args[0] as string;
    const [{ chooseActions }, { withOperation }, { makePauseRecord }, { resumeSchedules }, { readSchedules }] =
      await Promise.all([
        import('./pausable-actions.ts'),
        import('./operate.ts'),
        import('./record-pause.ts'),
        import('../engine/pause-schedules.ts'),
        import('../engine/read-schedules.ts'),
      ]);
    return withOperation(context, options, async ({ record, evidence, openSession, requestOf }) => {
      const chosen = chooseActions(record, name, options.action);
      const { connection, engine } = await openSession();
      const recorded = openPauses(await evidence.readPauses(), renamedIds(record!.actions));
      const schedules = await readSchedules(connection, engine.namespace);
      const paused = chosen.filter(({ id }) => recorded.has(id) || schedules.get(id)?.pausedByOperator !== undefined);
      if (paused.length === 0) return tellNothing(context, name, chosen);
      const reason = options.reason?.trim() || undefined;
      const actions = paused.map(({ id }) => id);
      const made = makePauseRecord('resume', context.now(), {
        subject: name,
        actions,
        ...(reason === undefined ? {} : { reason }),
      });
      // Before the engine: a pause that no record has makes what is missed look worse than it is, never better.
      await evidence.writePause(made);
      const note = `resumed by ${made.by} at ${made.at}${reason === undefined ? '' : `: ${reason}`}`;
      const requests = paused.map(requestOf);
      const missing = await resumeSchedules(connection, engine.namespace, requests, { note, signal: context.signal });
      for (const id of missing) context.output.warn(`the engine has no schedule of ${id}; holdfast apply makes it`);
      if (context.json) context.output.json(made);
      context.output.say(`${displayText(name)}: ${count(actions.length, 'action')} resumed by ${made.by}`);
      for (const action of paused) context.output.say(`  ${resumedLine(action, context)}`);
      return ExitStatus.done;
    });
  },
};

function resumedLine(action: Action, context: CliContext): string {
  const stays = isSuspendedAt(action, context.now())
    ? ` (stays suspended by its policy: ${displayText(action.suspended!.reason)})`
    : '';
  return `${context.output.style.good('▸')} ${displayText(action.id)}${stays}`;
}

/** Throws GuardRefused where only a commit can end what keeps them from running. */
function tellNothing(context: CliContext, name: string, chosen: readonly Action[]): ExitStatus {
  const suspended = chosen.filter((action) => isSuspendedAt(action, context.now()));
  if (suspended.length === chosen.length)
    throw new HoldfastError(
      'GuardRefused',
      `nobody paused ${displayText(name)}: its policy suspends it (${displayText(suspended[0]!.suspended!.reason)})`,
      { hint: 'remove suspend: or disabled: from the policy, and apply it' },
    );
  context.output.say(`${displayText(name)} is not paused`);
  if (context.json) context.output.json({ actions: [] });
  return ExitStatus.done;
}
