/** What every storage promises, as one suite: a backend's test file calls it with a way to open fresh ones. */
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forEachConcurrently } from '../../common/concurrency.ts';
import { NotFoundError } from '../../common/errors.ts';
import type { ObjectEntry, Storage } from '../../storage/storage.ts';

const MiB = 1024 * 1024;

/** More than any service puts on one page, or on ten. */
const MANY_NAMES = 10_050;

/** A stream, and what it may add to the memory of the process while it passes. */
const LARGE_STREAM_BYTES = 256 * MiB;
const MEMORY_CEILING_BYTES = 200 * MiB;

const ODD_NAMES = [
  'with space',
  ' leading and trailing ',
  'per%20cent%',
  'plus+plus',
  'a&b=c?d#e',
  '~tilde',
  `quotes'"<>|`,
  'star*[brackets]{braces}',
  'semi;colon:,@$^!()',
  '.hidden',
  'dots..inside',
  '...',
  '-rf',
  'CON',
  `long/${'x'.repeat(200)}`,
];

export interface StorageUnderTest {
  storage: Storage;
  /** Another instance on the same objects. */
  reopen(): Storage;
}

/** `withStorage` makes an empty storage, calls the body, and cleans up. */
export function describeStorageContract(
  name: string,
  withStorage: (body: (under: StorageUnderTest) => Promise<void>) => Promise<void>,
): void {
  describe(`${name} keeps the storage contract`, () => {
    it('lists nothing, and finds nothing, before the first write', () =>
      withStorage(async ({ storage }) => {
        expect(await list(storage, '')).toEqual([]);
        expect(await list(storage, 'data/')).toEqual([]);
        expect(await storage.stat('config')).toBeUndefined();
      }));

    it('gives back what was written, at once and through another instance', () =>
      withStorage(async ({ storage, reopen }) => {
        const content = randomBytes(300_000);
        await storage.write('data/ab/object', content);
        expect(await storage.read('data/ab/object')).toEqual(content);
        expect(await reopen().read('data/ab/object')).toEqual(content);
        const entry = await reopen().stat('data/ab/object');
        expect(entry).toMatchObject({ name: 'data/ab/object', sizeBytes: content.length });
        expect(Math.abs(Date.now() - entry!.modifiedAt.getTime())).toBeLessThan(60_000);
      }));

    it('reads ranges, and less where the object ends', () =>
      withStorage(async ({ storage }) => {
        await storage.write('object', Buffer.from('0123456789'));
        const read = async (offset: number, length: number) =>
          (await storage.read('object', { offset, length })).toString();
        expect(await read(0, 3)).toBe('012');
        expect(await read(4, 3)).toBe('456');
        expect(await read(8, 10)).toBe('89');
        expect(await read(20, 1)).toBe('');
        expect(await read(3, 0)).toBe('');
      }));

    it('reads ranges at the edges: of an empty object, of its last byte, right behind it, and across what goes in one request', () =>
      withStorage(async ({ storage, reopen }) => {
        const content = randomBytes(600_000);
        await storage.write('large', content);
        await storage.write('empty', Buffer.alloc(0));
        for (const each of [storage, reopen()]) {
          for (const offset of [0, 1, 100]) expect(await each.read('empty', { offset, length: 1 })).toHaveLength(0);
          for (const edge of [65_536, 131_072, 261_120, 262_144, 522_240, content.length]) {
            for (const [offset, length] of [
              [edge - 1, 1],
              [edge, 1],
              [edge - 1, 2],
              [0, edge],
              [1, edge],
              [edge, content.length],
              [edge - 7, Number.MAX_SAFE_INTEGER - edge],
            ] as const) {
              const found = await each.read('large', { offset, length });
              expect([offset, length, found.equals(content.subarray(offset, offset + length))]).toEqual([
                offset,
                length,
                true,
              ]);
            }
          }
          for (const offset of [content.length, content.length + 1, 2 ** 40])
            expect(await each.read('large', { offset, length: 10 })).toHaveLength(0);
          expect(await each.read('large', { offset: content.length, length: 0 })).toHaveLength(0);
          const absent = each.read('absent', { offset: 0, length: 0 });
          await expect(absent).rejects.toMatchObject({ code: 'NotFound' });
        }
      }));

    it('streams in both directions', () =>
      withStorage(async ({ storage }) => {
        const pieces = [randomBytes(100_000), Buffer.alloc(0), randomBytes(50_000)];
        await storage.write('streamed', asyncPieces(pieces));
        const received: Buffer[] = [];
        for await (const piece of await storage.openRead('streamed')) received.push(piece as Buffer);
        expect(Buffer.concat(received)).toEqual(Buffer.concat(pieces));
      }));

    it('keeps empty objects', () =>
      withStorage(async ({ storage }) => {
        await storage.write('empty', Buffer.alloc(0));
        expect(await storage.read('empty')).toHaveLength(0);
        expect(await list(storage, '')).toEqual(['empty']);
      }));

    it('replaces by default, and refuses to replace when told so', () =>
      withStorage(async ({ storage }) => {
        await storage.write('object', Buffer.from('first'), { existing: 'refuse' });
        await expect(storage.write('object', Buffer.from('second'), { existing: 'refuse' })).rejects.toMatchObject({
          code: 'AlreadyExists',
        });
        expect((await storage.read('object')).toString()).toBe('first');
        await storage.write('object', Buffer.from('third'));
        expect((await storage.read('object')).toString()).toBe('third');
      }));

    it('lets one of many win that create the same name at once', () =>
      withStorage(async ({ storage, reopen }) => {
        const writers = Array.from({ length: 8 }, (_, number) =>
          (number % 2 === 0 ? storage : reopen()).write('object', Buffer.from(`writer ${number}`), {
            existing: 'refuse',
          }),
        );
        const results = await Promise.allSettled(writers);
        const winners = results.flatMap(({ status }, number) => (status === 'fulfilled' ? [number] : []));
        expect(winners).toHaveLength(1);
        expect((await storage.read('object')).toString()).toBe(`writer ${winners[0]}`);
        expect(await list(storage, '')).toEqual(['object']);
      }));

    it('leaves nothing of a write whose content fails or that is aborted', () =>
      withStorage(async ({ storage }) => {
        await storage.write('kept', Buffer.from('old'));
        await expect(storage.write('kept', failingPieces())).rejects.toThrow('could not');
        expect((await storage.read('kept')).toString()).toBe('old');
        const abort = new AbortController();
        const slow = storage.write('aborted', piecesUntil(abort), { signal: abort.signal });
        await expect(slow).rejects.toMatchObject({ code: 'Interrupted' });
        expect(await list(storage, '')).toEqual(['kept']);
      }));

    it('names what is absent in a NotFoundError', () =>
      withStorage(async ({ storage }) => {
        await storage.write('there/object', Buffer.from('x'));
        for (const name of ['absent', 'there/absent', 'there/object/below']) {
          await expect(storage.read(name)).rejects.toThrow(NotFoundError);
          await expect(storage.openRead(name)).rejects.toThrow(NotFoundError);
          await expect(storage.remove(name)).rejects.toThrow(NotFoundError);
          expect(await storage.stat(name)).toBeUndefined();
        }
        await expect(storage.read('absent')).rejects.toThrow(/absent/);
      }));

    it('removes', () =>
      withStorage(async ({ storage, reopen }) => {
        await storage.write('a/one', Buffer.from('1'));
        await storage.write('a/two', Buffer.from('2'));
        await storage.remove('a/one');
        expect(await list(reopen(), '')).toEqual(['a/two']);
        await storage.write('a/one', Buffer.from('again'));
        expect((await reopen().read('a/one')).toString()).toBe('again');
      }));

    it('refuses names that lead elsewhere', () =>
      withStorage(async ({ storage }) => {
        for (const name of ['', '/etc/passwd', '../outside', 'a/../../outside', 'a//b', 'a/', './a', 'ä', 'a\0b']) {
          await expect(storage.write(name, Buffer.from('x'))).rejects.toMatchObject({ code: 'Usage' });
          await expect(async () => storage.read(name)).rejects.toMatchObject({ code: 'Usage' });
          await expect(storage.remove(name)).rejects.toMatchObject({ code: 'Usage' });
        }
      }));

    it('answers an aborted signal with InterruptedError', () =>
      withStorage(async ({ storage }) => {
        await storage.write('object', Buffer.from('x'));
        const signal = AbortSignal.abort();
        const interrupted = { code: 'Interrupted' };
        await expect(storage.read('object', undefined, { signal })).rejects.toMatchObject(interrupted);
        await expect(storage.openRead('object', { signal })).rejects.toMatchObject(interrupted);
        await expect(storage.write('other', Buffer.from('x'), { signal })).rejects.toMatchObject(interrupted);
        await expect(storage.remove('object', { signal })).rejects.toMatchObject(interrupted);
        await expect(storage.stat('object', { signal })).rejects.toMatchObject(interrupted);
        await expect(list(storage, '', signal)).rejects.toMatchObject(interrupted);
        expect(await list(storage, '')).toEqual(['object']);
      }));

    it('keeps odd names', () =>
      withStorage(async ({ storage, reopen }) => {
        for (const name of ODD_NAMES) await storage.write(name, Buffer.from(name));
        for (const name of ODD_NAMES) {
          expect((await reopen().read(name)).toString()).toBe(name);
          expect(await storage.stat(name)).toMatchObject({ name, sizeBytes: name.length });
        }
        expect(await list(storage, '')).toEqual(ODD_NAMES.toSorted((a, b) => (a < b ? -1 : 1)));
        for (const name of ODD_NAMES) await storage.remove(name);
        expect(await list(storage, '')).toEqual([]);
      }));

    it(
      'lists more than ten thousand names, each once and in order',
      () =>
        withStorage(async ({ storage }) => {
          const names = Array.from({ length: MANY_NAMES }, (_, number) => `many/${String(number).padStart(6, '0')}`);
          await forEachConcurrently(names, 16, (name) => storage.write(name, Buffer.from('x')));
          expect(await list(storage, 'many/')).toEqual(names);
          expect(await list(storage, 'many/0100')).toHaveLength(50);
          const stop = new AbortController();
          let seen = 0;
          const listing = async (): Promise<void> => {
            for await (const entry of storage.list('', { signal: stop.signal })) {
              if (entry.sizeBytes === 1) seen += 1;
              if (seen === 500) stop.abort();
            }
          };
          await expect(listing()).rejects.toMatchObject({ code: 'Interrupted' });
          expect(seen).toBe(500);
        }),
      120_000,
    );

    it(
      'streams 256 MiB in both directions in little memory, and stops in their middle',
      () =>
        withStorage(async ({ storage }) => {
          const memory = watchMemory();
          const written = createHash('sha256');
          await storage.write('large', largePieces(written));
          const read = createHash('sha256');
          for await (const piece of await storage.openRead('large')) {
            read.update(piece as Buffer);
            memory.look();
          }
          expect(memory.grownBytes()).toBeLessThan(MEMORY_CEILING_BYTES);
          expect(read.digest('hex')).toBe(written.digest('hex'));
          expect((await storage.read('large', { offset: 200 * MiB - 3, length: 7 })).length).toBe(7);

          const stop = new AbortController();
          let seen = 0;
          const reading = async (): Promise<void> => {
            for await (const piece of await storage.openRead('large', { signal: stop.signal })) {
              seen += (piece as Buffer).length;
              if (seen > MiB) stop.abort();
            }
          };
          await expect(reading()).rejects.toThrow(/abort|interrupt/i);
          expect(seen).toBeLessThan(LARGE_STREAM_BYTES / 2);
          const abort = new AbortController();
          const slow = storage.write('aborted', largePieces(createHash('sha256'), 50, abort), { signal: abort.signal });
          await expect(slow).rejects.toMatchObject({ code: 'Interrupted' });
          await expect(storage.write('broken', brokenAfter(40))).rejects.toMatchObject({ code: 'StorageUnreachable' });
          expect(await list(storage, '')).toEqual(['large']);

          function watchMemory() {
            const before = process.memoryUsage.rss();
            let most = before;
            return {
              look: () => (most = Math.max(most, process.memoryUsage.rss())),
              grownBytes: () => most - before,
            };
          }

          async function* largePieces(
            hash: ReturnType<typeof createHash>,
            until = Infinity,
            stopping?: AbortController,
          ) {
            const piece = Buffer.alloc(MiB);
            for (let number = 0; number < LARGE_STREAM_BYTES / MiB; number += 1) {
              if (number === until) stopping?.abort();
              // The same memory again: whoever keeps a piece must have copied it.
              piece.fill(number % 251);
              hash.update(piece);
              memory.look();
              yield piece;
            }
          }
        }),
      120_000,
    );

    it('lists what starts with a prefix, in byte order, whatever the names', async () => {
      const segment = fc.stringMatching(/^[a-c.-]{1,3}$/).filter((text) => !/^\.+$/.test(text));
      const name = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('/'));
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(name, { maxLength: 12 }),
          fc.stringMatching(/^[a-c./-]{0,3}$/),
          (names, prefix) =>
            withStorage(async ({ storage }) => {
              const written = withoutFoldersAsFiles(names);
              for (const each of written) await storage.write(each, Buffer.from(each));
              const wanted = written.filter((each) => each.startsWith(prefix)).toSorted((a, b) => (a < b ? -1 : 1));
              expect(await list(storage, prefix)).toEqual(wanted);
            }),
        ),
        { seed: 20261123, numRuns: 40 },
      );
    });
  });
}

async function list(storage: Storage, prefix: string, signal?: AbortSignal): Promise<string[]> {
  const entries: ObjectEntry[] = [];
  for await (const entry of storage.list(prefix, signal === undefined ? {} : { signal })) entries.push(entry);
  return entries.map(({ name }) => name);
}

/** A file system cannot have `a` as a file and as a folder. */
function withoutFoldersAsFiles(names: readonly string[]): string[] {
  return names.filter((name) => !names.some((other) => other.startsWith(`${name}/`)));
}

async function* asyncPieces(pieces: readonly Buffer[]): AsyncIterable<Buffer> {
  yield* pieces;
}

// eslint-disable-next-line require-yield -- it fails in its middle
async function* failingPieces(): AsyncIterable<Buffer> {
  yield Buffer.from('new');
  throw new Error('the source broke');
}

async function* brokenAfter(pieces: number): AsyncIterable<Buffer> {
  const piece = Buffer.alloc(MiB, 'x');
  for (let number = 0; number < pieces; number += 1) yield piece;
  throw new Error('the source broke');
}

async function* piecesUntil(abort: AbortController): AsyncIterable<Buffer> {
  yield Buffer.from('begun');
  abort.abort();
  yield Buffer.from('more');
}
