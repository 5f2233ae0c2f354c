/** The benchmark of syncs: what it says of the figures, and that it measures a whole sync. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderText } from '../../bench/report-document.ts';
import type { RoundRecord } from '../../bench/round-records.ts';
import { summarizeRounds } from '../../bench/summarize-rounds.ts';
import { findOrRunSyncRound } from '../../bench/sync-round.ts';
import { documentSyncs, judgeSyncs } from '../../bench/sync-report.ts';
import { HOLDFAST } from '../../bench/programs.ts';
import { isMissed } from '../../bench/targets.ts';

const MiB = 1024 * 1024;

describe('judgeSyncs', () => {
  it('compares the tree with rclone and its best flags, and the highest memory with its bound', () => {
    const verdicts = judgeSyncs(rowsOf({ holdfast: [2, 200], rclone: [5, 100], 'rclone-tuned': [3, 100] }));
    expect(verdicts).toEqual([
      { level: 'must', corpus: 'tree', operation: 'sync', against: 'rclone', limit: 0.5, value: 0.4 },
      { level: 'aim', corpus: 'tree', operation: 'sync', against: 'rclone-tuned', limit: 0.5, value: 2 / 3 },
      { level: 'must', corpus: 'tree', operation: 'sync', against: undefined, limit: 250 * MiB, value: 200 * MiB },
    ]);
    expect(verdicts.map(isMissed)).toEqual([false, true, false]);
  });

  it('says in the report what was missed', () => {
    const rows = rowsOf({ holdfast: [3, 260], rclone: [5, 100] });
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
    const report = { machine, programs: [], hasGnuTime: true, rows, verdicts: judgeSyncs(rows), rounds: [] };
    const text = renderText(documentSyncs(report));
    expect(text).toMatch(/^tree sync +wall time +must +≤ 0\.50 × rclone +0\.60 +MISSED$/m);
    expect(text).toMatch(/^tree sync +wall time +aim +≤ 0\.50 × rclone-tuned +- +not measured$/m);
    expect(text).toMatch(/^tree sync +peak memory, highest +must +≤ 250 MiB +260 MiB +MISSED$/m);
  });
});

describe('a round', () => {
  it('refuses a program that leaves something out', () => {
    const work = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-test-'));
    try {
      const source = path.join(work, 'source');
      mkdirSync(source);
      writeFileSync(path.join(source, 'a'), 'a');
      writeFileSync(path.join(source, 'b'), 'b');
      const program = (script: string) => ({
        name: HOLDFAST,
        version: script,
        told: '',
        command: (from: string, to: string) => ({ file: 'sh', args: ['-c', script, 'sh', from, to] }),
      });
      const task = (script: string) => ({
        work,
        corpus: 'pair',
        source,
        programs: [program(script)],
        oneCopy: false,
        gnuTime: undefined,
        say: () => {},
      });
      const whole = findOrRunSyncRound(
        task('mkdir -p "$2" && cp -r "$1/." "$2" && echo mark > "$2/.holdfast-sync.json"'),
        1,
        1,
      );
      expect(whole.measurements.map(({ operation }) => operation)).toEqual(['sync', 'again']);
      expect(() => findOrRunSyncRound(task('mkdir -p "$2" && cp "$1/a" "$2"'), 1, 1)).toThrow(
        'copied 1 files of 1 bytes instead of 2 of 2',
      );
    } finally {
      rmSync(work, { recursive: true });
    }
  });
});

/** Seconds and MiB of each program's sync. */
function rowsOf(figures: Record<string, [seconds: number, mebibytes: number]>): ReturnType<typeof summarizeRounds> {
  const round: RoundRecord = {
    setting: 'a',
    corpus: 'tree',
    round: 1,
    finished: '2026-11-25T00:00:00Z',
    loadAverage: 0,
    measurements: Object.entries(figures).map(([program, [wallSeconds, mebibytes]]) => ({
      program,
      operation: 'sync',
      wallSeconds,
      peakBytes: mebibytes * MiB,
    })),
  };
  return summarizeRounds('tree', ['sync'], Object.keys(figures), [round]);
}
