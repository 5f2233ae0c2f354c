/** What the engine's benchmark says was reached, and how it says it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { documentEngine, type EngineReport } from '../../bench/engine-report.ts';
import { fileSystemOf } from '../../bench/machine.ts';
import { parseSave, renderMarkdown, renderText, saveReport } from '../../bench/report-document.ts';
import type { Measurement, RoundRecord } from '../../bench/round-records.ts';
import { summarizeRounds } from '../../bench/summarize-rounds.ts';
import { isMissed, judgeRows, type Verdict } from '../../bench/targets.ts';
import type { CorpusName, Operation } from '../../bench/workload.ts';

const MiB = 1024 * 1024;
const PROGRAMS = [
  { name: 'holdfast', kind: 'holdfast', version: 'holdfast 0.1.0' },
  { name: 'restic', kind: 'restic', version: 'restic 0.14.0 compiled with go1.19.8 on linux/amd64' },
  { name: 'restic-new', kind: 'restic', version: 'restic 0.19.1' },
  { name: 'holdfast-old', kind: 'holdfast', version: 'holdfast 0.0.9' },
] as const;

describe('judgeRows', () => {
  it('compares with restic 0.14, and with the peer that is fastest', () => {
    // 7 s are 0.7 of restic 0.14's 10 s, and more than half of the newer one's 8 s. Another holdfast is no peer.
    const verdicts = judge('tree', 'backup', { holdfast: 7, restic: 10, 'restic-new': 8, 'holdfast-old': 1 });
    expect(verdicts.filter(({ figure }) => figure === 'wall')).toEqual([
      wall({ level: 'must', against: 'restic', limit: 0.7, value: 0.7 }),
      wall({ level: 'aim', against: 'restic-new', limit: 0.5, value: 0.875 }),
    ]);
    expect(verdicts.filter(isMissed).map(({ level, figure }) => [level, figure])).toEqual([['aim', 'wall']]);
  });

  it('takes the highest peak of all rounds, and the stored size', () => {
    const rounds = [100, 360, 100].map((peak, index) =>
      round('big', index + 1, [
        { ...measured('holdfast', 'backup', 1), peakBytes: peak * MiB, storedBytes: 104 },
        { ...measured('restic', 'backup', 2), peakBytes: 50 * MiB, storedBytes: 100 },
      ]),
    );
    const rows = summarizeRounds('big', ['backup'], ['holdfast', 'restic'], rounds);
    const missed = judgeRows(rows, [...PROGRAMS]).filter(isMissed);
    expect(missed.map(({ level, figure, value }) => [level, figure, value])).toEqual([
      ['must', 'peak', 360 * MiB],
      ['aim', 'peak', 360 * MiB],
      ['must', 'stored', 1.04],
    ]);
  });

  it('calls nothing reached or missed that was not measured', () => {
    const verdicts = judge('tree', 'restore', { holdfast: 7 });
    expect(verdicts.map(({ value }) => value)).toEqual([undefined, undefined, undefined, undefined]);
    expect(verdicts.some(isMissed)).toBe(false);
  });
});

describe('the report', () => {
  it('says for each target whether it was reached', () => {
    const lines = renderText(documentEngine(report())).split('\n');
    expect(lines.find((line) => /^tree backup .* must /.test(line))).toMatch(/≤ 0\.70 × restic 0\.14 +0\.60 +reached$/);
    expect(lines.find((line) => /^tree backup .* aim /.test(line))).toMatch(/× the best peer, restic +0\.60 +MISSED$/);
    expect(lines.at(-2)).toBe('Reached: 1 of 1 measured that must be, 0 of 1 measured that are aimed at.');
  });

  it('is saved as Markdown and as JSON, also into a folder that is not there yet', () => {
    const work = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-test-'));
    try {
      const name = parseSave(path.join(work, 'results', 'engine.md'))!;
      saveReport(name, documentEngine(report()), report());
      expect(readFileSync(`${name}.md`, 'utf8')).toBe(renderMarkdown(documentEngine(report())));
      expect(JSON.parse(readFileSync(`${name}.json`, 'utf8'))).toMatchObject({ scale: 1, rounds: [{ round: 1 }] });
      expect(path.basename(name)).toBe('engine');
    } finally {
      rmSync(work, { recursive: true });
    }
  });

  it('is a table in Markdown, with the machine', () => {
    const text = renderMarkdown(documentEngine(report()));
    expect(text).toContain('| tree backup | restic | 10.00 |');
    expect(text).toContain('- 2 × Fast, 8.0 GiB, Debian, Linux 6.1, ext4, Node v24.0.0; scale 1, page cache warm\n');
    expect(text).toContain('finished 2026-11-23.');
  });
});

describe('fileSystemOf', () => {
  it('is that of the nearest mount above the folder', () => {
    const mounts = '/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmp/disk xfs rw 0 0\n';
    expect(fileSystemOf('/tmp/disk/bench', mounts)).toBe('xfs');
    expect(fileSystemOf('/tmp/disk', mounts)).toBe('xfs');
    expect(fileSystemOf('/tmp/disks', mounts)).toBe('tmpfs');
    expect(fileSystemOf('/srv', mounts)).toBe('ext4');
  });
});

function judge(corpus: CorpusName, operation: Operation, seconds: Record<string, number>): Verdict[] {
  const measurements = Object.entries(seconds).map(([program, wallSeconds]) =>
    measured(program, operation, wallSeconds),
  );
  const rows = summarizeRounds(corpus, [operation], Object.keys(seconds), [round(corpus, 1, measurements)]);
  return judgeRows(rows, [...PROGRAMS]);
}

function wall(verdict: Pick<Verdict, 'level' | 'against' | 'limit' | 'value'>): Verdict {
  return { corpus: 'tree', operation: 'backup', figure: 'wall', ...verdict };
}

function measured(program: string, operation: Operation, wallSeconds: number): Measurement {
  return { program, operation, wallSeconds };
}

function round(corpus: CorpusName, number: number, measurements: Measurement[]): RoundRecord {
  return { setting: 'a', corpus, round: number, finished: '2026-11-23T04:05:06Z', loadAverage: 0, measurements };
}

function report(): EngineReport {
  const rounds = [round('tree', 1, [measured('holdfast', 'backup', 6), measured('restic', 'backup', 10)])];
  const rows = summarizeRounds('tree', ['backup'], ['holdfast', 'restic'], rounds);
  return {
    finished: '2026-11-23T04:05:06Z',
    machine: {
      processor: 'Fast',
      processors: 2,
      memoryBytes: 8192 * MiB,
      touchedBytes: 0,
      system: 'Debian',
      kernel: '6.1',
      fileSystem: 'ext4',
      node: 'v24.0.0',
    },
    programs: [],
    scale: 1,
    hasGnuTime: false,
    rows,
    verdicts: judgeRows(rows, [...PROGRAMS]),
    rounds,
  };
}
