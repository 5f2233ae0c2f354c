import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../common/errors.ts';
import { IndexKeeper } from '../../repository/index-keeper.ts';
import { reopen, withRepository } from './repository-fixture.ts';

/** Machines that test are busy. */
const PATIENT = { timeout: 20_000 };

describe('the keeper of the index', () => {
  it('writes, while the work goes on, an index that another process finds', () =>
    withRepository(async (repository, folder) => {
      const keeper = new IndexKeeper(repository, 10);
      const { id } = await repository.saveBlob('data', randomBytes(1000));
      await repository.flush();
      await expect.poll(async () => (await reopen(folder)).hasBlob('data', id), PATIENT).toBe(true);
      await keeper.finish(undefined);
    }));

  it('survives a storage that was away for a moment: the last index names everything', () =>
    withRepository(async (repository, folder) => {
      const save = repository.saveUnpacked.bind(repository);
      let refused = 0;
      repository.saveUnpacked = () => {
        refused++;
        throw new StorageError('away');
      };
      const keeper = new IndexKeeper(repository, 10);
      const { id } = await repository.saveBlob('data', randomBytes(1000));
      await repository.flush();
      await expect.poll(() => refused, PATIENT).toBeGreaterThan(0);
      repository.saveUnpacked = save;
      await keeper.finish(undefined);
      expect((await reopen(folder)).hasBlob('data', id)).toBe(true);
    }));

  it('fails at the end when the storage stays away', () =>
    withRepository(async (repository) => {
      const keeper = new IndexKeeper(repository, 60_000);
      await repository.saveBlob('data', randomBytes(1000));
      await repository.flush();
      repository.saveUnpacked = () => {
        throw new StorageError('away');
      };
      await expect(keeper.finish(undefined)).rejects.toMatchObject({ code: 'StorageUnreachable' });
    }));
});
