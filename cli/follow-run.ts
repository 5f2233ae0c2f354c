/** Runs one action through the engine, shows its progress, and hands back its run record. */
import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError, throwIfAborted } from '../common/errors.ts';
import type { ActionRequest } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import type { Launched } from '../engine/launch.ts';
import type { CliContext, ProgressDisplay } from './command.ts';
import type { EngineSession } from './engine-session.ts';

const POLL_MS = 500;

/**
 * Starts the run, or joins one that is open, and waits for its end. A run that was joined may have obeyed an earlier
 * request: then another one follows it. Throws InterruptedError when the person asks to stop (the run goes on with the
 * next start, or at once in the other process that does it), EngineUnreachable when the worker dies.
 */
export async function followRun(
  context: CliContext,
  session: EngineSession,
  request: ActionRequest,
): Promise<RunRecord> {
  const { launch } = await import('../engine/launch.ts');
  for (;;) {
    throwIfAborted(context.signal);
    const run = await launch(session.client, request);
    if (run.joined) context.output.note(`${request.action.id}: a run is open already; it goes on`);
    const record = await watch(context, session, run, request);
    const asWanted = record.digest === request.action.digest && (request.accept ?? []).length === 0;
    if (!run.joined || asWanted) return record;
    context.output.note(`${request.action.id}: that run obeyed an earlier request; it is run again`);
  }
}

async function watch(
  context: CliContext,
  session: EngineSession,
  run: Launched,
  request: ActionRequest,
): Promise<RunRecord> {
  const display = context.output.progress();
  const ended = new AbortController();
  const stop = AbortSignal.any([ended.signal, context.signal]);
  const progress = showProgress(context, session, { request, workflowId: run.workflowId, display }, stop);
  const result = run.result(stop);
  try {
    return await Promise.race([result, session.failed, interruption(context.signal, session.hasWorker)]);
  } finally {
    // Aborting makes it fail, and nobody listens any more.
    result.catch(() => {});
    ended.abort();
    await progress;
    display.finish();
  }
}

interface Followed {
  request: ActionRequest;
  workflowId: string;
  display: ProgressDisplay;
}

/** As the server has it: it works as well for a run that another process executes. */
async function showProgress(
  { output }: CliContext,
  { client, connection, engine, isEmbedded }: EngineSession,
  { request, workflowId, display }: Followed,
  signal: AbortSignal,
): Promise<void> {
  const [{ lookAtRun }, { recentWorkers }, { tellWaits }] = await Promise.all([
    import('../engine/run-state.ts'),
    import('../engine/queue-workers.ts'),
    import('./wait-teller.ts'),
  ]);
  const { namespace } = engine;
  const phaseOfWait = tellWaits(request, {
    // A line in the middle of a bar would be written over.
    warn(text, hint) {
      display.finish();
      output.warn(hint === undefined ? text : `${text}\n  → ${hint}`);
    },
    isEmbedded,
    recentWorkers: (queue, type) => recentWorkers(connection, { namespace, queue, type }),
  });
  while (!signal.aborted) {
    try {
      const state = await lookAtRun(client, workflowId, signal);
      const phase = await phaseOfWait(state);
      if (signal.aborted) return;
      if (phase !== undefined) display.report({ phase, trouble: undefined });
      else if (state.progress !== undefined) display.report({ trouble: undefined, ...state.progress });
    } catch {
      // Progress is a courtesy: what goes wrong here goes wrong for the run as well, and is told there.
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

function interruption(signal: AbortSignal, hasWorker: boolean): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const interrupt = () =>
    reject(
      new InterruptedError('interrupted', {
        hint: hasWorker
          ? 'the run goes on with the next `holdfast start`'
          : 'the run goes on in the `holdfast start` or `holdfast worker` that does it: `holdfast runs` shows its end',
        cause: signal.reason,
      }),
    );
  if (signal.aborted) interrupt();
  else signal.addEventListener('abort', interrupt, { once: true });
  promise.catch(() => {});
  return promise;
}
