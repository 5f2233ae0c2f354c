/** Lets one apply at a time change the schedules of a namespace: a lease, kept on the engine that all of them share. */
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Connection,
} from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import { unreachableOr } from './connection.ts';
import { identifyProcess, isAlive, type ProcessIdentity } from './process-identity.ts';

/**
 * The lease is a workflow that is open while somebody applies: at most one of an id is, which Temporal sees to at once,
 * however much else it has to do. No worker takes it; who applies closes it. Its history tells who applied, and when.
 */
export const APPLY_LEASE_ID = 'holdfast/apply';
const WORKFLOW_TYPE = 'apply';
const TASK_QUEUE = 'holdfast-apply';
/** For a lease that nobody closes, and nobody wants. */
const LAST_RESORT = '24h';

/** A holder that has not renewed for this long, by the clock of who waits, is gone. */
const EXPIRES_SECONDS = 60;
/** Of that time: when a holder renews, and when one that could not renew stops, well before others may take it. */
const RENEW_SHARE = 1 / 6;
const LOST_SHARE = 2 / 3;
const POLL_MS = 250;
const TELL_AFTER_MS = 1000;
/** The task with which the lease is closed is there from the beginning. */
const CLOSE_LIMIT_MS = 5000;
/** `COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION` of temporal.api.enums.v1, which has no named export for ES modules. */
const COMPLETE_WORKFLOW = 4;

export interface LeaseOptions {
  /** For those who wait: `alice@app-01`. */
  by: string;
  waitSeconds: number;
  signal: AbortSignal;
  /** Told once, when somebody else holds it for more than a moment. */
  onWait?: (holder: string) => void;
  /** Default: 60; a test does not wait that long. */
  expiresSeconds?: number;
}

export interface LeaseHolder {
  by: string;
  since: string;
  host: string;
  process?: ProcessIdentity;
}

/**
 * Runs the work while this process holds the lease. What a killed process has left is taken over: at once when it was
 * on this machine, else when it has not been renewed for a minute. The signal that the work gets fires when somebody
 * could have taken the lease, because this process did not come to renew it. Throws GuardRefused, naming the holder,
 * when the wait was in vain.
 */
export async function withApplyLease<Result>(
  connection: Connection,
  namespace: string,
  options: LeaseOptions,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ connection, namespace });
  const identity = await identifyProcess(process.pid);
  const holder: LeaseHolder = {
    by: options.by,
    since: new Date().toISOString(),
    host: hostname(),
    ...(identity === undefined ? {} : { process: identity }),
  };
  const runId = await acquire(client, holder, options);
  const stop = new AbortController();
  const lost = new AbortController();
  const renewing = keep(client, runId, (options.expiresSeconds ?? EXPIRES_SECONDS) * 1000, stop.signal, lost);
  let outcome = 'the apply failed, or was refused';
  try {
    const result = await work(AbortSignal.any([options.signal, lost.signal]));
    outcome = 'the apply is done';
    return result;
  } catch (error) {
    if (lost.signal.aborted && !options.signal.aborted) throw lost.signal.reason;
    throw error;
  } finally {
    stop.abort();
    await renewing;
    if (!lost.signal.aborted) await release(client, runId, outcome);
  }
}

/** Returns the run's id. */
async function acquire(
  client: Client,
  holder: LeaseHolder,
  { waitSeconds, signal, onWait, expiresSeconds = EXPIRES_SECONDS }: LeaseOptions,
): Promise<string> {
  const started = performance.now();
  let told = false;
  let unchangedSince = started;
  let last = '';
  for (;;) {
    throwIfAborted(signal);
    const runId = await open(client, holder);
    if (runId !== undefined) return runId;
    const seen = await look(client);
    if (seen !== undefined) {
      if (seen.version !== last) [last, unchangedSince] = [seen.version, performance.now()];
      const isGone = performance.now() - unchangedSince > expiresSeconds * 1000 || (await isDead(seen.holder));
      if (isGone) await takeAway(client, seen.runId, holder);
      const waited = performance.now() - started;
      if (!isGone && waited > waitSeconds * 1000) throw inVain(seen.holder);
      if (!isGone && !told && waited > TELL_AFTER_MS) {
        told = true;
        onWait?.(describe(seen.holder));
      }
      if (isGone) continue;
    }
    await delay(POLL_MS);
  }
}

