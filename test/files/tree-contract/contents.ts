/** The part of the suite for trees that is about contents: whole or not at all, old or new, whoever looks. */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import type { ByteString } from '../../../common/byte-string.ts';
import { StorageError } from '../../../common/errors.ts';
import type { ContentChecksum } from '../../../files/file-tree.ts';
import { crc32c } from '../../../storage/crc32c.ts';
import {
  bytes,
  expectRefusal,
  fill,
  pieces,
  put,
  read,
  readText,
  type TreeAbilities,
  walk,
  type WithTree,
} from './tree-under-test.ts';

const KiB = 1024;
/** About what blocks, requests and parts hold, and one more or less. */
export const SIZES = [0, 1, 2, 4095, 4096, 65_535, 65_536, 65_537, 255 * KiB, 256 * KiB - 1, 256 * KiB, 256 * KiB + 1];
const LARGE_BYTES = 9 * 1024 * KiB + 17;
const FILE = 'file' as ByteString;

export function describeContents(withTree: WithTree, abilities: TreeAbilities): void {
  it('gives back files of every size, at once and through another tree', () =>
    withTree(async ({ tree, reopen }) => {
      const contents = new Map(SIZES.map((size) => [`size-${size}`, randomBytes(size)]));
      for (const [path, content] of contents) await put(tree, path, content);
      for (const each of [tree, await reopen()]) {
        for (const [path, content] of contents) {
          expect((await each.stat(bytes(path)))?.sizeBytes).toBe(content.length);
          expect((await read(each, path)).equals(content)).toBe(true);
        }
      }
    }));

  it('takes large files in pieces of any size whose memory is used again, and gives them back', () =>
    withTree(async ({ tree, reopen, stored }) => {
      const written = createHash('sha256');
      await tree.replace(FILE, reusedPieces(written), {});
      expect((await tree.stat(FILE))?.sizeBytes).toBe(LARGE_BYTES);
      const found = createHash('sha256').update(await read(await reopen(), FILE));
      expect(found.digest('hex')).toBe(written.digest('hex'));
      expect(await stored()).toHaveLength(1);
    }));

  it('stops reading in the middle, by the signal or because nobody reads on', () =>
    withTree(async ({ tree, openFiles }) => {
      await tree.replace(FILE, reusedPieces(createHash('sha256')), {});
      const stop = new AbortController();
      let seen = 0;
      const reading = async (): Promise<void> => {
        for await (const piece of await tree.openRead(FILE, { signal: stop.signal })) {
          seen += (piece as Buffer).length;
          stop.abort();
        }
      };
      await expect(reading()).rejects.toThrow(/abort|interrupt/i);
      expect(seen).toBeLessThan(LARGE_BYTES);
      for await (const _ of await tree.openRead(FILE)) break;
      (await tree.openRead(FILE)).destroy();
      expect((await read(tree, FILE)).length).toBe(LARGE_BYTES);
      if (openFiles !== undefined) await expect.poll(openFiles, { timeout: 5000 }).toBe(0);
    }));

  it('shows nothing under a name until its content is whole', () =>
    withTree(async ({ tree, reopen }) => {
      const other = await reopen();
      await put(tree, 'replaced', 'old');
      const looks: unknown[] = [];
      async function* watched(): AsyncGenerator<Uint8Array> {
        for (let part = 0; part < 3; part++) {
          yield Buffer.alloc(300 * KiB, 'x');
          await delay(20);
          looks.push([await walk(other), await other.stat(FILE), await readText(other, 'replaced')]);
        }
      }
      await tree.replace(FILE, watched(), {});
      await tree.replace(bytes('replaced'), watched(), {});
      const before = [['replaced'], undefined, 'old'];
      expect(looks.slice(0, 3)).toEqual([before, before, before]);
      for (const look of looks.slice(3)) expect(look).toMatchObject([['file', 'replaced'], {}, 'old']);
      expect((await read(other, 'replaced')).length).toBe(900 * KiB);
    }));

  it('keeps the old content, and nothing of the new, when a write fails or is aborted', () =>
    withTree(async ({ tree, stored }) => {
      await put(tree, FILE, 'old');
      const before = await stored();
      const broken = new Error('the source broke');
      const writes: [string, () => AsyncIterable<Uint8Array>, unknown][] = [
        ['at once', () => failing(0, broken), broken],
        ['in the middle', () => failing(3, broken), broken],
        // Troubles of the source stay those of the source, whatever they are.
        ['for a storage', () => failing(2, new StorageError('the other side')), { message: 'the other side' }],
      ];
      for (const [, content, error] of writes) {
        for (const path of ['file', 'new'])
          await expect(tree.replace(bytes(path), content(), {})).rejects.toMatchObject(error as object);
      }
      for (const path of ['file', 'new']) {
        const abort = new AbortController();
        const hanging = tree.replace(bytes(path), hangs(abort), {}, { signal: abort.signal });
        await expect(hanging).rejects.toMatchObject({ code: 'Interrupted' });
      }
      expect(await readText(tree, FILE)).toBe('old');
      expect(await stored()).toEqual(before);
      expect(await walk(tree)).toEqual(['file']);
    }));

  it('lets one of many win that write one name at once, and whoever reads meanwhile sees one of them whole', () =>
    withTree(async ({ tree, reopen, stored }) => {
      if (!abilities.replacesAtOnce) return;
      const other = await reopen();
      const contentOf = (writer: number): Buffer => Buffer.alloc(1 + writer * 37 * KiB, writer);
      await put(tree, FILE, contentOf(0));
      let writing = true;
      const reading = (async () => {
        let reads = 0;
        for (; writing || reads === 0; reads++) expectWhole(await read(reads % 2 === 0 ? tree : other, FILE));
        return reads;
      })();
      for (let round = 0; round < 5; round++) {
        await Promise.all(
          Array.from({ length: 8 }, (_, writer) => put(writer % 2 === 0 ? tree : other, FILE, contentOf(writer))),
        );
      }
      writing = false;
      expect(await reading).toBeGreaterThan(0);
      expectWhole(await read(other, FILE));
      expect(await stored()).toHaveLength(1);

      function expectWhole(content: Buffer): void {
        const writer = content[0]!;
        expect(content.length).toBe(contentOf(writer).length);
        expect(content.every((byte) => byte === writer)).toBe(true);
      }
    }));

  it('writes many files of one folder at once', () =>
    withTree(async ({ tree, reopen, stored }) => {
      await tree.makeFolder(bytes('folder'), {});
      const paths = Array.from({ length: 60 }, (_, number) => `folder/${String(number).padStart(3, '0')}`);
      await Promise.all(paths.map((path) => put(tree, path)));
      expect(await walk(await reopen())).toEqual(['folder', ...paths]);
      for (const path of paths) expect(await readText(tree, path)).toBe(path);
      const files = (await stored()).length;
      expect(files - paths.length).toBeLessThanOrEqual(1);
    }));

  it('lets others walk while files come that are older than anything abandoned', () =>
    withTree(async ({ tree, reopen, stored }) => {
      const other = await reopen();
      const paths = Array.from({ length: 150 }, (_, number) => `${number}`);
      let writing = true;
      const walking = (async () => {
        while (writing) await walk(other);
      })();
      const puts = paths.map((path) => put(tree, path, path, { mode: 0o644, mtimeNs: 1_000_000_000n }));
      const results = await Promise.allSettled(puts);
      writing = false;
      await walking;
      const failed = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
      expect(failed).toEqual([]);
      expect(await walk(tree)).toEqual(paths.toSorted());
      expect(await stored()).toHaveLength(paths.length);
    }));

  it('replaces files by files, links and back, whatever they were', () =>
    withTree(async ({ tree, reopen, stored }) => {
      for (const content of ['first', '', 'third and longer']) {
        await put(tree, FILE, content);
        expect(await readText(await reopen(), FILE)).toBe(content);
        if (!abilities.links) continue;
        await tree.replaceSymlink(FILE, bytes('nowhere'), {});
        expect(await (await reopen()).stat(FILE)).toMatchObject({ type: 'symlink', linkTarget: 'nowhere' });
      }
      expect(await stored()).toHaveLength(1);
    }));

  it('tells checksums that are those of the content, if any', () =>
    withTree(async ({ tree }) => {
      if (tree.checksums === undefined) return;
      for (const size of [0, 1, 300 * KiB]) {
        const content = randomBytes(size);
        await put(tree, FILE, content);
        for (const { algorithm, value } of await tree.checksums(FILE)) expect(value).toBe(checksum(algorithm, content));
      }
      await fill(tree, ['folder/file']);
      for (const path of ['absent', 'folder'].map(bytes)) await expectRefusal(() => tree.checksums!(path), 'NotFound');
    }));
}

