/** A rate that several calls keep to together. */
import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError, throwIfAborted } from '../common/errors.ts';
import type { CallOptions } from './storage.ts';

/** Time of which unused bytes may be caught up with: a second's worth, so that a pause is no licence for a burst. */
const BURST_SECONDS = 1;

/** The most that a timer takes. */
const LONGEST_WAIT_MILLISECONDS = 2 ** 31 - 1;

/** Waits until so many bytes may pass. Those who come at once stand in a line: each pays for the time of those before. */
export function createTokenBucket(
  rateNow: () => number | undefined,
): (bytes: number, call: CallOptions) => Promise<void> {
  /** When all bytes so far are paid for, in milliseconds of the monotonic clock. */
  let paidUntil = -Infinity;
  return async (bytes, { signal }) => {
    throwIfAborted(signal);
    const wanted = rateNow();
    if (wanted === undefined || bytes === 0) return;
    const rate = Math.max(1, wanted);
    const now = performance.now();
    paidUntil = Math.max(paidUntil, now - BURST_SECONDS * 1000) + (bytes / rate) * 1000;
    const wait = Math.min(paidUntil - now, LONGEST_WAIT_MILLISECONDS);
    if (wait <= 0) return;
    try {
      await sleep(wait, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      throw new InterruptedError('interrupted', { cause: error });
    }
  };
}
