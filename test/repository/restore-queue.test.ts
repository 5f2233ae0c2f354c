import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import type { BigFile, PartUnit } from '../../repository/restore-big-file.ts';
import { RestoreQueue } from '../../repository/restore-queue.ts';
import type { BatchUnit, FileUnit } from '../../repository/restore-units.ts';
import { node } from './restore-fixture.ts';

const bytes = (name: string): ByteString => name as ByteString;

/** A file of as many parts as it has bytes. */
function fileUnit(name: string, sizeBytes: number, blobs = 0): FileUnit {
  const place = { path: bytes(name), folder: bytes(''), name: bytes(name) };
  return {
    kind: 'file',
    place,
    entry: { name: bytes(name), node: node(name, 'file') },
    content: Array(blobs),
    sizeBytes,
  };
}

function batchUnit(name: string): BatchUnit {
  return { kind: 'batch', temporary: bytes(name), folders: [], contents: [] };
}

async function partsOf({ place, sizeBytes }: FileUnit): Promise<PartUnit[]> {
  await setImmediate();
  const file = { path: place.path } as BigFile;
  return Array.from({ length: sizeBytes }, (_, offset) => ({
    kind: 'part',
    file,
    pieces: [{ id: '', offset }],
    content: [],
  }));
}

async function* walk(units: (BatchUnit | FileUnit)[]): AsyncGenerator<BatchUnit | FileUnit> {
  yield* units;
}

const nameOf = (unit: BatchUnit | PartUnit | undefined): string | undefined =>
  unit?.kind === 'part' ? `${unit.file.path}${unit.pieces[0]!.offset}` : unit?.temporary;

describe('the queue of a restore', () => {
  it('gives a thread one file after the other, the largest first, and what is left of another’s only in the end', async () => {
    const queue = new RestoreQueue(
      walk([batchUnit('x'), fileUnit('a', 2), fileUnit('b', 6), fileUnit('c', 3)]),
      partsOf,
    );
    await setImmediate();
    const seen: (string | undefined)[] = [];
    const take = async (thread: number): Promise<void> => void seen.push(nameOf(await queue.next(thread)));
    await take(0);
    for (let step = 0; step < 7; step++) await take(1);
    await take(0);
    await take(1);
    await take(0);
    await take(0);
    await take(1);
    expect(seen).toEqual(['b0', 'c0', 'c1', 'c2', 'a0', 'a1', 'x', 'b5', 'b1', 'b4', 'b2', 'b3', undefined]);
    await queue.stop();
  });

  it('gives all parts of a file to the thread that had it first, however many it asks for at once', async () => {
    const queue = new RestoreQueue(walk([fileUnit('a', 4), fileUnit('b', 4)]), partsOf);
    await setImmediate();
    const [a, b, c, d] = await Promise.all([queue.next(0), queue.next(1), queue.next(0), queue.next(1)]);
    expect([[a, c].map(nameOf).toSorted(), [b, d].map(nameOf).toSorted()]).toEqual([
      ['a0', 'a1'],
      ['b0', 'b1'],
    ]);
    await queue.stop();
  });

  it('is over when all is done, of which a file without parts is none, and waits for one that is being made', async () => {
    const queue = new RestoreQueue(walk([fileUnit('kept', 0), fileUnit('a', 2)]), partsOf);
    const taken = await Promise.all([0, 1, 2, 0, 1, 2].map((thread) => queue.next(thread)));
    expect(
      taken
        .map(nameOf)
        .filter((name) => name !== undefined)
        .toSorted(),
    ).toEqual(['a0', 'a1']);
    await queue.stop();
  });

  it('lets the walk be only so far ahead, by units and by blobs', async () => {
    for (const [unit, most] of [
      [(): BatchUnit => batchUnit('x'), 32],
      [(): FileUnit => fileUnit('a', 1, 20_000), 3],
    ] as const) {
      let walked = 0;
      const queue = new RestoreQueue(
        (async function* () {
          for (; walked < 100; walked++) yield unit();
        })(),
        partsOf,
      );
      for (let turn = 0; turn < 200; turn++) await setImmediate();
      // The last one that came is not asked for what is behind it.
      expect(walked).toBe(most - 1);
      let done = 0;
      while ((await queue.next(0)) !== undefined) done++;
      expect(done).toBe(100);
      await queue.stop();
    }
  });

  it('throws what the walk throws, and hands out nothing more when it is stopped', async () => {
    const broken = new RestoreQueue(
      (async function* () {
        yield batchUnit('x');
        throw new Error('no tree');
      })(),
      partsOf,
    );
    await setImmediate();
    await expect(broken.next(0)).rejects.toThrow('no tree');
    await broken.stop();
    let ended = false;
    const queue = new RestoreQueue(
      (async function* () {
        try {
          for (;;) yield batchUnit('x');
        } finally {
          ended = true;
        }
      })(),
      partsOf,
    );
    expect(nameOf(await queue.next(0))).toBe('x');
    await queue.stop();
    expect([await queue.next(0), ended]).toEqual([undefined, true]);
    const failing = new RestoreQueue(walk([fileUnit('a', 1), batchUnit('x')]), () => Promise.reject(new Error('full')));
    await expect(failing.next(0)).rejects.toThrow('full');
    await failing.stop();
  });
});
