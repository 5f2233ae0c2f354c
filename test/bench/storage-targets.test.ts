/** What the benchmark of remote locations calls reached, and what missed. */
import { describe, expect, it } from 'vitest';
import { isTransferMissed, judgeTransfers } from '../../bench/storage-targets.ts';
import { summarizeRounds } from '../../bench/summarize-rounds.ts';

const MiB = 1024 * 1024;

function judge(server: string, transfer: string, seconds: Record<string, number>, peakBytes = 100 * MiB) {
  const measurements = Object.entries(seconds).map(([program, wallSeconds]) => ({
    program,
    operation: transfer,
    wallSeconds,
    peakBytes,
  }));
  const rows = summarizeRounds(server, [transfer], Object.keys(seconds), [{ measurements }]);
  return judgeTransfers(rows).map((verdict) => ({
    figure: `${verdict.figure} ${verdict.level} ${verdict.against ?? ''}`.trim(),
    value: verdict.value,
    missed: isTransferMissed(verdict),
  }));
}

describe('the targets of transfers', () => {
  it('compares a large file with the fastest peer', () => {
    expect(judge('sftp', 'put', { holdfast: 5, sftp: 4.5, rclone: 10 })).toEqual([
      { figure: 'speed must sftp', value: expect.closeTo(0.9), missed: false },
      { figure: 'speed aim sftp', value: expect.closeTo(0.9), missed: true },
      { figure: 'peak must', value: 100 * MiB, missed: false },
    ]);
  });

  it('asks of small files three times the speed of rclone as it comes, and one and a half times that of its best', () => {
    const verdicts = judge('s3', 'files', { holdfast: 1, rclone: 3.1, 'rclone-best': 1.4 }, 251 * MiB);
    expect(verdicts.map(({ figure, missed }) => [figure, missed])).toEqual([
      ['speed must rclone', false],
      ['speed must rclone-best', true],
      ['peak must', true],
    ]);
  });

  it('compares a backup with each restic', () => {
    const verdicts = judge('sftp', 'backup', { holdfast: 8, restic: 10, 'restic-0.19': 9 });
    expect(verdicts.map(({ figure, missed }) => [figure, missed])).toEqual([
      ['wall must restic', false],
      ['wall must restic-0.19', true],
      ['peak must', false],
    ]);
  });
});
