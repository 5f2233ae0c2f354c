/** The benchmark's ratios, and the rounds they are made of. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { appendRound, digestSetting, readRounds, type RoundRecord, type Setting } from '../../bench/round-records.ts';
import { summarizeRounds } from '../../bench/summarize-rounds.ts';

const SETTING: Setting = {
  corpus: 'big',
  scale: 1,
  operations: ['backup'],
  programs: [{ name: 'holdfast', version: '0.1.0' }],
  scrypt: { N: 32_768, r: 8, p: 1 },
  node: 'v24.0.0',
};

describe('summarizeRounds', () => {
  it('takes the ratio within each round, then the median', () => {
    // The second round was disturbed, for both alike: the ratio of the medians would be 3 / 4.
    const rounds = [round(1, 2, 4), round(2, 20, 40), round(3, 3, 3)];
    const [own, peer] = summarizeRounds('big', ['backup'], ['holdfast', 'restic'], rounds);
    expect(own?.medians).toEqual({ wallSeconds: 3 });
    expect(own?.highest).toEqual({ wallSeconds: 20 });
    expect(own?.ratios).toEqual({});
    expect(peer?.medians).toEqual({ wallSeconds: 4 });
    expect(peer?.ratios).toEqual({ wallSeconds: { median: 0.5, lowest: 0.5, highest: 1 } });
  });

  it('leaves out what was not measured', () => {
    const [row] = summarizeRounds('big', ['check'], ['holdfast'], [round(1, 2, 4)]);
    expect(row).toMatchObject({ rounds: 1, medians: {}, ratios: {} });
  });
});

describe('the finished rounds', () => {
  it('are found again by their setting, without a line that is not whole', () => {
    const work = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-test-'));
    try {
      expect(readRounds(work, 'a')).toEqual([]);
      appendRound(work, round(2, 1, 1));
      appendRound(work, round(1, 1, 1));
      appendRound(work, { ...round(3, 1, 1), setting: 'b' });
      appendFileSync(path.join(work, 'rounds.jsonl'), '{"setting":"a","rou');
      expect(readRounds(work, 'a').map((record) => record.round)).toEqual([1, 2]);
      appendRound(work, round(4, 1, 1));
      expect(readRounds(work, 'a').map((record) => record.round)).toEqual([1, 2, 4]);
    } finally {
      rmSync(work, { recursive: true });
    }
  });

  it('are others when a program, a size or a cost is another', () => {
    const others: Setting[] = [
      { ...SETTING, programs: [{ name: 'holdfast', version: '0.1.1' }] },
      { ...SETTING, scale: 0.1 },
      { ...SETTING, scrypt: { N: 32_768, r: 8, p: 2 } },
      { ...SETTING, operations: ['backup', 'again'] },
    ];
    expect(new Set([SETTING, ...others].map(digestSetting)).size).toBe(5);
    expect(digestSetting({ ...SETTING })).toBe(digestSetting(SETTING));
  });
});

function round(number: number, holdfast: number, restic: number): RoundRecord {
  return {
    setting: 'a',
    corpus: 'big',
    round: number,
    finished: '2026-11-23T00:00:00Z',
    loadAverage: 0,
    measurements: [
      { program: 'holdfast', operation: 'backup', wallSeconds: holdfast },
      { program: 'restic', operation: 'backup', wallSeconds: restic },
    ],
  };
}
