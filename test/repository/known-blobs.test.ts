import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { BlobIndex } from '../../repository/blob-index.ts';
import { KnownBlobs } from '../../repository/known-blobs.ts';

describe('the set of known blobs', () => {
  it('lets each id be claimed once, over many segments', () => {
    const known = new KnownBlobs();
    const ids = Array.from({ length: 20_000 }, () => randomBytes(32));
    for (const id of ids) {
      if (known.nearlyFull) known.grow(1);
      expect(known.claim(id)).toBe(true);
    }
    expect(known.memory.segments.length).toBeGreaterThan(2);
    const elsewhere = new KnownBlobs(known.memory);
    expect(ids.filter((id) => elsewhere.claim(id))).toEqual([]);
  });

  it('knows what the index had when it was shared, in every thread, and of that only the data', () => {
    const index = new BlobIndex();
    const blobs = Array.from({ length: 40_000 }, (_, offset) => ({
      id: randomBytes(32).toString('hex'),
      type: offset % 2 === 0 ? ('data' as const) : ('tree' as const),
      offset,
      length: 1,
    }));
    index.add({ id: 'a'.repeat(64), blobs: blobs.slice(0, 30_000) });
    const known = new KnownBlobs({ index: index.share() });
    known.grow(50_000);
    const elsewhere = new KnownBlobs(structuredClone(known.memory));
    // What comes into the index later is for the tables of claims alone.
    index.add({ id: 'b'.repeat(64), blobs: blobs.slice(30_000) });
    const claimed = blobs.filter(({ id }) => elsewhere.claim(Buffer.from(id, 'hex')));
    expect(claimed).toEqual(blobs.filter(({ type }, number) => type === 'tree' || number >= 30_000));
    expect(blobs.filter(({ id }) => known.claim(Buffer.from(id, 'hex')))).toEqual([]);
  });

  it('gives up claims that the index has by now, and keeps those of the last segment', () => {
    const index = new BlobIndex();
    const known = new KnownBlobs({ index: index.share() });
    known.grow(190_000);
    const ids = Array.from({ length: 400_000 }, () => randomBytes(32));
    let written = 0;
    const elsewhere = new KnownBlobs();
    const seen: number[] = [];
    for (const [number, id] of ids.entries()) {
      if (known.nearlyFull) {
        const blobs = ids.slice(written, number - 1000);
        index.add({
          id: randomBytes(32).toString('hex'),
          blobs: blobs.map((blob) => ({ id: blob.toString('hex'), type: 'data', offset: 0, length: 1 })),
        });
        written = number - 1000;
        known.grow(1, () => index.share());
        seen.push(known.memory.segments.length);
        elsewhere.replace(structuredClone(known.memory));
      }
      known.claim(id);
    }
    expect(seen.length).toBeGreaterThan(1);
    expect(Math.max(...seen)).toBe(2);
    expect(ids.filter((id) => known.claim(id))).toEqual([]);
    elsewhere.replace(structuredClone(known.memory));
    expect(ids.filter((id) => elsewhere.claim(id))).toEqual([]);
  });

  it('finds ids that share their first bytes', () => {
    const known = new KnownBlobs();
    known.grow(1);
    const ids = Array.from({ length: 300 }, (_, index) =>
      Buffer.concat([Buffer.alloc(30, 7), Buffer.of(index >> 8, index)]),
    );
    expect(ids.map((id) => known.claim(id))).toEqual(ids.map(() => true));
    expect(ids.map((id) => known.claim(id))).toEqual(ids.map(() => false));
  });

  it('takes an id as new when a segment is full, rather than losing the blob', () => {
    const known = new KnownBlobs();
    known.grow(1);
    const ids = Array.from({ length: 1100 }, () => randomBytes(32));
    for (const id of ids) known.claim(id);
    expect(known.claim(ids[0]!)).toBe(false);
    const late = randomBytes(32);
    expect([known.claim(late), known.claim(late)].includes(true)).toBe(true);
  });

  it('tells exactly one of several threads to store a blob that all meet at once', async () => {
    const known = new KnownBlobs();
    const count = 100_000;
    known.grow(count);
    const ids = randomBytes(32 * count);
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(({ KnownBlobs }) => {
        const known = new KnownBlobs(workerData.memory);
        const claimed = [];
        // All begin together: each counts itself in, and waits for the others.
        Atomics.add(workerData.barrier, 0, 1);
        while (Atomics.load(workerData.barrier, 0) < workerData.threads);
        for (let index = 0; index < workerData.count; index++) {
          if (known.claim(workerData.ids.subarray(index * 32, index * 32 + 32))) claimed.push(index);
        }
        parentPort.postMessage(claimed);
      });`;
    const module = new URL('../../repository/known-blobs.ts', import.meta.url).href;
    const barrier = new Int32Array(new SharedArrayBuffer(4));
    const workerData = { module, memory: known.memory, ids, count, barrier, threads: 2 };
    const threads = Array.from({ length: workerData.threads }, () => new Worker(source, { eval: true, workerData }));
    const claims = await Promise.all(threads.map(async (thread) => (await once(thread, 'message'))[0] as number[]));
    expect(claims.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
  });
});
