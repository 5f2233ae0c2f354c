import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { choosePacks, type ReadDataPart } from '../../domain/read-data-part.ts';

const packs = Array.from({ length: 200 }, (_, number) => ({
  id: createHash('sha256').update(String(number)).digest('hex'),
  sizeBytes: 1000 + number,
}));
/** A generator of numbers that is the same each time. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}
const choose = (part: ReadDataPart, seed = 1): string[] => choosePacks(packs, part, sequence(seed)).map(({ id }) => id);

describe('the part of the packs that a check reads', () => {
  it('is nothing, or all', () => {
    expect(choose({ kind: 'none' })).toEqual([]);
    expect(choose({ kind: 'all' })).toHaveLength(200);
  });

  it('as a group goes by the first byte of the id, and all groups are all packs', () => {
    for (const parts of [1, 2, 7, 256]) {
      const groups = Array.from({ length: parts }, (_, number) => choose({ kind: 'group', part: number + 1, parts }));
      expect(groups.flat().toSorted()).toEqual(packs.map(({ id }) => id).toSorted());
      for (const [number, group] of groups.entries())
        for (const id of group) expect(Buffer.from(id, 'hex')[0]! % parts).toBe(number);
    }
  });

  it('as a share is that many packs, other ones each time, and at least one', () => {
    const first = choose({ kind: 'random', share: 0.1 });
    expect(new Set(first).size).toBe(20);
    expect(choose({ kind: 'random', share: 0.1 }, 99)).not.toEqual(first);
    expect(choose({ kind: 'random', share: 0.0001 })).toHaveLength(1);
    expect(new Set(choose({ kind: 'random', share: 1 })).size).toBe(200);
    expect(choosePacks([], { kind: 'random', share: 1 }, sequence(1))).toEqual([]);
  });

  it('as a size is the share that it is of all, at most all', () => {
    const total = packs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(choose({ kind: 'random-bytes', bytes: total / 4 })).toHaveLength(50);
    expect(choose({ kind: 'random-bytes', bytes: 1 })).toHaveLength(1);
    expect(choose({ kind: 'random-bytes', bytes: 10 * total })).toHaveLength(200);
    expect(choosePacks([], { kind: 'random-bytes', bytes: 1 }, sequence(1))).toEqual([]);
  });

  it('by turns is everything in as many runs as the share says', () => {
    const runs = [3, 4, 5, 6].map((turn) => choose({ kind: 'rotating', share: 0.25, turn }));
    expect(runs.flat().toSorted()).toEqual(packs.map(({ id }) => id).toSorted());
    expect(choose({ kind: 'rotating', share: 0, turn: 1 })).toEqual([]);
  });
});
