import { ActivityFailure, ApplicationFailure, CancelledFailure, RetryState, TimeoutFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { describeFailure, foundNoWorker, isInterruption } from '../../workflows/run-error.ts';
import { someAction } from '../engine/engine-fixture.ts';

const action = someAction({ id: 'policy/orders/backup/main', host: 'app-01' });

const ofActivity = (cause: Error) =>
  new ActivityFailure('activity failed', 'backup', '1', RetryState.TIMEOUT, 'worker', cause);
const timeout = (type: 'SCHEDULE_TO_START' | 'HEARTBEAT' | 'START_TO_CLOSE') =>
  ofActivity(new TimeoutFailure('', undefined, type));

describe('The failure of an activity', () => {
  it('is told with the code, message, hint and context that the use case gave', () => {
    const failure = ofActivity(
      ApplicationFailure.create({
        type: 'WrongPassword',
        message: 'no key opens',
        details: [{ hint: 'look', context: { keys: 2 } }],
      }),
    );
    expect(describeFailure(action, failure)).toEqual({
      cancelled: false,
      error: { code: 'WrongPassword', message: 'no key opens', hint: 'look' },
      context: { keys: 2 },
    });
  });

  it('is Unexpected when its type is no code of ours', () => {
    const { error } = describeFailure(
      action,
      ofActivity(ApplicationFailure.create({ type: 'TypeError', message: 'x' })),
    );
    expect(error.code).toBe('Unexpected');
  });

  it('names the host when no worker of it took the work', () => {
    const { error } = describeFailure(action, timeout('SCHEDULE_TO_START'));
    expect(error).toEqual({
      code: 'EngineUnreachable',
      message: 'no worker of the host app-01 took policy/orders/backup/main within 600 seconds',
      hint: 'start one there: holdfast worker --host app-01',
    });
    expect(foundNoWorker(timeout('SCHEDULE_TO_START'))).toBe(true);
    expect(foundNoWorker(timeout('HEARTBEAT'))).toBe(false);
  });

  it('tells a worker that died from work that took too long', () => {
    expect(describeFailure(action, timeout('HEARTBEAT')).error.message).toContain(
      'died or hung, each time it was tried',
    );
    expect(describeFailure(action, timeout('START_TO_CLOSE')).error.message).toContain(
      'took longer than the 60 seconds',
    );
  });

  it('is a cancellation or an interruption when it is one', () => {
    expect(describeFailure(action, ofActivity(new CancelledFailure('cancelled')))).toMatchObject({
      cancelled: true,
      error: { code: 'Interrupted' },
    });
    expect(isInterruption(ofActivity(ApplicationFailure.nonRetryable('the worker stopped', 'Interrupted')))).toBe(true);
    expect(isInterruption(timeout('HEARTBEAT'))).toBe(false);
  });
});
