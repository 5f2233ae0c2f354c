/** Starts one run of an action now, outside its schedule, and waits for its run record. */
import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { HoldfastError } from '../common/errors.ts';
import type { ActionRequest } from '../domain/action.ts';
import { MAIN_TASK_QUEUE, WORKFLOW_TYPES } from '../domain/routing.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { unreachableOr } from './connection.ts';
import { executionTimeoutSeconds } from './schedule-options.ts';
import { searchAttributesOf } from './search-attributes.ts';

export interface Launched {
  workflowId: string;
  /** True when a run that had been interrupted, or that someone else started, was there already. */
  joined: boolean;
  /**
   * The run's record, whatever its outcome. Throws EngineUnreachable when the run was ended from outside, without a
   * record. Abort before the connection is closed: the client would try again on the closed one.
   */
  result(signal: AbortSignal): Promise<RunRecord>;
}

/**
 * At most one such run of an action at a time: when one is open, it is joined. A dry run and a real one are different
 * runs. The caller looks at the record: a joined run may have obeyed other settings. Throws EngineUnreachable.
 */
export async function launch(client: Client, request: ActionRequest): Promise<Launched> {
  const { action } = request;
  const workflowId = `${action.id}/${request.dryRun === true ? 'dry-run' : 'now'}`;
  try {
    const handle = await client.workflow.start(WORKFLOW_TYPES[action.kind], {
      taskQueue: MAIN_TASK_QUEUE,
      workflowId,
      args: [request],
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowExecutionTimeout: `${executionTimeoutSeconds(action)}s`,
      typedSearchAttributes: searchAttributesOf(request),
      staticSummary: summaryOf(request),
    });
    return { workflowId, joined: false, result: (signal) => resultOf(client, request, handle, signal) };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw unreachableOr(error);
    const handle = client.workflow.getHandle(workflowId);
    return { workflowId, joined: true, result: (signal) => resultOf(client, request, handle, signal) };
  }
}

/** What the UI's list says of a run. */
export function summaryOf({ action, dryRun }: ActionRequest): string {
  return `${dryRun === true ? 'dry run: ' : ''}${action.kind} of ${action.policy ?? action.target} (${action.target})`;
}

async function resultOf(
  client: Client,
  request: ActionRequest,
  handle: WorkflowHandle,
  signal: AbortSignal,
): Promise<RunRecord> {
  try {
    return (await client.withAbortSignal(signal, () => handle.result())) as RunRecord;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw unreachableOr(error);
    const { cause } = error;
    if (cause instanceof CancelledFailure)
      return client.withAbortSignal(signal, () => cancelledRecord(request, handle));
    // A failed run carries its record in its failure.
    const record = cause instanceof ApplicationFailure ? (cause.details?.[0] as RunRecord | undefined) : undefined;
    if (record?.format === 'holdfast-run/1') return record;
    throw new HoldfastError('EngineUnreachable', `the run ${handle.workflowId} ${endOf(cause)}`, {
      hint: 'look at its history in the Temporal UI, and run the action again',
      cause: error,
    });
  }
}

/** What Temporal keeps of a cancelled run has no place for a record; the one in evidence says the same, with its own times. */
async function cancelledRecord({ action, ...request }: ActionRequest, handle: WorkflowHandle): Promise<RunRecord> {
  const { runId, startTime, closeTime } = await handle.describe();
  return {
    format: 'holdfast-run/1',
    workflowId: handle.workflowId,
    runId,
    actionId: action.id,
    kind: action.kind,
    ...(action.policy === undefined ? {} : { policy: action.policy }),
    target: action.target,
    digest: action.digest,
    commit: request.commit,
    applyId: request.applyId,
    trigger: request.trigger,
    dryRun: request.dryRun ?? false,
    startedAt: startTime.toISOString(),
    finishedAt: (closeTime ?? startTime).toISOString(),
    outcome: 'cancelled',
    error: { code: 'Interrupted', message: `${action.id} was cancelled` },
    findings: [],
  };
}

function endOf(cause: unknown): string {
  if (cause instanceof TerminatedFailure) return 'was terminated in Temporal, without a run record';
  if (cause instanceof TimeoutFailure) return 'was ended by Temporal: no worker went on with it in time';
  return `ended without a run record: ${cause instanceof Error ? cause.message : String(cause)}`;
}
