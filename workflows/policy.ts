/** The one place that names timeouts, retries, heartbeats and what is never retried. */
import { ActivityCancellationType, type ActivityOptions } from '@temporalio/workflow';
import type { ErrorCode } from '../common/errors.ts';
import type { ActionRequest } from '../domain/action.ts';
import { taskQueueFor } from '../domain/routing.ts';

/**
 * A worker that stays silent this long is taken for dead, and its activity is tried again elsewhere. Activities
 * heartbeat every second from a timer, so this bears a main thread that is busy for a while.
 */
export const HEARTBEAT_TIMEOUT_SECONDS = 20;

/** No worker of the host took the work in this time: the host is down, asleep, or has no worker. */
export const HOST_PATIENCE_SECONDS = 600;

/** How often an action is tried when the reason may pass by itself: an unreachable storage, a locked repository, a dead worker. */
export const ACTION_ATTEMPTS = 5;

/** How often stopping workers may interrupt one run before it counts as failed. */
export const INTERRUPTIONS = 100;

/** The run itself waits this long for its record to be written; then a workflow of its own goes on, and the next run may start. */
export const RECORD_PATIENCE_SECONDS = 600;

/** The workflow that goes on gives up only after this time. */
export const RECORD_LATER_DAYS = 30;

/**
 * The next attempt would meet the same. NotFound and Unexpected are missing on purpose: the error's own `retryable`
 * decides there. Interrupted is here because the workflow itself schedules the work again, without using up an attempt.
 */
export const NEVER_RETRIED: ErrorCode[] = [
  'InvalidPolicy',
  'Usage',
  'NotBuilt',
  'AlreadyExists',
  'AccessDenied',
  'Integrity',
  'GuardRefused',
  'NoRepository',
  'WrongPassword',
  'Interrupted',
];

/** How the one activity of an action runs. */
export function actionOptions({ action }: ActionRequest): ActivityOptions {
  const timeout = `${action.schedule.timeoutSeconds}s` as const;
  return {
    taskQueue: taskQueueFor(action.host),
    // All attempts together, and each of them, within the run's time.
    scheduleToCloseTimeout: timeout,
    startToCloseTimeout: timeout,
    ...(action.host === undefined ? {} : { scheduleToStartTimeout: `${HOST_PATIENCE_SECONDS}s` as const }),
    heartbeatTimeout: `${HEARTBEAT_TIMEOUT_SECONDS}s`,
    // The record is written only once nothing works on the data any more.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: '5s',
      backoffCoefficient: 3,
      maximumInterval: '10m',
      maximumAttempts: ACTION_ATTEMPTS,
      nonRetryableErrorTypes: NEVER_RETRIED,
    },
    summary: `${action.kind} of ${action.policy ?? action.target}`,
  };
}

/** How a run record is written: again and again, since a run without a record did not happen for an auditor. */
export function recordOptions(request: ActionRequest, patience: 'run' | 'later'): ActivityOptions {
  return {
    taskQueue: taskQueueFor(request.evidence.location.local?.host),
    scheduleToCloseTimeout: patience === 'run' ? `${RECORD_PATIENCE_SECONDS}s` : `${RECORD_LATER_DAYS}d`,
    startToCloseTimeout: '2m',
    heartbeatTimeout: `${HEARTBEAT_TIMEOUT_SECONDS}s`,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    // Nothing but other bytes under the same name (Integrity) is final: an account or a disk is put right in time.
    retry: {
      initialInterval: '1s',
      backoffCoefficient: 2,
      maximumInterval: '10m',
      nonRetryableErrorTypes: ['Integrity' satisfies ErrorCode],
    },
    summary: 'run record',
  };
}
