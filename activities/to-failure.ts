/** Turns what a use case throws into what Temporal takes: the one place on the activities' side that knows both. */
import { ApplicationFailure, CancelledFailure, type Context } from '@temporalio/activity';
import { HoldfastError } from '../common/errors.ts';

/**
 * A HoldfastError becomes an ApplicationFailure of type `code` that is retried when it says so; its hint and context
 * travel as details. Work that stopped because it was told to becomes a CancelledFailure when the run was cancelled,
 * and an `Interrupted` failure when it is the worker that stops: the workflow then schedules it again. Anything else
 * is `Unexpected`. Causes and stacks stay here: they may name what no history should hold.
 */
export function toFailure(error: unknown, context: Context): Error {
  const failure = translate(error, context);
  failure.stack = '';
  return failure;
}

function translate(error: unknown, context: Context): Error {
  if (context.cancellationSignal.aborted && isStop(error)) return stopFailure(context);
  if (error instanceof HoldfastError)
    return ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: !error.retryable,
      details: [{ ...(error.hint === undefined ? {} : { hint: error.hint }), context: error.context }],
    });
  return ApplicationFailure.create({
    type: 'Unexpected',
    message: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    nonRetryable: true,
    details: [{ hint: 'this is a bug in holdfast, or a machine in trouble: the log of the worker has the stack' }],
  });
}

function isStop(error: unknown): boolean {
  if (error instanceof HoldfastError) return error.code === 'Interrupted';
  return error instanceof CancelledFailure || (error instanceof Error && error.name === 'AbortError');
}

function stopFailure(context: Context): Error {
  if (context.cancellationDetails?.workerShutdown !== true) return new CancelledFailure('cancelled');
  return ApplicationFailure.create({ type: 'Interrupted', message: 'the worker stopped', nonRetryable: true });
}
