import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { bothAtOnce, forEachConcurrently } from '../../common/concurrency.ts';

describe('forEachConcurrently', () => {
  it('does everything, never more at a time than the limit', async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    await forEachConcurrently([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      most = Math.max(most, ++running);
      await delay(5);
      running--;
      done.push(item);
    });
    expect(most).toBe(3);
    expect(done.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('begins no more after a failure, and waits for what is under way', async () => {
    const begun: number[] = [];
    let finished = 0;
    const working = forEachConcurrently([1, 2, 3, 4, 5, 6], 2, async (item) => {
      begun.push(item);
      if (item === 2) throw new Error('broken');
      await delay(20);
      finished++;
    });
    await expect(working).rejects.toThrow('broken');
    expect(begun).toEqual([1, 2]);
    expect(finished).toBe(1);
  });

  it('fails when its source fails, after what is under way', async () => {
    let finished = false;
    async function* source(): AsyncIterable<number> {
      yield 1;
      throw new Error('no more');
    }
    const working = forEachConcurrently(source(), 2, async () => {
      await delay(10);
      finished = true;
    });
    await expect(working).rejects.toThrow('no more');
    expect(finished).toBe(true);
  });
});

describe('bothAtOnce', () => {
  it('gives both results', async () => {
    const both = bothAtOnce(
      undefined,
      async () => 'a',
      async () => 2,
    );
    expect(await both).toEqual(['a', 2]);
  });

  it('tells the other of a failure, waits for it, and throws what failed first', async () => {
    let ended = false;
    const both = bothAtOnce(
      undefined,
      (signal) => {
        const { promise, reject } = Promise.withResolvers<never>();
        signal.addEventListener('abort', () => {
          ended = true;
          reject(new Error('stopped'));
        });
        return promise;
      },
      async () => {
        throw new Error('broken');
      },
    );
    await expect(both).rejects.toThrow('broken');
    expect(ended).toBe(true);
  });

  it('ends both when the outer signal fires', async () => {
    const outer = new AbortController();
    const untilAborted = (signal: AbortSignal): Promise<never> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
    const both = bothAtOnce(outer.signal, untilAborted, untilAborted);
    outer.abort();
    await expect(both).rejects.toThrow('stopped');
  });
});
