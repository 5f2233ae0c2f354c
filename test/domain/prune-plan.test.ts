import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planPrune, type PackUsage } from '../../domain/prune-plan.ts';

function pack(id: string, usedBytes: number, unusedBytes: number, type: PackUsage['type'] = 'data'): PackUsage {
  const [usedBlobs, unusedBlobs] = [usedBytes > 0 ? 1 : 0, unusedBytes > 0 ? 1 : 0];
  const sizeBytes = usedBytes + unusedBytes + 73;
  const rest = { duplicateBytes: 0, duplicateBlobs: 0, isUncompressed: false, sizeBytes };
  return { id, type, usedBytes, unusedBytes, usedBlobs, unusedBlobs, ...rest };
}

describe('planPrune', () => {
  it('keeps what is used, removes what is not, and rewrites the emptiest until the rest is allowed', () => {
    const packs = [pack('a', 100, 0), pack('b', 0, 100), pack('c', 90, 10), pack('d', 20, 80), pack('e', 95, 5)];
    const plan = planPrune(packs, [{ id: 'x', sizeBytes: 500 }], { maxUnused: { share: 0.05 } });
    expect(plan).toMatchObject({ keep: ['a', 'c', 'e'], repack: ['d'], remove: ['b'], removeUnindexed: ['x'] });
    expect(plan.figures).toEqual({
      blobs: {
        used: 4,
        duplicate: 0,
        unused: 4,
        total: 8,
        repack: 2,
        repackRemoved: 1,
        removed: 1,
        removedTotal: 2,
        remaining: 6,
      },
      bytes: {
        used: 305,
        duplicate: 0,
        unused: 195,
        unreferenced: 500,
        uncompressed: 0,
        total: 1000,
        repack: 100,
        repackRemoved: 80,
        removed: 100,
        removedTotal: 680,
        remaining: 320,
        remainingUnused: 15,
        stored: 500 + 500 + 5 * 73,
        freed: 173 + 80 + 500,
      },
      packs: { used: 1, partlyUsed: 3, unused: 1, unreferenced: 1, total: 6, kept: 3, repacked: 1, removed: 2 },
    });
  });

  it('always rewrites packs with unused trees, and mixed ones', () => {
    const packs = [pack('t', 1000, 1, 'tree'), pack('u', 1000, 0, 'tree'), pack('m', 1000, 0, 'mixed')];
    expect(planPrune(packs, [], { maxUnused: { share: 1 } })).toMatchObject({ keep: ['u'], repack: ['m', 't'] });
  });

  it('rewrites everything partly used when nothing may stay unused, and nothing when all may', () => {
    const packs = [pack('a', 99, 1), pack('b', 1, 99)];
    expect(planPrune(packs, [], { maxUnused: { share: 0 } }).repack).toEqual(['a', 'b']);
    expect(planPrune(packs, [], { maxUnused: { share: 1 } }).repack).toEqual([]);
  });

  it('leaves as many bytes unused as it is told, and all when it is told so', () => {
    const packs = [pack('a', 50, 50), pack('b', 10, 90), pack('c', 80, 20)];
    expect(planPrune(packs, [], { maxUnused: { bytes: 70 } }).repack).toEqual(['b']);
    expect(planPrune(packs, [], { maxUnused: { bytes: 69 } }).repack).toEqual(['a', 'b']);
    expect(planPrune(packs, [], { maxUnused: 'unlimited' }).repack).toEqual([]);
  });

  it('rewrites no more than it is told, trees before data', () => {
    const packs = [pack('a', 1, 99), pack('b', 2, 98), pack('t', 90, 10, 'tree'), pack('gone', 0, 100)];
    const limited = (maxRepackBytes: number) => planPrune(packs, [], { maxUnused: { share: 0 }, maxRepackBytes });
    expect(limited(1000).repack).toEqual(['a', 'b', 't']);
    expect(limited(400).repack).toEqual(['a', 't']);
    expect(limited(200).repack).toEqual(['t']);
    expect(limited(0)).toMatchObject({ repack: [], remove: ['gone'], keep: ['a', 'b', 't'] });
  });

  it('puts small packs together when there are many of them', () => {
    const packs = (count: number) => [
      pack('big', 16_000_000, 0),
      ...Array.from({ length: count }, (_, number) => pack(`small${number}`, 100_000, number === 0 ? 10 : 0)),
    ];
    const rules = { maxUnused: { share: 0.05 } };
    expect(planPrune(packs(9), [], rules).repack).toEqual([]);
    expect(planPrune(packs(10), [], rules).repack).toHaveLength(10);
    expect(planPrune(packs(10), [], { ...rules, smallPackBytes: 90_000 }).repack).toEqual([]);
    expect(planPrune(packs(10), [], { ...rules, smallPackBytes: 17_000_000 }).repack).toHaveLength(11);
  });

  it('leaves data alone when only trees may be rewritten, whatever else is wished', () => {
    const packs = [pack('a', 1, 99), pack('t', 90, 10, 'tree'), pack('gone', 0, 100)];
    const rules = { maxUnused: { share: 0 }, repackCacheableOnly: true, repackUncompressed: true };
    expect(planPrune(packs, [], rules)).toMatchObject({ keep: ['a'], repack: ['t'], remove: ['gone'] });
  });

  it('rewrites trees that are not compressed, and data when it is told so', () => {
    const packs = [pack('a', 100, 0), pack('t', 100, 0, 'tree')].map((each) => ({ ...each, isUncompressed: true }));
    const plan = planPrune(packs, [], { maxUnused: 'unlimited' });
    expect(plan.repack).toEqual(['t']);
    expect(plan.figures.bytes.uncompressed).toBe(100);
    const all = planPrune(packs, [], { maxUnused: 'unlimited', repackUncompressed: true });
    expect(all.repack).toEqual(['a', 't']);
    expect(all.figures.bytes.uncompressed).toBe(0);
  });

  it('tells what is stored twice from what nobody needs', () => {
    const twice = { ...pack('a', 100, 50), duplicateBlobs: 1, duplicateBytes: 50 };
    const { blobs, bytes } = planPrune([twice], [], { maxUnused: { share: 0 } }).figures;
    expect([blobs.used, blobs.duplicate, blobs.unused]).toEqual([1, 1, 0]);
    expect([bytes.used, bytes.duplicate, bytes.unused, bytes.remaining]).toEqual([100, 50, 0, 100]);
  });

  it('has nothing to do in an empty repository', () => {
    expect(planPrune([], [], { maxUnused: { share: 0.05 } })).toMatchObject({ keep: [], repack: [], remove: [] });
  });

  it('never loses a used pack, and keeps within the allowed share', () => {
    const bytes = fc.integer({ min: 0, max: 1000 });
    const type = fc.constantFrom<PackUsage['type']>('data', 'tree', 'mixed');
    const packs = fc
      .array(fc.tuple(bytes, bytes, type), { maxLength: 30 })
      .map((all) => all.map(([used, unused, kind], number) => pack(`p${number}`, used, unused, kind)));
    fc.assert(
      fc.property(packs, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const { keep, repack, remove, figures } = planPrune(all, [], { maxUnused: { share } });
        expect([...keep, ...repack, ...remove].toSorted()).toEqual(all.map(({ id }) => id).toSorted());
        for (const each of all) expect(remove.includes(each.id)).toBe(each.usedBlobs === 0);
        const remaining = figures.bytes.used + figures.bytes.remainingUnused;
        expect(figures.bytes.remainingUnused).toBeLessThanOrEqual(remaining * share + 1e-6);
        const stored = all.reduce((sum, each) => sum + each.usedBytes + each.unusedBytes, 0);
        expect(figures.bytes.freed + remaining).toBe(stored + remove.length * 73);
      }),
      { seed: 20261123 },
    );
  });
});
