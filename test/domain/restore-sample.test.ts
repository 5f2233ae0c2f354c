import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseSnapshot, estimateFullRestoreSeconds, planSample, splitTurn } from '../../domain/restore-sample.ts';
import type { Snapshot } from '../../domain/snapshot.ts';

const DAY = 86_400;

function snapshots(count: number): Snapshot[] {
  return Array.from({ length: count }, (_, index) => ({
    id: index.toString(16).padStart(64, '0'),
    time: new Date(Date.UTC(2026, 0, 1 + index)).toISOString(),
    tree: 't',
    paths: ['/srv'],
    hostname: 'app-01',
    username: 'root',
  }));
}

test('every file is tested in every repository within the promised time, older snapshots aside', () => {
  const kind = fc.constantFrom('latest', 'mixed', 'random' as const) as fc.Arbitrary<'latest' | 'mixed' | 'random'>;
  fc.assert(
    fc.property(
      fc.nat(100_000),
      fc.integer({ min: 1, max: 3 }),
      kind,
      fc.integer({ min: 30, max: 400 }),
      fc.integer({ min: 1, max: 5000 }),
      (first, repositories, choice, days, filesTotal) => {
        const sample = { kind: 'cover', withinSeconds: days * DAY } as const;
        const files = Array.from({ length: 40 }, (_, index) => `srv/orders/${index}.csv`);
        const untested = new Set(
          Array.from({ length: repositories }, (_, r) => files.map((file) => `${r} ${file}`)).flat(),
        );
        for (let turn = first; turn < first + days; turn++) {
          const split = splitTurn(turn, repositories, choice);
          if (split.older) continue;
          const { rule } = planSample({ sample, everySeconds: DAY, turn: split, filesTotal, full: false });
          for (const file of files) if (rule(file)) untested.delete(`${split.repository} ${file}`);
        }
        expect([...untested]).toEqual([]);
      },
    ),
    { seed: 20261123, numRuns: 60 },
  );
});

test('a small snapshot is tested in parts of at least twenty files', () => {
  const files = Array.from({ length: 60 }, (_, index) => `srv/file-${index}`);
  const sample = { kind: 'cover', withinSeconds: 365 * DAY } as const;
  const counts = Array.from({ length: 50 }, (_, sampleTurn) => {
    const plan = planSample({
      sample,
      everySeconds: 7 * DAY,
      turn: { sampleTurn, testsPerTurn: 1 },
      filesTotal: 60,
      full: false,
    });
    return files.filter(plan.rule).length;
  });
  expect(counts.reduce((sum, count) => sum + count, 0) / counts.length).toBeGreaterThan(15);
  expect(Math.min(...counts)).toBeGreaterThan(0);
});

test('a number of files is about met, and all means all', () => {
  const files = Array.from({ length: 10_000 }, (_, index) => `srv/file-${index}`);
  const input = { everySeconds: DAY, turn: { sampleTurn: 3, testsPerTurn: 1 }, filesTotal: files.length, full: false };
  const some = planSample({ ...input, sample: { kind: 'files', count: 200 } });
  expect(files.filter(some.rule).length).toBeGreaterThan(140);
  expect(files.filter(some.rule).length).toBeLessThan(260);
  for (const all of [
    { ...input, full: true },
    { ...input, sample: { kind: 'all' } as const },
  ]) {
    expect(files.every(planSample({ sample: { kind: 'files', count: 1 }, ...all }).rule)).toBe(true);
  }
});

test('latest, random and mixed choose from the turn alone', () => {
  const all = snapshots(10);
  const latest = all.at(-1)!.id;
  const chosen = (choice: 'latest' | 'random' | 'mixed') =>
    Array.from({ length: 40 }, (_, turn) => chooseSnapshot(all, choice, splitTurn(turn, 1, choice))!.snapshot.id);
  expect(new Set(chosen('latest'))).toEqual(new Set([latest]));
  expect(chosen('mixed').map((id) => id === latest)).toEqual(Array.from({ length: 40 }, (_, turn) => turn % 4 !== 3));
  expect(new Set(chosen('random')).size).toBeGreaterThan(5);
  expect(chosen('random')).toEqual(chosen('random'));
  expect(chooseSnapshot([], 'latest', splitTurn(0, 1, 'latest'))).toBeUndefined();
  expect(chooseSnapshot(snapshots(1), 'mixed', splitTurn(3, 1, 'mixed'))?.snapshot).toEqual(snapshots(1)[0]);
});

test('the estimate counts whichever of files and bytes the sample has less of', () => {
  const MIB = 1024 * 1024;
  const measured = { seconds: 10, files: 100, bytes: 100 * MIB, filesTotal: 200, bytesTotal: 1000 * MIB };
  expect(estimateFullRestoreSeconds(measured)).toBe(100);
  expect(estimateFullRestoreSeconds({ ...measured, filesTotal: 5000 })).toBe(500);
  expect(estimateFullRestoreSeconds({ ...measured, files: 200, bytes: 1000 * MIB })).toBe(10);
});

test('a sample of some bytes is no measure of the pace: most of its time went by before the first of them', () => {
  const tiny = { seconds: 1, files: 3, bytes: 162, filesTotal: 71, bytesTotal: 300_000 };
  expect(estimateFullRestoreSeconds(tiny)).toBeCloseTo(1 + 68 / 50);
  expect(estimateFullRestoreSeconds({ ...tiny, filesTotal: 3, bytesTotal: 162 + 4 * 1024 * 1024 })).toBeCloseTo(2);
  // As many as that did come in a second.
  expect(estimateFullRestoreSeconds({ ...tiny, files: 99, filesTotal: 198 })).toBeCloseTo(2);
});
