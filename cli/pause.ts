/** `holdfast pause`: an operator stops actions for a time; who and why is recorded. */
import { HoldfastError } from '../common/errors.ts';
import { pauseNote } from '../domain/pauses.ts';
import { repeatable, type CliCommand } from './command.ts';
import { count, displayText } from './display.ts';
import { ExitStatus } from './exit-status.ts';

interface Options {
  action: string[];
  reason: string;
  policies?: string;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Keeps the actions of a policy (or of a repository) from being started by their schedules, until holdfast resume: through every apply, and in a new engine. Status, runs and audit then tell what did not run as paused, by whom and why. Runs that are going on end by themselves, and holdfast run works as before.',
      )
      .argument('<name>', 'a policy, or a repository for its prune and check')
      .requiredOption('--reason <text>', 'why: it is recorded')
      .option('--action <action>', 'only this one: backup, or backup/offsite of several (repeatable)', repeatable, [])
      .option('--policies <path>', 'where the policies are (default: policies/)');
  },

  async run(context, { args, options }) {
    const name = args[0] as string;
    const reason = options.reason.trim();
    if (reason === '') throw new HoldfastError('Usage', 'a pause needs a reason', { hint: 'give --reason TEXT' });
    const [{ chooseActions }, { withOperation }, { makePauseRecord }, { pauseSchedules }] = await Promise.all([
      import('./pausable-actions.ts'),
      import('./operate.ts'),
      import('./record-pause.ts'),
      import('../engine/pause-schedules.ts'),
    ]);
    return withOperation(context, options, async ({ record, evidence, openSession }) => {
      const actions = chooseActions(record, name, options.action).map(({ id }) => id);
      const { connection, engine } = await openSession();
      const made = makePauseRecord('pause', context.now(), { subject: name, actions, reason });
      const note = pauseNote({ since: made.at, by: made.by, reason });
      // Before the record: a record without a pause would excuse runs that are really missed.
      const missing = await pauseSchedules(connection, engine.namespace, actions, { note, signal: context.signal });
      await evidence.writePause(made);
      for (const id of missing)
        context.output.warn(`the engine has no schedule of ${id}; holdfast apply makes it, paused`);
      if (context.json) context.output.json(made);
      context.output.say(`${displayText(name)}: ${count(actions.length, 'action')} paused by ${made.by}`);
      for (const id of actions) context.output.say(`  ‖ ${displayText(id)}`);
      context.output.note(`holdfast resume ${name} lets them go on; runs that are going on end by themselves`);
      return ExitStatus.done;
    });
  },
};
