/** Reads what an activity's failure says: which error it was, whether the worker was stopping, whether it was cancelled. */
import { ActivityFailure, ApplicationFailure, TimeoutFailure, isCancellation } from '@temporalio/workflow';
import type { ErrorCode } from '../common/errors.ts';
import type { Action } from '../domain/action.ts';
import type { RunError } from '../domain/run-record.ts';
import { HOST_PATIENCE_SECONDS } from './policy.ts';

/** What `activities/to-failure.ts` puts into a failure's details. */
export interface FailureDetails {
  hint?: string;
  context?: Record<string, string | number | boolean>;
}

export interface RunFailure {
  cancelled: boolean;
  error: RunError;
  context?: Record<string, string | number | boolean>;
}

/** True when the worker was told to stop: the work is as it was, and is simply scheduled again. */
export function isInterruption(failure: unknown): boolean {
  return causeOf(failure) instanceof ApplicationFailure && typeOf(failure) === 'Interrupted';
}

/** True when no worker of the host took the work in time. */
export function foundNoWorker(failure: unknown): boolean {
  const cause = causeOf(failure);
  return cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START';
}

/** What the run record says of a failure. */
export function describeFailure(action: Action, failure: unknown): RunFailure {
  if (isCancellation(failure))
    return { cancelled: true, error: { code: 'Interrupted', message: `${action.id} was cancelled` } };
  const cause = causeOf(failure);
  if (cause instanceof TimeoutFailure) return { cancelled: false, error: describeTimeout(action, cause) };
  if (!(cause instanceof ApplicationFailure))
    return { cancelled: false, error: { code: 'Unexpected', message: messageOf(cause) } };
  const details = cause.details?.[0] as FailureDetails | undefined;
  const hint = details?.hint;
  return {
    cancelled: false,
    error: { code: typeOf(failure), message: cause.message, ...(hint === undefined ? {} : { hint }) },
    ...(details?.context === undefined ? {} : { context: details.context }),
  };
}

function describeTimeout(action: Action, timeout: TimeoutFailure): RunError {
  if (timeout.timeoutType === 'SCHEDULE_TO_START')
    return {
      code: 'EngineUnreachable',
      message: `no worker of the host ${action.host ?? '(any)'} took ${action.id} within ${HOST_PATIENCE_SECONDS} seconds`,
      hint: `start one there: holdfast worker --host ${action.host ?? 'NAME'}`,
    };
  if (timeout.timeoutType === 'HEARTBEAT')
    return {
      code: 'Unexpected',
      message: `the workers that ran ${action.id} died or hung, each time it was tried`,
      hint: 'read the log of the worker, and whether the machine has enough memory',
    };
  return {
    code: 'Unexpected',
    message: `${action.id} took longer than the ${action.schedule.timeoutSeconds} seconds that its schedule allows`,
    hint: 'raise `timeout` of this schedule, or find out what made it slow',
  };
}

/** Unknown types come from code that threw something else than a HoldfastError. */
const CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'InvalidPolicy',
  'Usage',
  'NotBuilt',
  'NotFound',
  'AlreadyExists',
  'AccessDenied',
  'Integrity',
  'StorageUnreachable',
  'GuardRefused',
  'EngineUnreachable',
  'NoRepository',
  'RepositoryLocked',
  'WrongPassword',
  'Interrupted',
  'Unexpected',
]);

function typeOf(failure: unknown): ErrorCode {
  const cause = causeOf(failure);
  const type = cause instanceof ApplicationFailure ? cause.type : undefined;
  return typeof type === 'string' && CODES.has(type) ? (type as ErrorCode) : 'Unexpected';
}

/** The failure below the layers that say only which activity it was. */
function causeOf(failure: unknown): unknown {
  return failure instanceof ActivityFailure ? failure.cause : failure;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
