/** Tells a person what the run that they follow waits for, once for each thing: another try, a worker, a sign of life. */
import { formatDuration } from '../common/durations.ts';
import type { ActionRequest } from '../domain/action.ts';
import { MAIN_TASK_QUEUE, taskQueueFor } from '../domain/routing.ts';
import type { RunState, RunWait } from '../engine/run-state.ts';

/** What a worker takes at once, and a heartbeat that comes each second, is late after this. */
const LATE_MS = 4000;

export interface WaitSurroundings {
  warn(text: string, hint: string | undefined): void;
  /** The engine is one of this folder: its worker is `holdfast start`. */
  isEmbedded: boolean;
  /** As `engine/queue-workers.ts`. */
  recentWorkers(queue: string, type: 'workflow' | 'activity'): Promise<string[]>;
  /** Milliseconds; a test gives its own. */
  clock?: () => number;
}

/** Call what it returns with each state that was seen; it answers with what is to stand in the line of progress. */
export function tellWaits(request: ActionRequest, surroundings: WaitSurroundings) {
  const { warn, clock = Date.now } = surroundings;
  let step = '';
  let sinceMs = 0;
  let isTold = false;
  return async ({ step: now, wait }: RunState): Promise<string | undefined> => {
    if (now !== step) [step, sinceMs, isTold] = [now, clock(), false];
    if (wait === undefined) return undefined;
    const isDue = !isTold && (wait.on === 'retry' || clock() - sinceMs >= LATE_MS);
    if (isDue) {
      isTold = true;
      const { what, hint } = await describeWait(wait, request, surroundings);
      warn(`${request.action.id}: ${what}`, hint);
    }
    return phaseOf(wait, isTold, clock());
  };
}

function phaseOf(wait: RunWait, isTold: boolean, nowMs: number): string | undefined {
  if (wait.on === 'retry') return `attempt ${wait.failed + 1} of ${wait.attempts} in ${secondsUntil(wait.atMs, nowMs)}`;
  if (!isTold) return undefined;
  return wait.on === 'worker' ? 'waiting for a worker' : 'waiting for a sign of life';
}

async function describeWait(
  wait: RunWait,
  { action, evidence }: ActionRequest,
  { recentWorkers, isEmbedded, clock = Date.now }: WaitSurroundings,
): Promise<{ what: string; hint?: string }> {
  if (wait.on === 'retry') {
    const { failed, attempts, atMs, message, hint } = wait;
    return {
      what: `${message}; attempt ${failed} of ${attempts} failed, the next in ${secondsUntil(atMs, clock())}`,
      ...(hint === undefined ? {} : { hint }),
    };
  }
  if (wait.on === 'heartbeat')
    return {
      what: `the worker ${wait.worker}, which has the work, is silent`,
      hint: 'If it is gone, another worker of its host goes on within half a minute; see that one runs there.',
    };
  const host =
    wait.of === 'run' ? undefined : wait.activity === 'recordRun' ? evidence.location.local?.host : action.host;
  const queue = wait.of === 'run' ? MAIN_TASK_QUEUE : taskQueueFor(host);
  const seen = await recentWorkers(queue, wait.of === 'run' ? 'workflow' : 'activity');
  const where = host === undefined ? '' : ` of the host ${host}`;
  const command = isEmbedded ? 'holdfast start' : `holdfast worker${host === undefined ? '' : ` on ${host}`}`;
  if (seen.length === 0)
    return {
      what: `no worker${where} is there to take the work`,
      hint: `Start one: ${command}. The run then goes on.`,
    };
  return {
    what: `no worker${where} takes the work; seen within the last minute: ${seen.join(', ')}`,
    hint: `They are busy with other runs, or gone: see whether they run, or start another one: ${command}.`,
  };
}

function secondsUntil(atMs: number, nowMs: number): string {
  return formatDuration(Math.max(1, Math.ceil((atMs - nowMs) / 1000)));
}
