import { expect, test } from 'vitest';
import { asAdopted, fitsAdopter, isUnowned, planAdoption, sourcesOf } from '../../domain/adoption.ts';
import type { Snapshot } from '../../domain/snapshot.ts';

function snapshot(id: string, changes: Partial<Snapshot> = {}): Snapshot {
  return {
    id,
    time: '2026-11-20T02:00:00Z',
    tree: 'a'.repeat(64),
    paths: ['/srv/orders'],
    hostname: 'app-01',
    username: 'root',
    ...changes,
  };
}

const stepsOf = (chosen: Snapshot[], all = chosen) => planAdoption(chosen, all, 'orders').map(({ step }) => step);

test('a snapshot keeps all but its tags, and names the first of its line', () => {
  const old = snapshot('old', { tags: ['nightly'], summary: undefined as never, rest: { future: 1 } });
  const { id: _, ...document } = old;
  expect(asAdopted(old, 'orders')).toEqual({
    ...document,
    tags: ['nightly', 'holdfast', 'policy=orders'],
    original: 'old',
  });
  expect(asAdopted(snapshot('copy', { original: 'first' }), 'orders').original).toBe('first');
  expect(asAdopted(snapshot('odd', { original: '0'.repeat(64) }), 'orders').original).toBe('odd');
});

test('what the policy has, and what another one has, stays; half a mark is made a whole one', () => {
  expect(stepsOf([snapshot('a', { tags: ['holdfast', 'policy=orders'] })])).toEqual(['own']);
  expect(planAdoption([snapshot('a', { tags: ['policy=shop', 'x'] })], [], 'orders')).toMatchObject([
    { step: 'other', policy: 'shop' },
  ]);
  expect(stepsOf([snapshot('a', { tags: ['policy=orders'] })])).toEqual(['adopt']);
  expect(stepsOf([snapshot('a', { tags: ['holdfast'] })])).toEqual(['adopt']);
});

test('what an interruption left twice is finished, never made a third time', () => {
  const old = snapshot('old', { tags: ['nightly'] });
  const made: Snapshot = { ...asAdopted(old, 'orders'), id: 'new' };
  expect(planAdoption([old], [old, made], 'orders')).toEqual([{ snapshot: old, step: 'finish', successor: made }]);
  // Another snapshot of the same line, with other tags or another tree, is none of its.
  expect(stepsOf([old], [old, { ...made, tags: ['holdfast', 'policy=orders'] }])).toEqual(['adopt']);
  expect(stepsOf([old], [old, { ...made, tree: 'b'.repeat(64) }])).toEqual(['adopt']);
});

test('nobody asked for: only the policy’s folders, all of them and no others, and its host if it has one', () => {
  const policy = { name: 'orders', source: { directories: ['/srv/orders', '/etc/orders'] } };
  const both = snapshot('a', { paths: ['/etc/orders', '/srv/orders'] });
  expect(fitsAdopter(both, policy)).toBe(true);
  expect(fitsAdopter(snapshot('b'), policy)).toBe(false);
  expect(fitsAdopter(both, { ...policy, source: { ...policy.source, host: 'app-02' } })).toBe(false);
  expect(fitsAdopter(both, { name: 'orders' })).toBe(false);
  expect([isUnowned(both), isUnowned(snapshot('c', { tags: ['policy=x'] }))]).toEqual([true, false]);
});

test('sources are told apart by host and folders', () => {
  const groups = sourcesOf([snapshot('a'), snapshot('b', { hostname: 'nas' }), snapshot('c')]);
  expect(groups.map(({ host, snapshots }) => [host, snapshots.length])).toEqual([
    ['app-01', 2],
    ['nas', 1],
  ]);
});
