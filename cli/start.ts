/** `holdfast start`: engine, worker and policies in one process; with `--once`, every action once and then an end. */
import { isSuspendedAt } from '../domain/expected-runs.ts';
import type { Plan } from '../domain/plan.ts';
import type { RunRecord } from '../domain/run-record.ts';
import type { CliCommand, CliContext } from './command.ts';
import { count } from './display.ts';
import type { EngineSession } from './engine-session.ts';
import type { ExitStatus } from './exit-status.ts';
import { refuseWeaker } from './review-plan.ts';
import type { Started } from './run-once.ts';
import { runLines } from './run-lines.ts';

interface Options {
  once?: boolean;
  allowDirty?: boolean;
  allowWeaker?: boolean;
  host?: string;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Starts the engine (or joins the one of this folder), applies the policies and runs their actions when they are due, until Ctrl-C. What was interrupted goes on with the next start.',
      )
      .argument('[paths...]', 'where the policies are (default: policies/)')
      .option('--once', 'run every action once, in order, report, and stop')
      .option('--host <name>', "this machine's name in the policies (default: its host name)")
      .option('--allow-dirty', 'with an engine at an address: apply files that are not committed; the records say so')
      .option('--allow-weaker', 'also apply what protects less than what is in force')
      .addHelpText(
        'after',
        '\nThe embedded engine is the Temporal CLI: the one that HOLDFAST_TEMPORAL_CLI names, else one of the PATH with the\nright server, else one that is downloaded, or built with Go, into the cache of holdfast.',
      );
  },

  async run(context, { args, options }) {
    const { preparePolicies, commitOf } = await import('./prepare-policies.ts');
    const paths = args[0] as string[];
    const policies = await preparePolicies(context, paths, options);
    const embedded = policies.engine === undefined;
    const commit = await commitOf(context, policies, embedded || options.allowDirty === true);
    const [{ openEngine }, { applyActions }, { tellApplied }, { createDependencies }] = await Promise.all([
      import('./engine-session.ts'),
      import('./apply-actions.ts'),
      import('./tell-applied.ts'),
      import('../worker.ts'),
    ]);
    const live = liveLines(context);
    const session = await openEngine(context, {
      ...(embedded ? {} : { engine: policies.engine }),
      worker: { machine: policies.machine, ...(options.once === true ? {} : { onRecord: live }) },
    });
    try {
      const applied = await applyActions(session, {
        ...policies.compiled,
        commit,
        dependencies: createDependencies(policies.machine, context.output.trouble),
        signal: context.signal,
        onWait: (holder) => context.output.note(`waits for another apply: ${holder}`),
        review: async ({ plan }) => keepStronger(context, plan, options),
      });
      tellApplied(context.output, applied);
      if (options.once === true) {
        const { runOnce } = await import('./run-once.ts');
        return await runOnce(context, session, { applied, policies, paths });
      }
      return await stay(context, session, { applied, policies, paths });
    } finally {
      await session.close();
    }
  },
};

/**
 * Nobody may be there to allow what protects less: what is in force goes on then, since nothing running would be less
 * still. Who runs everything once is there, and is refused; so is whoever starts where it is not known what is in force.
 */
function keepStronger({ output }: CliContext, plan: Plan, options: Options): 'apply' | 'keep' {
  if (options.allowWeaker === true || plan.weaker.length === 0) return 'apply';
  if (options.once === true || plan.inForce === undefined) refuseWeaker(plan);
  for (const { subject, what } of plan.weaker) output.warn(`${subject}: ${what}`, 'weaker');
  output.warn('these policies protect less than what is in force, which therefore stays in force');
  output.note('if that is meant, give --allow-weaker');
  return 'keep';
}

/** Each run that ends, as a line, or as JSON. */
function liveLines({ output, json }: CliContext): (record: RunRecord) => void {
  return (record) => {
    if (json) output.json({ event: 'run', record });
    else for (const line of runLines(record, output.style)) output.say(`${record.finishedAt.slice(0, 19)}Z  ${line}`);
  };
}

async function stay(context: CliContext, session: EngineSession, { applied }: Started): Promise<ExitStatus> {
  const { output, json, signal } = context;
  const actions = applied.record.actions.filter((action) => !isSuspendedAt(action, context.now()));
  if (json) output.json({ event: 'started', uiUrl: session.uiUrl, actions: actions.length });
  output.say(`${count(actions.length, 'action')} will run when due. Ctrl-C stops.`);
  if (session.uiUrl !== undefined) output.say(`Histories: ${session.uiUrl}`);
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener('abort', () => resolve(), { once: true });
  await Promise.race([promise, session.failed]);
  throw signal.reason;
}
