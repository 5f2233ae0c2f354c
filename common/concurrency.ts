/** Doing several things at once, but never more than a given number. */
import { InterruptedError, throwIfAborted } from './errors.ts';

/**
 * Calls `work` for each item, at most `limit` at a time, and returns when all have finished. After the first failure no
 * more are begun; those under way are waited for, then the failure is thrown.
 */
export async function forEachConcurrently<Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let running = 0;
  let failure: { error: unknown } | undefined;
  let onEnd: (() => void) | undefined;
  // Of all that are under way by one promise: a race between them would cost as many for each item.
  const oneEnds = (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    onEnd = resolve;
    return promise;
  };
  const run = async (item: Item): Promise<void> => {
    try {
      await work(item);
    } catch (error) {
      failure ??= { error };
    } finally {
      running -= 1;
      onEnd?.();
    }
  };
  try {
    for await (const item of items) {
      running += 1;
      void run(item);
      if (running >= limit) await oneEnds();
      if (failure !== undefined) break;
    }
  } finally {
    while (running > 0) await oneEnds();
  }
  // `work` may have failed after the loop's last look; the compiler cannot see assignments made in callbacks.
  const seen = failure as { error: unknown } | undefined;
  if (seen !== undefined) throw seen.error;
}

/**
 * Does two things at once. When one fails, the signal of the other fires, and it is waited for; then the first failure is
 * thrown. `outer`, when it fires, ends both.
 */
export async function bothAtOnce<First, Second>(
  outer: AbortSignal | undefined,
  first: (signal: AbortSignal) => Promise<First>,
  second: (signal: AbortSignal) => Promise<Second>,
): Promise<[First, Second]> {
  const failed = new AbortController();
  const signal = outer === undefined ? failed.signal : AbortSignal.any([outer, failed.signal]);
  let failure: { error: unknown } | undefined;
  const guard = <Result>(work: Promise<Result>): Promise<Result> =>
    work.catch((error: unknown) => {
      failure ??= { error };
      failed.abort();
      throw error;
    });
  const [a, b] = await Promise.allSettled([guard(first(signal)), guard(second(signal))]);
  if (a.status === 'fulfilled' && b.status === 'fulfilled') return [a.value, b.value];
  throw (failure as { error: unknown } | undefined)?.error;
}

/** The items, until the signal fires: then InterruptedError at once, also while the next one keeps its reader waiting. */
export async function* untilAborted<Item>(
  items: AsyncIterable<Item>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Item> {
  if (signal === undefined) return yield* items;
  throwIfAborted(signal);
  const iterator = items[Symbol.asyncIterator]();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new InterruptedError());
  // Nobody waits for it when the items end first.
  aborted.catch(() => undefined);
  signal.addEventListener('abort', onAbort);
  let finished = false;
  try {
    for (;;) {
      const step = await Promise.race([iterator.next(), aborted]);
      if (step.done === true) break;
      yield step.value;
    }
    finished = true;
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited: what hangs would hang here too.
    if (!finished) void iterator.return?.()?.catch(() => undefined);
  }
}
