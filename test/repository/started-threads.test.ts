import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkRepository } from '../../repository/check-repository.ts';
import { StartedThreads } from '../../repository/started-threads.ts';
import { saveSnapshotOf, withRepository } from './repository-fixture.ts';

const EVERYTHING = { readData: { kind: 'all' } } as const;

describe('threads that were started ahead', () => {
  it('do the work of the repository that takes them', () =>
    withRepository(async (repository) => {
      await saveSnapshotOf(repository, { 'a.bin': [randomBytes(5000)] });
      const started = new StartedThreads('check');
      try {
        const { figures, problems } = await checkRepository(repository, { ...EVERYTHING, started });
        expect([figures.packsRead, problems]).toEqual([figures.packs, []]);
        // None is left: others are started.
        const again = await checkRepository(repository, { ...EVERYTHING, started });
        expect(again.figures).toEqual(figures);
      } finally {
        await started.close();
      }
    }));

  it('end when nobody takes them', async () => {
    // It waits for each to have ended.
    await new StartedThreads('check').close();
  });
});
