/** What a bucket's driver must bear of the network, as one suite for both services. */
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Retry } from '../../common/progress.ts';
import type { Storage } from '../../storage/storage.ts';
import type { Fault, FaultProxy } from '../servers/fault-proxy.ts';

const MiB = 1024 * 1024;

export interface FaultyBucket {
  /** Through the proxy, giving a connection up after `idleMilliseconds`. */
  storage: Storage;
  proxy: FaultProxy;
  /** What was told of requests that were sent again. */
  told: (Retry | undefined)[];
  /** Whether a request makes an object appear, or gives its bytes. */
  isPut(method: string, url: string): boolean;
  isGet(method: string, url: string): boolean;
}

/** `withBucket` makes an empty place behind a fresh proxy, whose idle limit is half a second. */
export function describeBucketFaults(
  withBucket: (body: (bucket: FaultyBucket) => Promise<void>) => Promise<void>,
): void {
  it('takes its own success for one when the answer got lost, and never that of another', () =>
    withBucket(async ({ storage, proxy, isPut }) => {
      proxy.inject(once(isPut, { kind: 'lose-answer' }));
      const content = randomBytes(1000);
      await storage.write('mine', content, { existing: 'refuse' });
      expect(await storage.read('mine')).toEqual(content);
      expect(proxy.seen.filter((line) => isPut(...split(line)))).toHaveLength(2);

      await storage.write('theirs', Buffer.from('first'));
      proxy.inject(once(isPut, { kind: 'lose-answer' }));
      const second = storage.write('theirs', Buffer.from('other'), { existing: 'refuse' });
      await expect(second).rejects.toMatchObject({ code: 'AlreadyExists' });
      expect((await storage.read('theirs')).toString()).toBe('first');
    }));

  it.each([429, 500, 503])('tries again after %i', (status) =>
    withBucket(async ({ storage, proxy, isPut, isGet }) => {
      proxy.inject(once(isPut, { kind: 'status', status }));
      await storage.write('object', Buffer.from('content'));
      proxy.inject(once(isGet, { kind: 'status', status }));
      expect((await storage.read('object')).toString()).toBe('content');
    }),
  );

  it('tells who waits of each further try, and when it is over', () =>
    withBucket(async ({ storage, proxy, told, isGet, isPut }) => {
      await storage.write('object', Buffer.from('content'));
      expect(told).toEqual([]);
      let failures = 2;
      proxy.inject((method, url) =>
        isGet(method, url) && failures-- > 0 ? { kind: 'status', status: 503 } : undefined,
      );
      await storage.read('object');
      const what = expect.stringMatching(/^(s3|gs):\/\/vault answers 503\b/) as string;
      const atMs = expect.any(Number) as number;
      expect(told).toEqual([
        { what, attempt: 2, attempts: 5, atMs },
        { what, attempt: 3, attempts: 5, atMs },
        undefined,
      ]);
      told.length = 0;
      proxy.inject((method, url) => (isPut(method, url) ? { kind: 'hang' } : undefined));
      await expect(storage.write('other', Buffer.from('content'))).rejects.toThrow('could not write');
      expect(told.at(-1)).toBeUndefined();
      expect(told.filter((retry) => retry?.attempt !== undefined).map((retry) => retry?.attempt)).toEqual([2, 3, 4, 5]);
      expect(told.map((retry) => retry?.what).join('\n')).toMatch(/vault does not answer/);
    }));

  it('goes on with a download that breaks off again and again, and verifies all of it', () =>
    withBucket(async ({ storage, proxy, isGet }) => {
      const content = randomBytes(5 * MiB);
      await storage.write('object', content);
      proxy.inject((method, url) => (isGet(method, url) ? { kind: 'cut-answer', afterBytes: MiB } : undefined));
      expect((await storage.read('object')).equals(content)).toBe(true);
      expect(await storage.read('object', { offset: 1000, length: 2 * MiB })).toEqual(
        content.subarray(1000, 1000 + 2 * MiB),
      );
      const pieces: Buffer[] = [];
      for await (const piece of await storage.openRead('object')) pieces.push(piece as Buffer);
      expect(Buffer.concat(pieces).equals(content)).toBe(true);
    }));

  it('does not mix the bytes of an object with those of what replaced it', () =>
    withBucket(async ({ storage, proxy, isGet }) => {
      await storage.write('object', Buffer.alloc(2 * MiB, 'a'));
      proxy.inject(once(isGet, { kind: 'cut-answer', afterBytes: MiB }));
      const pieces = (await storage.openRead('object'))[Symbol.asyncIterator]();
      await pieces.next();
      await storage.write('object', Buffer.alloc(2 * MiB, 'b'));
      const rest = async (): Promise<void> => {
        while ((await pieces.next()).done !== true);
      };
      await expect(rest()).rejects.toMatchObject({ code: 'StorageUnreachable' });
    }));

  it(
    'goes on when a connection falls silent, and says so when it always does',
    () =>
      withBucket(async ({ storage, proxy, isGet, isPut }) => {
        const content = randomBytes(2 * MiB);
        await storage.write('object', content);
        proxy.inject(once(isGet, { kind: 'stall-answer', afterBytes: MiB }));
        expect((await storage.read('object')).equals(content)).toBe(true);
        proxy.inject(() => ({ kind: 'hang' }));
        await expect(storage.read('object')).rejects.toMatchObject({ code: 'StorageUnreachable', retryable: true });
        await expect(storage.write('other', content)).rejects.toMatchObject({ code: 'StorageUnreachable' });
        proxy.inject((method, url) => (isPut(method, url) ? { kind: 'status', status: 503 } : undefined));
        await expect(storage.write('other', content)).rejects.toMatchObject({ code: 'StorageUnreachable' });
        proxy.inject(() => undefined);
        expect(await storage.stat('other')).toBeUndefined();
      }),
    60_000,
  );

  it('stops at once when told so while nobody answers', () =>
    withBucket(async ({ storage, proxy }) => {
      proxy.inject(() => ({ kind: 'hang' }));
      const stop = new AbortController();
      const { signal } = stop;
      const calls = [
        storage.read('object', undefined, { signal }),
        storage.write('object', Buffer.from('x'), { signal }),
        storage.stat('object', { signal }),
        storage.remove('object', { signal }),
      ].map((call) => expect(call).rejects.toMatchObject({ code: 'Interrupted' }));
      setTimeout(() => stop.abort(), 100);
      await Promise.all(calls);
    }));
}

/** The fault happens to the first request that fits. */
function once(fits: (method: string, url: string) => boolean, fault: Fault) {
  let done = false;
  return (method: string, url: string): Fault | undefined => {
    if (done || !fits(method, url)) return undefined;
    done = true;
    return fault;
  };
}

function split(line: string): [string, string] {
  const [method = '', url = ''] = line.split(' ');
  return [method, url];
}
