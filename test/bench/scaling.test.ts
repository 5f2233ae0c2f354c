/** The benchmark of scaling: its corpora, and what it says of the figures. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { prepareManyFiles } from '../../bench/many-files.ts';
import { documentScaling, judgeScaling, sizeRows } from '../../bench/scaling-report.ts';
import { renderText } from '../../bench/report-document.ts';
import { summarizeRounds } from '../../bench/summarize-rounds.ts';

const MiB = 1024 * 1024;

describe('prepareManyFiles', () => {
  it('makes as many files as asked for, small, all different, in folders of a hundred', () => {
    const work = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-test-'));
    try {
      const folder = prepareManyFiles(work, 2_050, () => {});
      const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      const contents = files.map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'latin1'));
      expect(contents).toHaveLength(2_050);
      expect(new Set(contents).size).toBe(2_050);
      expect(Math.min(...contents.map((content) => content.length))).toBeGreaterThanOrEqual(200);
      expect(Math.max(...contents.map((content) => content.length))).toBeLessThanOrEqual(1000);
      expect(readdirSync(path.join(folder, '000'))).toHaveLength(21);
      expect(readdirSync(path.join(folder, '000', '020'))).toHaveLength(50);
    } finally {
      rmSync(work, { recursive: true });
    }
  });
});

describe('judgeScaling', () => {
  it('compares what each additional file costs, so that the start does not count', () => {
    // 1 s to start. 100 µs a file, then 100, then 200.
    const rows = measured({ 10_000: [2, 100], 100_000: [11, 100], 1_000_000: [191, 300] });
    expect(rows.map(({ secondsPerMoreFile }) => secondsPerMoreFile)).toEqual([undefined, 0.0001, 0.0002]);
    expect(judgeScaling(rows)).toEqual([
      { level: 'must', operation: 'backup', figure: 'peak', files: 1_000_000, limit: 500 * MiB, value: 300 * MiB },
      { level: 'aim', operation: 'backup', figure: 'peak', files: 1_000_000, limit: 250 * MiB, value: 300 * MiB },
      { level: 'must', operation: 'backup', figure: 'growth', files: 1_000_000, limit: 1.5, value: 2 },
    ]);
  });

  it('says nothing of memory below a million files, and of growth below three sizes', () => {
    expect(judgeScaling(measured({ 10_000: [2, 900], 100_000: [90, 900] }))).toEqual([]);
  });
});

describe('the report', () => {
  it('says of each target whether it was reached', () => {
    const sizes = measured({ 10_000: [2, 100], 100_000: [11, 100], 1_000_000: [191, 300] });
    const machine = {
      processor: 'Fast',
      processors: 2,
      memoryBytes: 8192 * MiB,
      touchedBytes: 0,
      system: 'Debian',
      kernel: '6.1',
      fileSystem: 'ext4',
      node: 'v24.0.0',
    };
    const text = renderText(
      documentScaling({ machine, programs: [], sizes, verdicts: judgeScaling(sizes), rounds: [] }),
    );
    expect(text).toMatch(/^1000000 +backup +holdfast +191\.00 +- +300 +191\.0 +200\.0$/m);
    expect(text).toMatch(/^1000000 +backup +peak memory +must +≤ 500 MiB +300 MiB +reached$/m);
    expect(text).toMatch(/^1000000 +backup +growth +must +≤ 1\.50 × each file more of the step below +2\.00 +MISSED$/m);
  });
});

/** Seconds and MiB by number of files. */
function measured(figures: Record<number, [seconds: number, mebibytes: number]>): ReturnType<typeof sizeRows> {
  return sizeRows(
    Object.entries(figures).map(([files, [wallSeconds, mebibytes]]) => {
      const measurement = {
        program: 'holdfast',
        operation: 'backup' as const,
        wallSeconds,
        peakBytes: mebibytes * MiB,
      };
      const round = {
        setting: 'a',
        corpus: `files-${files}`,
        round: 1,
        finished: '2026-11-23T00:00:00Z',
        loadAverage: 0,
        measurements: [measurement],
      };
      return { files: Number(files), rows: summarizeRounds(round.corpus, ['backup'], ['holdfast'], [round]) };
    }),
  );
}
