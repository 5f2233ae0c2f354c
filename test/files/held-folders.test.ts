import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { HeldFolders } from '../../files/held-folders.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-held-'));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const path = (text: string): ByteString => text as ByteString;

function held(folders: HeldFolders, below: string): string {
  return realpathSync(folders.open(path(below)).entry(path('')));
}

describe('held folders', () => {
  it('reach every folder, in whatever order, also deep ones, and the root', () => {
    const deep = Array.from({ length: 120 }, (_, level) => `d${level}`).join('/');
    for (const below of ['a/b/c', 'a/bc', 'd', deep]) mkdirSync(join(root, below), { recursive: true });
    using folders = new HeldFolders(path(root));
    for (const below of ['a/b/c', 'a/bc', 'a/b', '', 'd', deep, deep.slice(0, 20), deep, 'a', 'a/b/c']) {
      expect(held(folders, below)).toBe(realpathSync(join(root, below)));
    }
  });

  it('never follow a link below the root, and go on after a refusal', () => {
    mkdirSync(join(root, 'a/b'), { recursive: true });
    symlinkSync('/', join(root, 'a/link'));
    using folders = new HeldFolders(path(root));
    for (const below of ['a/link', 'a/link/tmp', 'a/../..', '..', 'a//b', '/tmp']) {
      expect(() => folders.open(path(below)), below).toThrow(/ENOTDIR|ELOOP|stay inside/);
      expect(held(folders, 'a/b')).toBe(realpathSync(join(root, 'a/b')));
    }
  });

  it('are all closed in the end', () => {
    const deep = Array.from({ length: 60 }, () => 'x').join('/');
    mkdirSync(join(root, deep), { recursive: true });
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 20; round++) {
      using folders = new HeldFolders(path(root));
      for (const below of ['x/x/x', deep, 'x/x', 'x/x/x/x']) folders.open(path(below));
    }
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});
