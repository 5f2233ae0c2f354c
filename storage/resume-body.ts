/** Reads a response's body to its end, going on where it broke off: neither client library does. */
import type { Readable } from 'node:stream';
import { HoldfastError, InterruptedError, throwIfAborted } from '../common/errors.ts';
import type { OnRetry } from '../common/progress.ts';
import { backOff, MAX_ATTEMPTS } from './backoff.ts';

export interface ResumedBody {
  body: Readable;
  /** What all of it has, from the first byte asked for. */
  sizeBytes: number;
  /** Asks for the rest, after so many bytes, of the very same object. */
  from(doneBytes: number): Promise<Readable>;
  /** The contract's error for a failure that stays. */
  translate(error: unknown): Error;
  onRetry?: OnRetry | undefined;
}

/**
 * The bytes of a body. A connection that ends early is opened again where it broke off; after five failures on the same
 * byte the last is thrown. Ends the body when its consumer stops, or the signal fires.
 */
export async function* resumeBody(resumed: ResumedBody, signal?: AbortSignal): AsyncGenerator<Buffer, void, void> {
  let body = resumed.body;
  let done = 0;
  let failures = 0;
  const end = (): void => void body.destroy(new InterruptedError());
  signal?.addEventListener('abort', end);
  try {
    for (;;) {
      throwIfAborted(signal);
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          done += chunk.length;
          if (failures > 0) resumed.onRetry?.(undefined);
          failures = 0;
          yield chunk;
        }
        if (done >= resumed.sizeBytes) return;
        throw Object.assign(new Error(`the body ended after ${done} of ${resumed.sizeBytes} bytes`), {
          code: 'ECONNRESET',
        });
      } catch (error) {
        throwIfAborted(signal);
        const translated = resumed.translate(error);
        failures += 1;
        if (!(translated instanceof HoldfastError) || !translated.retryable || failures >= MAX_ATTEMPTS)
          throw translated;
        await backOff(failures, translated, { signal, onRetry: resumed.onRetry });
        body = await resumed.from(done);
      }
    }
  } finally {
    signal?.removeEventListener('abort', end);
    if (failures > 1) resumed.onRetry?.(undefined);
    body.destroy();
  }
}

/** All bytes of it in one buffer. */
export async function collectBody(pieces: AsyncIterable<Buffer>, sizeBytes: number): Promise<Buffer> {
  const content = Buffer.allocUnsafeSlow(sizeBytes);
  let filled = 0;
  for await (const piece of pieces) filled += piece.copy(content, filled);
  return content.subarray(0, filled);
}
