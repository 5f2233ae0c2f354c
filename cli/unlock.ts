/** `holdfast unlock`: removes locks that nobody holds any more. */
import { describeLock } from '../repository/lock-file.ts';
import { listLocks, removeLocks } from '../repository/unlock.ts';
import type { CliCommand } from './command.ts';
import { count, displayText } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';

interface Options extends RepositoryOptions {
  removeAll?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description('Removes stale locks: those of dead processes of this host, and those not refreshed for 30 minutes.')
      .option('--remove-all', 'also locks that look alive; only when nothing works on the repository');
    addRepositoryOptions(command);
  },

  async run(context, { options }) {
    const { output, json } = context;
    return withRepository(context, options, { role: 'maintainer', lock: 'none' }, async (repository) => {
      const removed = await removeLocks(repository, { all: options.removeAll === true, now: context.now() });
      const remaining = await listLocks(repository);
      if (json) output.json({ removed, remaining });
      for (const { document, id } of remaining)
        output.say(
          `left: ${document === undefined ? `the unreadable lock ${id}` : displayText(describeLock(document))}`,
        );
      if (remaining.some(({ document }) => document === undefined))
        output.say('  → whose it is cannot be told: if nothing works on the repository, holdfast unlock --remove-all');
      output.say(`removed ${count(removed.length, 'lock')}, ${remaining.length} left`);
      return ExitStatus.done;
    });
  },
};
