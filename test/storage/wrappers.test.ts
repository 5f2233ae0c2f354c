import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../common/errors.ts';
import type { Retry } from '../../common/progress.ts';
import { counting } from '../../storage/counting.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { readOnly } from '../../storage/read-only.ts';
import { retrying } from '../../storage/retrying.ts';
import type { Storage } from '../../storage/storage.ts';
import { throttled } from '../../storage/throttled.ts';
import { describeStorageContract } from './contract.ts';

async function withLocal(body: (storage: Storage) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-wrappers-'));
  try {
    await body(openLocalStorage(folder));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function describeWrapper(name: string, wrap: (storage: Storage) => Storage): void {
  describeStorageContract(name, (body) =>
    withLocal((inner) => body({ storage: wrap(inner), reopen: () => wrap(inner) })),
  );
}

describeWrapper('a storage that tries again', retrying);
describeWrapper('a storage that counts', counting);
describeWrapper('a storage with limits', (inner) =>
  throttled(inner, () => ({ uploadBytesPerSecond: 1e10, downloadBytesPerSecond: 1e10 })),
);

it.each([
  ['tries again', retrying],
  ['counts', counting],
  ['has limits', (inner: Storage) => throttled(inner, () => ({}))],
])('a storage that %s makes folders where the inner one does', (_, wrap) =>
  withLocal(async (inner) => {
    expect(wrap(inner).makeFolders).toBeUndefined();
    const made: string[] = [];
    const makeFolders = async (folders: readonly string[]): Promise<void> => void made.push(...folders);
    await wrap({ ...inner, makeFolders }).makeFolders?.(['a', 'b']);
    expect(made).toEqual(['a', 'b']);
  }),
);

/** Fails each call `times` times, before it does anything, or after it has done it. */
function failing(inner: Storage, when: 'before' | 'after', times: number): Storage {
  const failed = new Map<string, number>();
  const guard = async <Result>(key: string, work: () => Promise<Result>): Promise<Result> => {
    const failures = failed.get(key) ?? 0;
    if (failures >= times) return work();
    failed.set(key, failures + 1);
    if (when === 'after') await work();
    throw new StorageError('the line broke');
  };
  return {
    ...inner,
    async *list(prefix, call) {
      let told = 0;
      const failures = failed.get('list') ?? 0;
      failed.set('list', failures + 1);
      for await (const entry of inner.list(prefix, call)) {
        if (failures < times && (told += 1) > failures + 1) throw new StorageError('the line broke');
        yield entry;
      }
    },
    read: (name, range, call) => guard(`read ${name}`, () => inner.read(name, range, call)),
    openRead: (name, call) => guard(`open ${name}`, () => inner.openRead(name, call)),
    write: (name, content, call) => guard(`write ${name}`, () => inner.write(name, content, call)),
    remove: (name, call) => guard(`remove ${name}`, () => inner.remove(name, call)),
    stat: (name, call) => guard(`stat ${name}`, () => inner.stat(name, call)),
  };
}

async function names(storage: Storage): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of storage.list('')) found.push(name);
  return found;
}

describe('a storage that tries again', () => {
  it.each(['before', 'after'] as const)('bears failures that pass, %s the work was done', (when) =>
    withLocal(async (inner) => {
      const storage = retrying(failing(inner, when, 2));
      await storage.write('a', Buffer.from('content'), { existing: 'refuse' });
      for (const name of ['b', 'c', 'd', 'e']) await storage.write(name, Buffer.from(name));
      expect((await storage.read('a')).toString()).toBe('content');
      expect(await storage.stat('a')).toMatchObject({ sizeBytes: 7 });
      expect(await names(storage)).toEqual(['a', 'b', 'c', 'd', 'e']);
      await storage.remove('a');
      expect(await names(inner)).toEqual(['b', 'c', 'd', 'e']);
    }),
  );

  it('tells of each further try, and when there are no more', () =>
    withLocal(async (inner) => {
      const told: (Retry | undefined)[] = [];
      const storage = retrying(failing(inner, 'before', 1), told.push.bind(told));
      const once = [{ what: 'the line broke', attempt: 2, attempts: 5, atMs: expect.any(Number) as number }, undefined];
      await storage.write('a', Buffer.from('content'));
      expect(told).toEqual(once);
      await storage.read('a');
      expect(told).toEqual([...once, ...once]);
      await storage.read('a');
      expect(told).toHaveLength(4);
    }));

  it('does not take what another has written for its own', () =>
    withLocal(async (inner) => {
      await inner.write('a', Buffer.from('theirs'));
      const storage = retrying(failing(inner, 'before', 1));
      const write = storage.write('a', Buffer.from('ours!!'), { existing: 'refuse' });
      await expect(write).rejects.toMatchObject({ code: 'AlreadyExists' });
    }));

  it(
    'gives up after five tries, and at once what no time heals',
    () =>
      withLocal(async (inner) => {
        const storage = retrying(failing(inner, 'before', 5));
        await expect(storage.stat('a')).rejects.toMatchObject({ code: 'StorageUnreachable' });
        const counted = counting(inner);
        await expect(retrying(counted).read('absent')).rejects.toMatchObject({ code: 'NotFound' });
        expect(counted.counts().reads).toBe(1);
      }),
    30_000,
  );

  it('writes a stream once', () =>
    withLocal(async (inner) => {
      const storage = retrying(failing(inner, 'before', 1));
      await expect(storage.write('a', Readable.from([Buffer.from('x')]))).rejects.toMatchObject({
        code: 'StorageUnreachable',
      });
    }));
});

