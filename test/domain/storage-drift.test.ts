import { expect, test } from 'vitest';
import type { Snapshot } from '../../domain/snapshot.ts';
import { findStorageDrift, type InspectedRepository } from '../../domain/storage-drift.ts';
import { isRepositoryObject } from '../../repository/object-names.ts';

const KNOWN = new Set(['orders', 'shop']);

function snapshot(tags: string[], hostname = 'app-01'): Snapshot {
  return {
    id: 'f'.repeat(64),
    time: '2026-11-23T00:00:00Z',
    tree: '0'.repeat(64),
    paths: ['/srv'],
    hostname,
    username: 'root',
    tags,
  };
}

const found = (changes: Partial<InspectedRepository>): string[] => {
  const repository = { settings: { name: 'main' }, snapshots: [], unknown: { first: [], count: 0 }, ...changes };
  return findStorageDrift([repository], KNOWN).map(({ severity, code, message }) => `${severity} ${code}: ${message}`);
};

const CASES: [title: string, changes: Partial<InspectedRepository>, expected: string[]][] = [
  ['nothing but our own', { snapshots: [snapshot(['holdfast', 'policy=orders']), snapshot(['policy=shop'])] }, []],
  [
    'snapshots without a policy, of two hosts',
    { snapshots: [snapshot([]), snapshot(['nightly'], 'db-01'), snapshot(['policy=orders'])] },
    [
      'warning drift/foreign-snapshots: 2 snapshots in the repository main are of no policy (of app-01, db-01): no retention and no restore test sees them',
    ],
  ],
  [
    'snapshots of policies that are elsewhere or gone',
    { snapshots: [snapshot(['holdfast', 'policy=old'])] },
    ['notice drift/snapshots-of-others: 1 snapshot in the repository main is of policies that are not here: old'],
  ],
  [
    'a repository that is missing, and what lies there instead',
    {
      error: { code: 'NoRepository', message: 'there is no repository at local:/vault' },
      unknown: { first: ['a', 'b', 'c', 'd', 'e'], count: 7 },
    },
    [
      'critical drift/repository-missing: the repository main is missing: there is no repository at local:/vault',
      'warning drift/unknown-objects: 7 objects where the repository main should be belong to no repository: a, b, c, d, e and 2 more',
    ],
  ],
  [
    'a storage that cannot be reached',
    { error: { code: 'StorageUnreachable', message: 'vault.example does not answer' } },
    ['warning drift/not-examined: the repository main could not be examined: vault.example does not answer'],
  ],
  [
    'the disk of another host',
    { elsewhere: 'nas-01' },
    ['notice drift/not-examined: the repository main is on the disk of nas-01, and was not looked at from here'],
  ],
  [
    'an object beside a whole repository',
    { unknown: { first: ['notes.txt'], count: 1 } },
    ['warning drift/unknown-objects: 1 object in the place of the repository main belongs to no repository: notes.txt'],
  ],
];
for (const [title, changes, expected] of CASES) test(title, () => expect(found(changes)).toEqual(expected));

test('what belongs to a repository is told by its name', () => {
  const id = '0123456789abcdef'.repeat(4);
  const own = [
    'config',
    ...['keys', 'locks', 'snapshots', 'index', 'data', 'data/01'].map((folder) => `${folder}/${id}`),
  ];
  expect(own.filter((name) => !isRepositoryObject(name))).toEqual([]);
  const others = ['config.bak', `old/${id}`, `keys/${id}.tmp`, `data/zz/${id}`, `data/01/x/${id}`, 'data/README', id];
  expect(others.filter(isRepositoryObject)).toEqual([]);
});
