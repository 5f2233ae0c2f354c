/** How long to wait before trying again what failed in a way that may pass: seconds; Temporal has the minutes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError } from '../common/errors.ts';

/** How often something is tried in all. */
export const MAX_ATTEMPTS = 5;

const FIRST_MILLISECONDS = 200;
const LONGEST_MILLISECONDS = 10_000;

/**
 * Waits before the attempt after `failures` failed ones (1: after the first): 0.2, 0.4, 0.8 … 10 seconds, of which a
 * random half is left out, so that many clients do not come back at the same moment. `atLeastMilliseconds`: what the
 * server asked for. Throws InterruptedError when the signal fires.
 */
export async function backOff(failures: number, signal?: AbortSignal, atLeastMilliseconds = 0): Promise<void> {
  const longest = Math.min(LONGEST_MILLISECONDS, FIRST_MILLISECONDS * 2 ** (failures - 1));
  const wait = Math.max(longest * (0.5 + Math.random() / 2), Math.min(atLeastMilliseconds, 3 * LONGEST_MILLISECONDS));
  try {
    await sleep(wait, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw new InterruptedError('interrupted', { cause: error });
  }
}
