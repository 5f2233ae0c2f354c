import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planPrune, type PackUsage } from '../../domain/prune-plan.ts';

function pack(id: string, usedBytes: number, unusedBytes: number, type: PackUsage['type'] = 'data'): PackUsage {
  const [usedBlobs, unusedBlobs] = [usedBytes > 0 ? 1 : 0, unusedBytes > 0 ? 1 : 0];
  return { id, type, usedBytes, unusedBytes, usedBlobs, unusedBlobs, sizeBytes: usedBytes + unusedBytes + 73 };
}

describe('planPrune', () => {
  it('keeps what is used, removes what is not, and rewrites the emptiest until the rest is allowed', () => {
    const packs = [pack('a', 100, 0), pack('b', 0, 100), pack('c', 90, 10), pack('d', 20, 80), pack('e', 95, 5)];
    const plan = planPrune(packs, [{ id: 'x', sizeBytes: 500 }], { maxUnusedShare: 0.05 });
    expect(plan).toMatchObject({ keep: ['a', 'c', 'e'], repack: ['d'], remove: ['b'], removeUnindexed: ['x'] });
    expect(plan.figures).toEqual({
      bytesTotal: 500 + 500 + 5 * 73,
      bytesUsed: 305,
      bytesFreed: 173 + 80 + 500,
      bytesRepacked: 20,
      bytesUnused: 15,
      packsKept: 3,
      packsRepacked: 1,
      packsRemoved: 2,
      blobsRemoved: 2,
    });
  });

  it('always rewrites packs with unused trees, and mixed ones', () => {
    const packs = [pack('t', 1000, 1, 'tree'), pack('u', 1000, 0, 'tree'), pack('m', 1000, 0, 'mixed')];
    expect(planPrune(packs, [], { maxUnusedShare: 1 })).toMatchObject({ keep: ['u'], repack: ['m', 't'] });
  });

  it('rewrites everything partly used when nothing may stay unused, and nothing when all may', () => {
    const packs = [pack('a', 99, 1), pack('b', 1, 99)];
    expect(planPrune(packs, [], { maxUnusedShare: 0 }).repack).toEqual(['a', 'b']);
    expect(planPrune(packs, [], { maxUnusedShare: 1 }).repack).toEqual([]);
  });

  it('has nothing to do in an empty repository', () => {
    expect(planPrune([], [], { maxUnusedShare: 0.05 })).toMatchObject({ keep: [], repack: [], remove: [] });
  });

  it('never loses a used pack, and keeps within the allowed share', () => {
    const bytes = fc.integer({ min: 0, max: 1000 });
    const type = fc.constantFrom<PackUsage['type']>('data', 'tree', 'mixed');
    const packs = fc
      .array(fc.tuple(bytes, bytes, type), { maxLength: 30 })
      .map((all) => all.map(([used, unused, kind], number) => pack(`p${number}`, used, unused, kind)));
    fc.assert(
      fc.property(packs, fc.double({ min: 0, max: 1, noNaN: true }), (all, maxUnusedShare) => {
        const { keep, repack, remove, figures } = planPrune(all, [], { maxUnusedShare });
        expect([...keep, ...repack, ...remove].toSorted()).toEqual(all.map(({ id }) => id).toSorted());
        for (const each of all) expect(remove.includes(each.id)).toBe(each.usedBlobs === 0);
        const remaining = figures.bytesUsed + figures.bytesUnused;
        expect(figures.bytesUnused).toBeLessThanOrEqual(remaining * maxUnusedShare + 1e-6);
        const stored = all.reduce((sum, each) => sum + each.usedBytes + each.unusedBytes, 0);
        expect(figures.bytesFreed + remaining).toBe(stored + remove.length * 73);
      }),
      { seed: 20261123 },
    );
  });
});
