import { expect, test } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import type { SyncEntry } from '../../domain/sync-plan.ts';
import { createRenameFinder, type RenameFinder } from '../../domain/sync-renames.ts';

const entry = (path: string, changes: Partial<SyncEntry> = {}): SyncEntry => ({
  path: path as ByteString,
  type: 'file',
  mode: 0o644,
  sizeBytes: 7,
  mtimeNs: 5n,
  uid: 0,
  gid: 0,
  ...changes,
});

function add(finder: RenameFinder, path: string, changes?: Partial<SyncEntry>): void {
  finder.see({ step: 'copy', path: path as ByteString, reason: 'new', source: entry(path, changes) });
}

function remove(finder: RenameFinder, path: string, changes?: Partial<SyncEntry>): void {
  finder.see({ step: 'remove', path: path as ByteString, reason: 'gone', target: entry(path, changes) });
}

const found = (finder: RenameFinder) => [...finder.candidates()].map(([path, { from }]) => `${from} → ${path}`);

test('a new file and a removal of one size and time are one file, whichever comes first in the walk', () => {
  const finder = createRenameFinder();
  add(finder, 'a');
  remove(finder, 'b');
  remove(finder, 'c', { sizeBytes: 8 });
  add(finder, 'd', { sizeBytes: 8 });
  expect(found(finder)).toEqual(['b → a', 'c → d']);
});

test('another size or time, folders, links and empty files are no renames', () => {
  const finder = createRenameFinder();
  add(finder, 'a', { sizeBytes: 8 });
  add(finder, 'b', { mtimeNs: 6n });
  add(finder, 'c', { type: 'symlink' });
  add(finder, 'd', { sizeBytes: 0 });
  remove(finder, 'e');
  remove(finder, 'f', { type: 'symlink' });
  remove(finder, 'g', { type: 'dir' });
  remove(finder, 'h', { sizeBytes: 0 });
  finder.see({ step: 'replace', path: 'i' as ByteString, reason: 'size', source: entry('i'), target: entry('i') });
  expect(found(finder)).toEqual([]);
});

test('of several the one of the same last name is taken, and none twice', () => {
  const finder = createRenameFinder();
  for (const path of ['new/1', 'new/2', 'new/3', 'new/4']) add(finder, path);
  for (const path of ['old/3', 'old/2', 'old/0']) remove(finder, path);
  expect(found(finder).toSorted()).toEqual(['old/0 → new/1', 'old/2 → new/2', 'old/3 → new/3']);
});

test('no more are remembered than the limit says, nor many that are alike', () => {
  const finder = createRenameFinder(3);
  for (let index = 0; index < 5; index++) {
    add(finder, `new/${index}`, { sizeBytes: index + 1 });
    remove(finder, `old/${index}`, { sizeBytes: index + 1 });
  }
  expect(finder.candidates().size).toBe(3);
  const alike = createRenameFinder();
  for (let index = 0; index < 10_000; index++) {
    add(alike, `new/${index}`);
    remove(alike, `old/${index}`);
  }
  expect(alike.candidates().size).toBe(16);
});
