/** How long to wait before trying again what failed in a way that may pass: seconds; Temporal has the minutes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError, InterruptedError } from '../common/errors.ts';
import type { OnRetry } from '../common/progress.ts';

/** How often something is tried in all. */
export const MAX_ATTEMPTS = 5;

const FIRST_MILLISECONDS = 200;
const LONGEST_MILLISECONDS = 10_000;

export interface BackOffOptions {
  signal?: AbortSignal | undefined;
  /** What the server asked for. */
  atLeastMilliseconds?: number;
  /** Who follows the work hears of it. */
  onRetry?: OnRetry | undefined;
  /** For that: who failed, `s3://vault`. */
  place?: string;
}

/**
 * Waits before the attempt after `failures` failed ones (1: after the first): 0.2, 0.4, 0.8 … 10 seconds, of which a
 * random half is left out, so that many clients do not come back at the same moment. Throws InterruptedError when the
 * signal fires.
 *
 * @param error The last of them.
 */
export async function backOff(failures: number, error: unknown, options: BackOffOptions = {}): Promise<void> {
  const { signal, atLeastMilliseconds = 0, onRetry, place = 'the storage' } = options;
  const longest = Math.min(LONGEST_MILLISECONDS, FIRST_MILLISECONDS * 2 ** (failures - 1));
  const wait = Math.max(longest * (0.5 + Math.random() / 2), Math.min(atLeastMilliseconds, 3 * LONGEST_MILLISECONDS));
  onRetry?.({
    what: describeTrouble(error, place),
    attempt: failures + 1,
    attempts: MAX_ATTEMPTS,
    atMs: Date.now() + wait,
  });
  try {
    await sleep(wait, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new InterruptedError('interrupted', { cause });
  }
}

/**
 * Why it is tried again, in a clause. Of errors that are not ours only status, code and name are told: their text may
 * hold whatever was sent.
 */
export function describeTrouble(error: unknown, place: string): string {
  if (error instanceof HoldfastError) return error.message;
  const { name, code, status, $metadata } = error as {
    name?: string;
    code?: unknown;
    status?: number;
    $metadata?: { httpStatusCode?: number };
  };
  const answer = $metadata?.httpStatusCode ?? status;
  // Names that say nothing: the client's own, and those that repeat the status.
  const reason = name === undefined || /^(Unknown\w*|Error|\d+)$/.test(name) ? '' : ` ${name}`;
  if (answer !== undefined) return `${place} answers ${answer}${reason}`;
  if (code === 'ETIMEDOUT' || name === 'TimeoutError') return `${place} does not answer`;
  return `the connection to ${place} failed${typeof code === 'string' ? ` (${code})` : ''}`;
}
