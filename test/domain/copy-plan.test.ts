import { expect, test } from 'vitest';
import { asCopy, planCopy } from '../../domain/copy-plan.ts';
import type { Snapshot } from '../../domain/snapshot.ts';

const id = (digit: string): string => digit.repeat(64);

const snapshot: Snapshot = {
  id: id('a'),
  time: '2026-11-23T02:00:00.5+01:00',
  tree: id('1'),
  parent: id('9'),
  paths: ['/srv/a', '/srv/b'],
  hostname: 'app-01',
  username: 'root',
  tags: ['x', 'y'],
  excludes: ['*.tmp'],
  program_version: 'restic 0.14.0',
  rest: { new_field: [1] },
};
const copied: Snapshot = { ...asCopy(snapshot), id: id('b') };

const isPresent = (source: Snapshot, ...destination: Snapshot[]): boolean =>
  planCopy([source], destination).present.length === 1;

test('a copy says all that its snapshot says, names it as original, and has no parent', () => {
  const { id: _, parent: __, ...rest } = snapshot;
  expect(asCopy(snapshot)).toEqual({ ...rest, original: snapshot.id });
  expect(asCopy(copied).original).toBe(snapshot.id);
  expect(asCopy({ ...snapshot, original: id('0') }).original).toBe(snapshot.id);
});

test('what was copied before is there: also a copy of the same original, and the snapshot itself', () => {
  expect(planCopy([snapshot], [copied]).present).toEqual([{ snapshot, copy: copied }]);
  expect(isPresent(copied, { ...copied, id: id('c') })).toBe(true);
  expect(isPresent(copied, snapshot)).toBe(true);
  expect(isPresent(snapshot, snapshot)).toBe(true);
  expect(isPresent(snapshot)).toBe(false);
});

test('the same moment, the same paths and tags in another order, and another program are the same snapshot', () => {
  const written = { time: '2026-11-23T01:00:00.500Z', paths: ['/srv/b', '/srv/a'], tags: ['y', 'x'], uid: 0 };
  expect(isPresent(snapshot, { ...copied, ...written, program_version: 'another' })).toBe(true);
});

test('what was changed since it was copied is another snapshot, and is missing', () => {
  const changes: Partial<Snapshot>[] = [
    { tree: id('2') },
    { time: '2026-11-23T02:00:00+01:00' },
    { hostname: 'b' },
    { username: 'b' },
    { uid: 1 },
    { gid: 1 },
    { paths: ['/srv/a'] },
    { paths: ['/srv/a', '/srv/c'] },
    { tags: ['x', 'z'] },
    { tags: [] },
    { excludes: [] },
    { original: id('d') },
  ];
  for (const change of changes)
    expect([change, isPresent(snapshot, { ...copied, ...change })]).toEqual([change, false]);
});
