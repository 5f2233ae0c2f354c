/** The shape of every run: do the action, then write its run record, whatever came of it. */
import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ParentClosePolicy,
  log,
  proxyActivities,
  setCurrentDetails,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { Activities } from '../activities/activities.ts';
import type { ActionRequest } from '../domain/action.ts';
import { WORKFLOW_TYPES, MAIN_TASK_QUEUE } from '../domain/routing.ts';
import { failureFinding } from '../domain/run-failure.ts';
import { slotOfRun } from '../domain/slot-of-run.ts';
import type { ActionOutcome, RunRecord } from '../domain/run-record.ts';
import { INTERRUPTIONS, RECORD_LATER_DAYS, actionOptions, recordOptions } from './policy.ts';
import { describeOutcome } from './describe-outcome.ts';
import { describeFailure, foundNoWorker, isInterruption } from './run-error.ts';

/** Set by schedules on each workflow they start: the slot's nominal time, without jitter. */
const SCHEDULED_START = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME');

/**
 * Runs the request's action and hands back its run record. Fails with an ApplicationFailure whose type is the
 * ErrorCode and whose one detail is the record; a cancelled run ends as cancelled. In each case the record is written
 * first, or its writing has been left to a workflow of its own.
 */
export async function runAction(request: ActionRequest): Promise<RunRecord> {
  setCurrentDetails(`Running since ${workflowInfo().startTime.toISOString()}.`);
  let record: RunRecord;
  let failure: unknown;
  try {
    record = succeeded(request, await perform(request));
  } catch (error) {
    failure = error;
    record = failed(request, error);
  }
  await CancellationScope.nonCancellable(() => writeRecord(request, record));
  setCurrentDetails(describeOutcome(record));
  if (record.outcome === 'succeeded') return record;
  if (record.outcome === 'cancelled')
    throw new CancelledFailure(record.error?.message ?? 'cancelled', [], failure as Error);
  throw ApplicationFailure.create({
    type: record.error?.code,
    message: record.error?.message,
    nonRetryable: true,
    details: [record],
  });
}

/**
 * Schedules the activity until it has succeeded or failed. A worker that stops interrupts it without using up an
 * attempt: this very code goes on when a worker is back. One that died on the way may then have left a task that no
 * worker took in time; it gets one more chance, since a host that was switched off is not a host that is missing.
 */
async function perform(request: ActionRequest): Promise<ActionOutcome> {
  const activity = proxyActivities<Activities>(actionOptions(request))[WORKFLOW_TYPES[request.action.kind]];
  for (let interruptions = 0; ;) {
    try {
      return await activity(request);
    } catch (error) {
      const again = isInterruption(error) || (foundNoWorker(error) && interruptions > 0);
      if (!again || interruptions >= INTERRUPTIONS) throw error;
      interruptions += isInterruption(error) ? 1 : INTERRUPTIONS;
      log.info('the worker stopped; the action is scheduled again', { actionId: request.action.id });
    }
  }
}

async function writeRecord(request: ActionRequest, record: RunRecord): Promise<void> {
  setCurrentDetails(`Writing the run record. ${describeOutcome(record)}`);
  const input = { evidence: request.evidence, record };
  try {
    await proxyActivities<Activities>(recordOptions(request, 'run')).recordRun(input);
  } catch (error) {
    const { code } = describeFailure(request.action, error).error;
    // Another record under this run's name: writing again later would meet the same.
    if (code === 'Integrity') throw error;
    log.warn('the run record could not be written yet; a workflow of its own goes on', { actionId: record.actionId });
    await startChild('recordLater', {
      args: [request, record],
      workflowId: `${record.workflowId}/${record.runId}/record`,
      taskQueue: MAIN_TASK_QUEUE,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowExecutionTimeout: `${RECORD_LATER_DAYS + 1}d`,
      staticSummary: `run record of ${record.actionId}`,
    });
  }
}

function succeeded(request: ActionRequest, outcome: ActionOutcome): RunRecord {
  return {
    ...recordBase(request),
    outcome: 'succeeded',
    figures: outcome.figures,
    findings: outcome.findings,
    ...(outcome.snapshot === undefined ? {} : { snapshot: outcome.snapshot }),
    ...(outcome.requests === undefined ? {} : { requests: outcome.requests }),
  };
}

function failed(request: ActionRequest, failure: unknown): RunRecord {
  const { cancelled, error, context } = describeFailure(request.action, failure);
  return {
    ...recordBase(request),
    outcome: cancelled ? 'cancelled' : 'failed',
    error,
    findings: cancelled ? [] : [failureFinding(request.action, error, context?.finding)],
  };
}

/** All times are the workflow's own, so that a retried write has identical bytes. */
function recordBase({ action, commit, applyId, trigger, dryRun }: ActionRequest) {
  const info = workflowInfo();
  const scheduledAt = info.typedSearchAttributes.get(SCHEDULED_START);
  const due = scheduledAt === undefined ? undefined : slotOfRun(action.schedule, scheduledAt, info.startTime);
  return {
    format: 'holdfast-run/1' as const,
    workflowId: info.workflowId,
    runId: info.runId,
    actionId: action.id,
    kind: action.kind,
    ...(action.policy === undefined ? {} : { policy: action.policy }),
    target: action.target,
    digest: action.digest,
    commit,
    applyId,
    trigger,
    dryRun: dryRun ?? false,
    ...(due === undefined ? {} : { scheduledAt: due.slot.toISOString() }),
    ...(due === undefined || due.passedOver === 0
      ? {}
      : { missedBefore: { slots: due.passedOver, oldestAt: due.oldestAt.toISOString() } }),
    startedAt: info.startTime.toISOString(),
    finishedAt: new Date().toISOString(),
  };
}
