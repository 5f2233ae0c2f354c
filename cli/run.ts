/** `holdfast run`: one run of one action now, through the engine. */
import { HoldfastError } from '../common/errors.ts';
import { hintOfNames } from '../common/suggest.ts';
import { ACTION_ORDER, GUARDS, type Action, type ActionRequest } from '../domain/action.ts';
import { isExpiring } from '../domain/expiring-policies.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { isSuspendedAt } from '../domain/expected-runs.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';
import { requestFor } from './request-for.ts';
import { repeatable, type CliCommand, type CliContext, type Style } from './command.ts';
import { ExitStatus } from './exit-status.ts';
import { nothingInForce } from './pausable-actions.ts';
import { planLines } from './plan-lines.ts';
import { runLines, statusOfRun } from './run-lines.ts';
import type { PreparedPolicies } from './prepare-policies.ts';

interface Options {
  to?: string;
  dryRun?: boolean;
  accept: string[];
  detach?: boolean;
  policies?: string;
  host?: string;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Runs one action now, as it is in force, and waits for its end. ACTION: sync, backup, copy, retention, access-check, restore-test of a policy; prune or check of a repository; audit of the project.',
      )
      .argument('<name>', 'a policy, or for prune and check a repository')
      .argument('<action>', 'what to run')
      .option('--to <name>', 'the target, where the policy has several; NAME/PATH of several syncs to one location')
      .option('--dry-run', 'plan, and change nothing')
      .option('--accept <guard>', `let a guard pass this once: ${GUARDS.join(', ')}`, repeatable, [])
      .option('--detach', 'start it and do not wait')
      .option('--policies <path>', 'where the policies are (default: policies/)')
      .option('--host <name>', "this machine's name in the policies (default: its host name)");
  },

  async run(context, { args, options }) {
    for (const guard of options.accept)
      if (!GUARDS.includes(guard))
        throw new HoldfastError('Usage', `there is no guard "${guard}"`, { hint: hintOfNames(guard, GUARDS) });
    const { preparePolicies } = await import('./prepare-policies.ts');
    const paths = options.policies === undefined ? [] : [options.policies];
    const policies = await preparePolicies(context, paths, options);
    const request = await findRequest(context, policies, args as [string, string], options);
    if (options.detach === true) await requireEngine(context, policies);
    const { openEngine } = await import('./engine-session.ts');
    const session = await openEngine(context, {
      ...(policies.engine === undefined ? {} : { engine: policies.engine }),
      // Beside a cluster, and beside a running `holdfast start`, their workers do the work.
      ...(policies.engine === undefined ? { worker: { machine: policies.machine, unlessRunning: true } } : {}),
    });
    try {
      if (options.detach === true) {
        const { launch } = await import('../engine/launch.ts');
        const { workflowId, joined } = await launch(session.client, request);
        if (context.json) context.output.json({ workflowId, joined });
        context.output.say(`${joined ? 'runs already' : 'started'}: ${workflowId}`);
        return ExitStatus.done;
      }
      const { followRun } = await import('./follow-run.ts');
      const record = await followRun(context, session, request);
      if (context.json) context.output.json(record);
      else for (const line of linesOf(record, context.output.style)) context.output.line(line);
      return statusOfRun(record);
    } finally {
      await session.close();
    }
  },
};

function linesOf(record: RunRecord, style: Style): string[] {
  return [...runLines(record, style), ...planLines(record, style)];
}

async function latestApply(evidence: EvidenceStore): Promise<ApplyRecord | undefined> {
  try {
    return await evidence.latestApply();
  } finally {
    await evidence.close();
  }
}

async function findRequest(
  context: CliContext,
  { compiled, machine }: PreparedPolicies,
  [name, kind]: [string, string],
  options: Options,
): Promise<ActionRequest> {
  const { createDependencies } = await import('../worker.ts');
  const evidence = await createDependencies(machine).openEvidence(compiled.evidence);
  const record = await latestApply(evidence);
  if (record === undefined)
    throw new HoldfastError('NotFound', 'no policies are in force: nothing was ever applied', {
      hint: 'holdfast start, or holdfast apply to an engine that runs',
    });
  warnOfChanges(context, record, compiled.actions);
  const action = chooseAction(record.actions, name, kind, options.to);
  if (isSuspendedAt(action, context.now()))
    context.output.warn(`${action.id} is suspended (${action.suspended!.reason}); it runs because you ask for it`);
  return {
    ...requestFor(action, record, compiled.evidence, 'manual'),
    ...(options.accept.length === 0 ? {} : { accept: options.accept }),
    ...(options.dryRun === true ? { dryRun: true } : {}),
  };
}

/** A run obeys what is in force, not what someone is just writing. */
function warnOfChanges({ output }: CliContext, record: ApplyRecord, actions: Action[]): void {
  // What goes on of policies that are gone stands in no file.
  const inForce = new Set(record.actions.filter((action) => !isExpiring(action)).map(({ digest }) => digest));
  if (actions.length !== inForce.size || actions.some(({ digest }) => !inForce.has(digest)))
    output.warn('the policy files differ from what is in force, which is what runs; holdfast apply puts them in force');
}

/** Throws NotFound or Usage, naming what there is. */
export function chooseAction(actions: Action[], name: string, kind: string, to: string | undefined): Action {
  if (!(ACTION_ORDER as readonly string[]).includes(kind))
    throw new HoldfastError('Usage', `there is no action "${kind}"`, { hint: hintOfNames(kind, ACTION_ORDER) });
  const named = actions.filter((action) => (action.policy ?? action.target) === name);
  const ofKind = named.filter((action) => action.kind === kind);
  // Of several syncs to one location, the path tells which.
  const isMeant = (action: Action): boolean => action.target === to || action.id === `policy/${name}/${kind}/${to}`;
  const found = ofKind.filter((action) => to === undefined || isMeant(action));
  if (found.length === 1) return found[0]!;
  if (named.length === 0) throw nothingInForce(name, actions);
  const choices = (ofKind.length > 0 ? ofKind : named).map(({ id }) => id).join(', ');
  if (found.length > 1)
    throw new HoldfastError('Usage', `${name} has several actions ${kind}`, {
      hint: `give --to NAME; there are ${choices}`,
    });
  const target = to === undefined ? '' : ` to ${to}`;
  throw new HoldfastError('NotFound', `no ${kind}${target} of "${name}" is in force`, { hint: `there are ${choices}` });
}

/** Nobody would do what is left behind in an engine that stops with this command. */
async function requireEngine({ directory }: CliContext, { engine }: PreparedPolicies): Promise<void> {
  if (engine !== undefined) return;
  const [{ findEmbedded }, { stateDirectoryOf }] = await Promise.all([
    import('../engine/embedded-server.ts'),
    import('./state-folder.ts'),
  ]);
  if ((await findEmbedded(stateDirectoryOf(directory))) === undefined)
    throw new HoldfastError('EngineUnreachable', 'no engine of this folder is running to leave the run to', {
      hint: 'holdfast start in another terminal, or leave out --detach',
    });
}
