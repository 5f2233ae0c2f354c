import { mkdir, mkdtemp, readdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOnLocalFileSystem } from '../../files/local-file-systems.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { describeStorageContract } from './contract.ts';

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-local-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describeStorageContract('the local storage', (body) =>
  withFolder((folder) => {
    const root = join(folder, 'store');
    return body({ storage: openLocalStorage(root), reopen: () => openLocalStorage(root) });
  }),
);

describe('the local storage', () => {
  it('creates nothing before the first write', () =>
    withFolder(async (folder) => {
      const storage = openLocalStorage(join(folder, 'store'));
      await storage.stat('config');
      for await (const entry of storage.list('')) expect.unreachable(entry.name);
      await storage.close();
      expect(await readdir(folder)).toEqual([]);
    }));

  it('keeps folders and files to the owner, and files read-only', () =>
    withFolder(async (folder) => {
      const storage = openLocalStorage(join(folder, 'store'));
      await storage.write('data/ab/object', Buffer.from('x'));
      const modeOf = async (path: string) => (await stat(join(folder, 'store', path))).mode & 0o777;
      expect(await modeOf('')).toBe(0o700);
      expect(await modeOf('data/ab')).toBe(0o700);
      expect(await modeOf('data/ab/object')).toBe(0o400);
    }));

  it.runIf(process.platform === 'linux')('lists at once on a disk of this machine, and promises it nowhere else', () =>
    withFolder(async (folder) => {
      expect(openLocalStorage(folder).capabilities.listsAtOnce).toBe(isOnLocalFileSystem(folder) ? true : undefined);
      expect(openLocalStorage('/dev/shm').capabilities.listsAtOnce).toBe(true);
      // Of the kernel, as a network's file system is of a server.
      expect(openLocalStorage('/proc').capabilities.listsAtOnce).toBeUndefined();
      expect(openLocalStorage(join(folder, 'absent')).capabilities.listsAtOnce).toBeUndefined();
    }),
  );

  it('never lists unfinished files, and removes those that a killed process left a day ago', () =>
    withFolder(async (folder) => {
      const temporary = join(folder, '.holdfast-tmp');
      await mkdir(temporary);
      await writeFile(join(temporary, 'old'), 'x');
      await writeFile(join(temporary, 'recent'), 'x');
      const yesterday = new Date(Date.now() - 25 * 3600 * 1000);
      await utimes(join(temporary, 'old'), yesterday, yesterday);
      const storage = openLocalStorage(folder);
      await storage.write('object', Buffer.from('x'));
      expect(await readdir(temporary)).toEqual(['recent']);
      const names: string[] = [];
      for await (const { name } of storage.list('')) names.push(name);
      expect(names).toEqual(['object']);
    }));

  it('follows a folder that was moved to another disk and linked', () =>
    withFolder(async (folder) => {
      const storage = openLocalStorage(join(folder, 'store'));
      await storage.write('data/ab/object', Buffer.from('x'));
      await rename(join(folder, 'store', 'data'), join(folder, 'moved'));
      await symlink(join(folder, 'moved'), join(folder, 'store', 'data'));
      const names: string[] = [];
      for await (const { name } of storage.list('data/')) names.push(name);
      expect(names).toEqual(['data/ab/object']);
    }));

  it('reports what is in the way as a storage error, with a hint', () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, 'file'), 'x');
      const storage = openLocalStorage(join(folder, 'file', 'store'));
      await expect(storage.write('object', Buffer.from('x'))).rejects.toThrow(/file/);
    }));
});
