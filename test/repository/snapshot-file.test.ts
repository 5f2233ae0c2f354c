import { describe, expect, it } from 'vitest';
import { decodeSnapshot, encodeSnapshot } from '../../repository/snapshot-file.ts';
import { saveSnapshotOf, withRepository } from './repository-fixture.ts';

const TREE = 'ab'.repeat(32);

/** As restic 0.18 writes it, with a field of the future. */
const DOCUMENT =
  `{"time":"2026-11-23T02:00:00.123456789+01:00","parent":"${'cd'.repeat(32)}","tree":"${TREE}",` +
  `"paths":["/srv/a\\u0026b"],"hostname":"app-01","username":"root","gid":7,"excludes":["*.tmp"],"tags":["shop"],` +
  `"original":"${'ef'.repeat(32)}","program_version":"restic 0.18.0",` +
  `"summary":{"backup_start":"2026-11-23T02:00:00Z","files_new":3},"colour":{"deep":[1,2]}}`;

describe('a snapshot document', () => {
  it('is written as it was read, fields of the future included', () => {
    const { id, ...snapshot } = decodeSnapshot(Buffer.from(DOCUMENT), 'f'.repeat(64));
    expect(id).toBe('f'.repeat(64));
    expect(snapshot.paths).toEqual(['/srv/a&b']);
    expect(snapshot.rest).toEqual({ colour: { deep: [1, 2] } });
    expect(encodeSnapshot(snapshot).toString()).toBe(DOCUMENT);
  });

  it('leaves out what restic leaves out', () => {
    const snapshot = {
      time: '2026-11-23T02:00:00Z',
      tree: TREE,
      paths: [],
      hostname: '',
      username: 'u',
      uid: 0,
      tags: [],
    };
    expect(encodeSnapshot(snapshot).toString()).toBe(
      `{"time":"2026-11-23T02:00:00Z","tree":"${TREE}","paths":[],"username":"u"}`,
    );
  });

  it.each([
    ['not JSON', '{'],
    ['without tree', '{"time":"2026-11-23T02:00:00Z","paths":[]}'],
    ['without time', `{"tree":"${TREE}"}`],
    ['with a time that is none', `{"time":"yesterday","tree":"${TREE}"}`],
  ])('%s is refused by its id', (_, text) => {
    expect(() => decodeSnapshot(Buffer.from(text), 'abcd')).toThrow(/abcd/);
  });
});

describe('the list of snapshots', () => {
  it('is ordered by the moment, whatever the zone', () =>
    withRepository(async (repository) => {
      const late = await saveSnapshotOf(repository, { a: ['1'] }, '2026-11-23T01:30:00-02:00');
      const early = await saveSnapshotOf(repository, { a: ['2'] }, '2026-11-23T04:00:00+02:00');
      const middle = await saveSnapshotOf(repository, { a: ['3'] }, '2026-11-23T02:00:00.000000001Z');
      const ids = (await repository.listSnapshots()).map(({ id }) => id);
      expect(ids).toEqual([early.id, middle.id, late.id]);
      await repository.removeSnapshot(middle.id);
      expect(await repository.listSnapshots()).toHaveLength(2);
    }));

  it('hands a damaged file to the caller, or fails by its name', () =>
    withRepository(async (repository) => {
      await saveSnapshotOf(repository, { a: ['1'] });
      const damaged = 'a'.repeat(64);
      await repository.storage.write(`snapshots/${damaged}`, Buffer.alloc(100));
      await repository.storage.write('snapshots/README', Buffer.from('not a snapshot'));
      await expect(repository.listSnapshots()).rejects.toThrow(damaged);
      const seen: string[] = [];
      expect(await repository.listSnapshots({ onError: (id) => seen.push(id) })).toHaveLength(1);
      expect(seen).toEqual([damaged]);
    }));
});
