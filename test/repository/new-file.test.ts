import { closeSync, constants, fstatSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { loadNativeFolderCalls } from '../../files/native-folder.ts';
import { NewFiles } from '../../files/new-files.ts';
import { wantedOf } from '../../repository/new-file.ts';
import type { RestoredNode } from '../../repository/restore-messages.ts';

let root: string;
let folder: number;
let count = 0;
const calls = loadNativeFolderCalls();

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-new-'));
  folder = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
});

afterEach(() => {
  closeSync(folder);
  rmSync(root, { recursive: true, force: true });
});

const TIME = '2026-11-23T02:10:00Z';
const creator = { uid: process.geteuid!(), gid: process.getegid!() };

function node(change: Partial<RestoredNode>): RestoredNode {
  return { type: 'file', mtime: TIME, atime: TIME, content: [], ...creator, ...change };
}

/** The mode that the file has, and that it is said to have. */
function modesOf(files: NewFiles, change: Partial<RestoredNode>): { actual: number; told: number } {
  const { descriptor, made } = files.open(`file${count++}` as ByteString, wantedOf(node(change), true));
  const actual = fstatSync(descriptor).mode & 0o7777;
  calls.close(descriptor);
  return { actual, told: made.mode ?? -1 };
}

describe('a new file of a restore', () => {
  it('has its final mode at once when it stays with who restores, as far as the umask lets it, and this is known', () => {
    const files = new NewFiles(calls, folder, creator);
    for (const mode of [0o600, 0o644, 0o444, 0o755, 0o666, 0o777, 0o666, 0o644]) {
      const { actual, told } = modesOf(files, { mode });
      expect(told).toBe(actual);
      expect(actual & ~mode).toBe(0);
    }
    expect(modesOf(files, { mode: 0o640 }).actual & 0o600).toBe(0o600);
    expect(modesOf(files, { mode: 0o444 }).actual & 0o200).toBe(0);
  });

  it('is shown to nobody else while its owner, its access list or a special bit is still to come', () => {
    const files = new NewFiles(calls, folder, creator);
    const attribute = { name: 'system.posix_acl_access', value: '' };
    const setuid = 2 ** 23;
    for (const change of [
      { mode: 0o666, uid: creator.uid + 1 },
      { mode: 0o666, gid: creator.gid + 1 },
      { mode: 0o666, extended_attributes: [attribute] },
      { mode: 0o755 + setuid },
    ]) {
      expect(modesOf(files, change).actual & 0o077).toBe(0);
    }
  });

  it('is never one that is there already', () => {
    const files = new NewFiles(calls, folder, creator);
    const name = 'once' as ByteString;
    calls.close(files.open(name, wantedOf(node({ mode: 0o644 }), false)).descriptor);
    expect(() => files.open(name, wantedOf(node({ mode: 0o644 }), false))).toThrow('EEXIST');
    expect(statSync(join(root, name)).isFile()).toBe(true);
  });
});
