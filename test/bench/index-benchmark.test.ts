/** The benchmark of the index, on few blobs. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgeIndex, type IndexReport } from '../../bench/index-report.ts';
import { blobIds, BLOBS_A_PACK, idAt, syntheticPack } from '../../bench/synthetic-blobs.ts';

const MAIN = path.join(import.meta.dirname, '..', '..', 'bench', 'main.ts');
const MiB = 1024 * 1024;

describe('synthetic blobs', () => {
  it('are the same each time, and all different', () => {
    const ids = (['indexed', 'absent', 'added'] as const).flatMap((set) =>
      [0, 1, 70_000].flatMap((pack) => {
        const bytes = blobIds(set, pack);
        return Array.from({ length: BLOBS_A_PACK }, (_, blob) => idAt(bytes, blob).toString('hex'));
      }),
    );
    expect(new Set(ids).size).toBe(9 * BLOBS_A_PACK);
    expect(syntheticPack(1).blobs.map(({ id }) => id)).toEqual(ids.slice(BLOBS_A_PACK, 2 * BLOBS_A_PACK));
    expect(syntheticPack(1).id).not.toBe(syntheticPack(2).id);
  });
});

describe('judgeIndex', () => {
  it('bounds the tables by blob, and the process in all', () => {
    const judged = judgeIndex(10_000_000, 641_000_000, 640 * MiB);
    expect(judged).toEqual([
      { figure: 'tables, bytes a blob', limit: 64, value: 64.1 },
      { figure: 'memory in all', limit: 640 * MiB, value: 640 * MiB },
    ]);
  });
});

describe('npm run bench -- index', () => {
  it('fills an index and looks it up from two threads, each new blob being one thread’s', () => {
    // Exits with 1 by itself when a count is wrong; of so few blobs the share of a table of least size may exceed the target.
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [MAIN, 'index', '--blobs', '2000', '--threads', '2', '--json'],
      {
        encoding: 'utf8',
        env: { ...process.env, NODE_OPTIONS: '' },
      },
    );
    expect(stderr).toBe('');
    const report = JSON.parse(stdout) as IndexReport;
    expect(report).toMatchObject({ blobs: 2000, packs: 50, threads: 2 });
    expect(report.rates.map(({ blobs }) => blobs)).toEqual([2000, 2000, 2000, 4000, 4000]);
    expect(report.rates.every(({ seconds }) => seconds > 0)).toBe(true);
  });
});