/** Pieces of odd sizes, all in the same memory: whoever keeps one must have copied it. */
async function* reusedPieces(hash: ReturnType<typeof createHash>): AsyncGenerator<Uint8Array> {
  const memory = Buffer.alloc(1024 * KiB);
  for (let done = 0, round = 0; done < LARGE_BYTES; round++) {
    const size = Math.min(LARGE_BYTES - done, [memory.length, 1, 0, 70_000, 256 * KiB + 3][round % 5]!);
    const piece = memory.fill(round % 251).subarray(0, size);
    hash.update(piece);
    yield piece;
    done += size;
  }
}

async function* failing(afterPieces: number, error: Error): AsyncGenerator<Uint8Array> {
  for (let piece = 0; piece < afterPieces; piece++) yield Buffer.alloc(300 * KiB, 'n');
  throw error;
}

async function* hangs(abort: AbortController): AsyncGenerator<Uint8Array> {
  yield Buffer.from('begun');
  setTimeout(() => abort.abort(), 30);
  await new Promise(() => undefined);
  yield* pieces('never');
}

function checksum(algorithm: ContentChecksum['algorithm'], content: Buffer): string {
  const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
  if (algorithm === 'crc32') return hex(crc32(content));
  if (algorithm === 'crc32c') return hex(crc32c(content));
  return createHash(algorithm).update(content).digest('hex');
}
