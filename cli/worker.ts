/** `holdfast worker`: a worker of this machine beside an existing Temporal. */
import { HoldfastError } from '../common/errors.ts';
import type { CliCommand } from './command.ts';
import type { ExitStatus } from './exit-status.ts';
import { runLines } from './run-lines.ts';

interface Options {
  host?: string;
  secrets?: string;
  allowCommands?: boolean;
  concurrency?: string;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Runs the actions of this machine for the Temporal that the policies name (engine: address), until Ctrl-C. Applies nothing.',
      )
      .argument('[paths...]', 'where the policies are (default: policies/)')
      .option('--host <name>', "this machine's name in the policies (default: its host name)")
      .option('--secrets <folder>', 'relative secret files are below it (default: the current folder)')
      .option('--allow-commands', 'let programs of the policies run: assertion scripts, secret programs')
      .option('--concurrency <n>', 'runs at the same time', '2');
  },

  async run(context, { args, options }): Promise<ExitStatus> {
    const concurrency = Number(options.concurrency);
    if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 100)
      throw new HoldfastError('Usage', `"${options.concurrency}" is no number of runs`, { hint: 'give 1 to 100' });
    const { preparePolicies } = await import('./prepare-policies.ts');
    const { engine, machine } = await preparePolicies(context, args[0] as string[], {
      ...options,
      allowCommands: options.allowCommands === true,
    });
    if (engine === undefined)
      throw new HoldfastError('Usage', 'the policies name no engine for a worker to work beside', {
        hint: 'holdfast start runs engine and worker in one; or set `engine: { address: HOST:PORT }` in the Project',
      });
    const { openEngine } = await import('./engine-session.ts');
    const { output, json, signal } = context;
    const session = await openEngine(context, {
      engine,
      worker: {
        machine,
        concurrency,
        onRecord: (record) => {
          if (json) output.json({ event: 'run', record });
          else for (const line of runLines(record, output.style)) output.say(line);
        },
      },
    });
    try {
      output.say(`worker of ${machine.hostname} beside ${engine.address}, namespace ${engine.namespace}; Ctrl-C stops`);
      const { promise, resolve } = Promise.withResolvers<void>();
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
      await Promise.race([promise, session.failed]);
      throw signal.reason;
    } finally {
      await session.close();
    }
  },
};
