import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import type { ActivityCancellationDetails } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { toFailure } from '../../activities/to-failure.ts';
import { HoldfastError, InterruptedError, StorageError } from '../../common/errors.ts';

/** What the translation looks at of a running activity. */
function contextOf(stop?: 'cancelled' | 'worker-shutdown'): Context {
  const controller = new AbortController();
  if (stop !== undefined) controller.abort();
  const details = { workerShutdown: stop === 'worker-shutdown', cancelRequested: stop === 'cancelled' };
  return Object.create(Context.prototype, {
    cancellationSignal: { value: controller.signal },
    cancellationDetails: { value: details as ActivityCancellationDetails },
  }) as Context;
}

describe('What a use case throws', () => {
  it('becomes a failure of its code that is retried only when the error says so', () => {
    const guard = toFailure(
      new HoldfastError('GuardRefused', 'the source is empty', {
        hint: 'mount it',
        context: { finding: 'source/empty' },
      }),
      contextOf(),
    ) as ApplicationFailure;
    expect(guard).toBeInstanceOf(ApplicationFailure);
    expect(guard).toMatchObject({ type: 'GuardRefused', message: 'the source is empty', nonRetryable: true });
    expect(guard.details).toEqual([{ hint: 'mount it', context: { finding: 'source/empty' } }]);
    expect(toFailure(new StorageError('no answer'), contextOf())).toMatchObject({
      type: 'StorageUnreachable',
      nonRetryable: false,
    });
  });

  it('is Unexpected when nobody foresaw it, and is not tried again', () => {
    expect(toFailure(new TypeError('x is undefined'), contextOf())).toMatchObject({
      type: 'Unexpected',
      message: 'TypeError: x is undefined',
      nonRetryable: true,
    });
  });

  it('carries neither cause nor stack into the history: they may name what no history should hold', () => {
    const error = new HoldfastError('WrongPassword', 'no key opens', { cause: new Error('tried hunter2') });
    const failure = toFailure(error, contextOf());
    expect(failure.cause).toBeUndefined();
    expect(failure.stack ?? '').not.toContain('to-failure');
  });

  it('is a cancellation when the run was cancelled, and an interruption when it is the worker that stops', () => {
    expect(toFailure(new InterruptedError(), contextOf('cancelled'))).toBeInstanceOf(CancelledFailure);
    expect(toFailure(new DOMException('aborted', 'AbortError'), contextOf('cancelled'))).toBeInstanceOf(
      CancelledFailure,
    );
    expect(toFailure(new InterruptedError(), contextOf('worker-shutdown'))).toMatchObject({ type: 'Interrupted' });
  });

  it('stays what it was when it only happened to fail while it was being stopped', () => {
    expect(toFailure(new StorageError('no answer'), contextOf('worker-shutdown'))).toMatchObject({
      type: 'StorageUnreachable',
    });
  });
});