/** undefined: somebody else has it. */
async function open(client: Client, holder: LeaseHolder): Promise<string | undefined> {
  try {
    const handle = await client.workflow.start(WORKFLOW_TYPE, {
      workflowId: APPLY_LEASE_ID,
      taskQueue: TASK_QUEUE,
      args: [],
      memo: { holder },
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowExecutionTimeout: LAST_RESORT,
      staticSummary: `apply of ${holder.by}`,
    });
    return handle.firstExecutionRunId;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw unreachableOr(error);
  }
}

interface Seen {
  runId: string;
  /** Another one after each renewal. */
  version: string;
  holder: LeaseHolder | undefined;
}

/** undefined: it has just been closed. */
async function look(client: Client): Promise<Seen | undefined> {
  const { status, runId, historyLength, memo } = await client.workflow.getHandle(APPLY_LEASE_ID).describe();
  if (status.name !== 'RUNNING') return undefined;
  return { runId, version: `${runId} ${historyLength}`, holder: memo?.['holder'] as LeaseHolder | undefined };
}

/** Just this run of it: who has it meanwhile keeps it. */
async function takeAway(client: Client, runId: string, { by }: LeaseHolder): Promise<void> {
  try {
    await client.workflow.getHandle(APPLY_LEASE_ID, runId).terminate(`its process is gone; ${by} takes over`);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** Renews until `stop` fires; `lost` fires when that did not succeed in time, or somebody took it away. */
async function keep(
  client: Client,
  runId: string,
  expiresMs: number,
  stop: AbortSignal,
  lost: AbortController,
): Promise<void> {
  const lose = () => lost.abort(lostLease());
  // Also when the whole process slept: timers that are due come before anything else.
  const timer = setTimeout(lose, expiresMs * LOST_SHARE);
  try {
    while (!stop.aborted && !lost.signal.aborted) {
      await delay(expiresMs * RENEW_SHARE, undefined, { signal: stop }).catch(() => {});
      if (stop.aborted || lost.signal.aborted) return;
      try {
        await client.workflow.getHandle(APPLY_LEASE_ID, runId).signal('renew');
        timer.refresh();
      } catch (error) {
        // An engine that does not answer is asked again until time is over.
        if (error instanceof WorkflowNotFoundError) lose();
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Completes the workflow, as a worker would; what stays in spite of all is taken over by the next apply. */
async function release(client: Client, runId: string, outcome: string): Promise<void> {
  try {
    if (await complete(client, runId, outcome)) return;
    await client.workflow.getHandle(APPLY_LEASE_ID, runId).terminate(outcome);
  } catch {
    // The work is done, and its result is what counts.
  }
}

async function complete(client: Client, runId: string, outcome: string): Promise<boolean> {
  const { namespace, identity } = client.options;
  const task = await client.withDeadline(Date.now() + CLOSE_LIMIT_MS, () =>
    client.workflowService.pollWorkflowTaskQueue({ namespace, identity, taskQueue: { name: TASK_QUEUE } }),
  );
  if (task.workflowExecution?.runId !== runId) return false;
  const result = { payloads: [defaultPayloadConverter.toPayload(outcome)] };
  await client.workflowService.respondWorkflowTaskCompleted({
    namespace,
    identity,
    taskToken: task.taskToken,
    commands: [{ commandType: COMPLETE_WORKFLOW, completeWorkflowExecutionCommandAttributes: { result } }],
  });
  return true;
}

async function isDead(holder: LeaseHolder | undefined): Promise<boolean> {
  if (holder?.process === undefined || holder.host !== hostname()) return false;
  return !(await isAlive(holder.process));
}

function describe(holder: LeaseHolder | undefined): string {
  return holder === undefined ? 'somebody' : `${holder.by}, since ${holder.since}`;
}

function inVain(holder: LeaseHolder | undefined): HoldfastError {
  return new HoldfastError('GuardRefused', `another apply is under way (${describe(holder)}), nothing was applied`, {
    hint: 'apply again when it has ended',
    retryable: true,
  });
}

function lostLease(): HoldfastError {
  return new HoldfastError('EngineUnreachable', 'the engine was out of reach for too long while applying', {
    hint: 'apply again: it finishes what is left',
  });
}