describe('a storage that is only read', () => {
  it('reads, and refuses all else', () =>
    withLocal(async (inner) => {
      await inner.write('a', Buffer.from('content'));
      const storage = readOnly(inner);
      const denied = { code: 'AccessDenied' };
      await expect(storage.write('a', Buffer.from('x'))).rejects.toMatchObject(denied);
      await expect(storage.remove('a')).rejects.toMatchObject(denied);
      expect((await storage.read('a')).toString()).toBe('content');
      expect(await names(storage)).toEqual(['a']);
      // Threads may go on reading by themselves.
      expect(storage.capabilities).toEqual(inner.capabilities);
      const reader = readOnly(inner, (name) => name.startsWith('locks/'));
      await reader.write('locks/mine', Buffer.from('x'));
      await reader.remove('locks/mine');
      await expect(reader.remove('a')).rejects.toMatchObject(denied);
    }));
});

describe('a storage that counts', () => {
  it('knows how often it was asked, and how much passed', () =>
    withLocal(async (inner) => {
      const storage = counting(inner);
      await storage.write('a', Buffer.alloc(10));
      await storage.write('b', Readable.from([Buffer.alloc(5), Buffer.alloc(6)]));
      await storage.read('a', { offset: 2, length: 3 });
      for await (const piece of await storage.openRead('b')) expect(piece).toHaveLength(11);
      await storage.stat('a');
      await names(storage);
      await storage.remove('a');
      await expect(storage.remove('a')).rejects.toMatchObject({ code: 'NotFound' });
      expect(storage.counts()).toEqual({
        writes: 2,
        lists: 1,
        reads: 2,
        stats: 1,
        removes: 2,
        bytesWritten: 21,
        bytesRead: 14,
      });
    }));
});

describe('a storage with limits', () => {
  // Only lower bounds of time: a busy machine is slower, never faster.
  it('is not faster than its rate in either direction, and asks for it again as time passes', () =>
    withLocal(async (inner) => {
      const content = randomBytes(300_000);
      let limits = {};
      const storage = throttled(inner, () => limits);
      await storage.write('a', content);
      limits = { uploadBytesPerSecond: 200_000, downloadBytesPerSecond: 100_000_000 };
      const before = performance.now();
      await Promise.all([
        storage.write('b', content.subarray(0, 150_000)),
        storage.write('c', content.subarray(150_000)),
      ]);
      expect(performance.now() - before).toBeGreaterThan(450);
      limits = { downloadBytesPerSecond: 200_000 };
      const middle = performance.now();
      expect((await storage.read('a')).equals(content)).toBe(true);
      expect(performance.now() - middle).toBeGreaterThan(450);
    }));

  it('stops waiting when told so', () =>
    withLocal(async (inner) => {
      const storage = throttled(inner, () => ({ uploadBytesPerSecond: 10 }));
      const stop = new AbortController();
      const write = storage.write('a', Buffer.alloc(10_000), { signal: stop.signal });
      setTimeout(() => stop.abort(), 50);
      await expect(write).rejects.toMatchObject({ code: 'Interrupted' });
      expect(await names(inner)).toEqual([]);
    }));
});
