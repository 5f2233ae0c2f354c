import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { displayPath } from '../../files/byte-path.ts';
import { temporaryName } from '../../files/temporary-name.ts';
import { restore } from '../../repository/restore.ts';
import { noise } from './odd-tree.ts';
import { packFiles, withRepository } from './repository-fixture.ts';
import { codes, file, folderNode, node, restoreNodes, snapshotOf } from './restore-fixture.ts';

const TIME_NS = 1_795_341_600_123_456_789n;
const OLD = new Date('2020-01-01T00:00:00Z');
const NEW = new Date('2099-01-01T00:00:00Z');

/** The target with one file `a`, as it was at a time. */
function fillTarget(folder: string, content: string | Buffer, time: Date): string {
  const target = join(folder, 'outer', 'target');
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'a'), content);
  utimesSync(join(target, 'a'), time, time);
  return target;
}

const inode = (path: string): bigint => lstatSync(path, { bigint: true }).ino;
const ctime = (path: string): bigint => lstatSync(path, { bigint: true }).ctimeNs;

describe('a file that is there already', () => {
  it.each([
    ['always', OLD, 'new a'],
    ['always', NEW, 'new a'],
    ['if-changed', NEW, 'new a'],
    ['if-newer', OLD, 'new a'],
    ['if-newer', NEW, 'old'],
    ['never', OLD, 'old'],
  ] as const)('with overwrite %s and of %s has then the content %j', async (overwrite, time, content) => {
    await withRepository(async (repository, folder) => {
      const target = fillTarget(folder, 'old', time);
      const nodes = [await file(repository, 'a', 'new a'), await file(repository, 'b', 'b')];
      const result = await restoreNodes(repository, folder, nodes, { overwrite, verify: true });
      expect(readFileSync(join(target, 'a'), 'utf8')).toBe(content);
      expect(readFileSync(join(target, 'b'), 'utf8')).toBe('b');
      const changed = content === 'new a';
      expect(result).toMatchObject({ files: changed ? 2 : 1, updated: changed ? 1 : 0, unchanged: changed ? 0 : 1 });
      expect(result.problems).toEqual([]);
      if (changed) expect(lstatSync(join(target, 'a'), { bigint: true }).mtimeNs).toBe(TIME_NS);
    });
  });

  it('is only given the blobs that differ, in its place', async () => {
    await withRepository(async (repository, folder) => {
      const blobs = ['one', 'two', 'three'].map((name) => noise(600_000, name));
      const target = fillTarget(
        folder,
        Buffer.concat([blobs[0]!, Buffer.alloc(600_000, 'x'), blobs[2]!, blobs[0]!]),
        OLD,
      );
      const before = inode(join(target, 'a'));
      const result = await restoreNodes(repository, folder, [await file(repository, 'a', ...blobs)]);
      expect(result).toMatchObject({ files: 1, updated: 1, bytes: 600_000, problems: [] });
      expect(readFileSync(join(target, 'a')).equals(Buffer.concat(blobs))).toBe(true);
      expect(inode(join(target, 'a'))).toBe(before);
    });
  });

  it('is only given the blobs that differ, also when it is written in parts', async () => {
    await withRepository(async (repository, folder) => {
      const blobs = Array.from({ length: 12 }, (_, index) => noise(3_000_000, `${index}`));
      const changed = Buffer.concat(blobs);
      changed[4_000_000]! ^= 1;
      changed[31_000_000]! ^= 1;
      const target = fillTarget(folder, Buffer.concat([changed, Buffer.from('more')]), OLD);
      const nodes = [await file(repository, 'a', ...blobs)];
      const result = await restoreNodes(repository, folder, nodes, { verify: true });
      expect(result).toMatchObject({ files: 1, updated: 1, bytes: 6_000_000, problems: [] });
      expect(readFileSync(join(target, 'a')).equals(Buffer.concat(blobs))).toBe(true);
      // Zeros that replace something must be written, and what is the same must not be.
      const again = ctime(join(target, 'a'));
      expect(await restoreNodes(repository, folder, nodes)).toMatchObject({ files: 0, unchanged: 1, bytes: 0 });
      expect(ctime(join(target, 'a'))).toBe(again);
      expect(readdirSync(target)).toEqual(['a']);
    });
  });

  it('gets zeros where it had something else, although holes would do in a new file', async () => {
    await withRepository(async (repository, folder) => {
      const [noisy, zeros] = [noise(600_000, 'x'), Buffer.alloc(900_000)];
      const target = fillTarget(folder, Buffer.concat([noisy, Buffer.alloc(900_000, 'x')]), OLD);
      await restoreNodes(repository, folder, [await file(repository, 'a', noisy, zeros)]);
      expect(readFileSync(join(target, 'a')).equals(Buffer.concat([noisy, zeros]))).toBe(true);
    });
  });

  it('is not trusted for its size and time, unless that was asked for', async () => {
    await withRepository(async (repository, folder) => {
      const target = fillTarget(folder, 'OLD a', OLD);
      const [snapshotTime] = [{ mtime: '2020-01-01T00:00:00Z', atime: '2020-01-01T00:00:00Z' }];
      const nodes = [{ ...(await file(repository, 'a', 'new a')), ...snapshotTime }];
      await restoreNodes(repository, folder, nodes, { overwrite: 'if-changed' });
      expect(readFileSync(join(target, 'a'), 'utf8')).toBe('OLD a');
      const verified = await restoreNodes(repository, folder, nodes, { overwrite: 'if-changed', verify: true });
      expect(codes(verified)).toEqual(['restore/mismatch']);
      await restoreNodes(repository, folder, nodes, { overwrite: 'always' });
      expect(readFileSync(join(target, 'a'), 'utf8')).toBe('new a');
    });
  });

  it('keeps its other names as they are', async () => {
    await withRepository(async (repository, folder) => {
      const blobs = [noise(600_000, 'a'), noise(600_000, 'b')];
      const target = fillTarget(folder, Buffer.concat([blobs[0]!, Buffer.alloc(600_000, 'x')]), OLD);
      const other = join(folder, 'other');
      linkSync(join(target, 'a'), other);
      const before = readFileSync(other);
      await restoreNodes(repository, folder, [await file(repository, 'a', ...blobs)]);
      expect(readFileSync(join(target, 'a')).equals(Buffer.concat(blobs))).toBe(true);
      expect(readFileSync(other).equals(before)).toBe(true);
    });
  });

  it('gets its metadata back when only that differs', async () => {
    await withRepository(async (repository, folder) => {
      const target = fillTarget(folder, 'a', OLD);
      chmodSync(join(target, 'a'), 0o600);
      const result = await restoreNodes(repository, folder, [await file(repository, 'a', 'a')]);
      expect(result).toMatchObject({ files: 0, unchanged: 1, bytesUnchanged: 1, problems: [] });
      const { mode, mtimeNs } = lstatSync(join(target, 'a'), { bigint: true });
      expect([mode & 0o777n, mtimeNs]).toEqual([0o644n, TIME_NS]);
    });
  });
});

describe('what is not a file', () => {
  it('is replaced by a file, and a file by it; a link that is right stays', async () => {
    await withRepository(async (repository, folder) => {
      const target = fillTarget(folder, 'old', OLD);
      symlinkSync('/etc/passwd', join(target, 'b'));
      symlinkSync('right', join(target, 'c'));
      const link = inode(join(target, 'c'));
      const nodes = [
        node('a', 'symlink', { linktarget: 'b' as ByteString }),
        await file(repository, 'b', 'content'),
        node('c', 'symlink', { linktarget: 'right' as ByteString }),
      ];
      const result = await restoreNodes(repository, folder, nodes);
      expect(result).toMatchObject({ files: 2, updated: 2, unchanged: 1, problems: [] });
      expect(lstatSync(join(target, 'a')).isSymbolicLink()).toBe(true);
      expect(readFileSync(join(target, 'b'), 'utf8')).toBe('content');
      expect(inode(join(target, 'c'))).toBe(link);
      expect(lstatSync('/etc/passwd').isFile()).toBe(true);
    });
  });

  it('is told of when a folder stands where a file should be', async () => {
    await withRepository(async (repository, folder) => {
      mkdirSync(join(folder, 'outer/target/a/deep'), { recursive: true });
      const result = await restoreNodes(repository, folder, [await file(repository, 'a', 'a')]);
      expect(codes(result)).toEqual(['restore/unwritable']);
      expect(readdirSync(join(result.target, 'a'))).toEqual(['deep']);
      expect(readdirSync(result.target)).toEqual(['a']);
    });
  });

  it.each(['never', 'if-newer'] as const)(
    'stays as the first of several names (%s): the others are not linked to it',
    async (overwrite) => {
      await withRepository(async (repository, folder) => {
        const target = fillTarget(folder, 'a', NEW);
        writeFileSync(join(target, 'b'), 'mine, too');
        utimesSync(join(target, 'b'), NEW, NEW);
        const one = { ...(await file(repository, 'a', 'content')), inode: 7n, device_id: 1n, links: 4 };
        const names = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ ...one, name: name as ByteString }));
        const result = await restoreNodes(repository, folder, names, { overwrite, verify: true });
        expect(result).toMatchObject({ files: 3, unchanged: 2, updated: 0, problems: [] });
        const contents = ['b', 'c', 'd', 'e'].map((name) => readFileSync(join(target, name), 'utf8'));
        expect(contents).toEqual(['mine, too', 'content', 'content', 'content']);
        expect(readFileSync(join(target, 'a'), 'utf8')).not.toBe('content');
        const inodes = ['c', 'd', 'e'].map((name) => lstatSync(join(target, name)).ino);
        expect(new Set(inodes).size).toBe(1);
        expect(inodes).not.toContain(lstatSync(join(target, 'a')).ino);
        // What is the snapshot's own is linked to, also where it is kept.
        rmSync(join(target, 'a'));
        rmSync(join(target, 'd'));
        linkSync(join(target, 'c'), join(target, 'a'));
        expect(await restoreNodes(repository, folder, names, { overwrite })).toMatchObject({ files: 1, unchanged: 4 });
        expect(lstatSync(join(target, 'd')).ino).toBe(lstatSync(join(target, 'a')).ino);
      });
    },
  );

  it('is linked anew only where it is not one inode already', async () => {
    await withRepository(async (repository, folder) => {
      const linked = { inode: 7n, device_id: 1n, links: 2 };
      const nodes = await Promise.all(['a', 'b'].map((name) => file(repository, name, 'x')));
      for (const each of nodes) Object.assign(each, linked);
      await restoreNodes(repository, folder, nodes);
      const result = await restoreNodes(repository, folder, nodes, { overwrite: 'if-changed' });
      expect(result).toMatchObject({ files: 0, unchanged: 2, problems: [] });
      expect(inode(join(result.target, 'a'))).toBe(inode(join(result.target, 'b')));
    });
  });
});

describe('a dry run', () => {
  it('says what would be done, and does nothing', async () => {
    await withRepository(async (repository, folder) => {
      const target = fillTarget(folder, 'old', OLD);
      writeFileSync(join(target, 'same'), 'same');
      writeFileSync(join(target, 'extra'), 'extra');
      const dir = await folderNode(repository, 'dir', [await file(repository, 'b', 'b')]);
      const nodes = [await file(repository, 'a', 'new'), dir, await file(repository, 'same', 'same')];
      const told: string[] = [];
      const result = await restoreNodes(repository, folder, nodes, {
        dryRun: true,
        onEntry: ({ action, path }) => void told.push(`${action} ${displayPath(path)}`),
        deleteExtras: () => Promise.reject(new Error('a dry run asks nobody')),
      });
      expect(told.toSorted()).toEqual([
        'deleted extra',
        'restored dir',
        'restored dir/b',
        'unchanged same',
        'updated a',
      ]);
      expect(result).toMatchObject({ files: 2, updated: 1, unchanged: 1, deleted: 1, directories: 1 });
      expect(readdirSync(target).toSorted()).toEqual(['a', 'extra', 'same']);
      expect(readFileSync(join(target, 'a'), 'utf8')).toBe('old');
      expect(lstatSync(join(target, 'a')).mtime).toEqual(OLD);
    });
  });

  it('into a folder that is not there does not make it', async () => {
    await withRepository(async (repository, folder) => {
      const result = await restoreNodes(repository, folder, [await file(repository, 'a', noise(20_000_000, 'big'))], {
        dryRun: true,
      });
      expect(result).toMatchObject({ files: 1, bytes: 20_000_000, problems: [] });
      expect(existsSync(result.target)).toBe(false);
    });
  });
});

describe('deleting what the snapshot does not have', () => {
  it('leaves what patterns leave out, what links lead to, and what no restored folder holds', async () => {
    await withRepository(async (repository, folder) => {
      const target = fillTarget(folder, 'a', OLD);
      const outside = join(folder, 'outside');
      mkdirSync(join(outside, 'precious'), { recursive: true });
      mkdirSync(join(target, 'gone/deep'), { recursive: true });
      mkdirSync(join(target, 'dir'));
      for (const name of ['gone/deep/x', 'dir/y', 'dir/keep.log']) writeFileSync(join(target, name), name);
      symlinkSync(outside, join(target, 'dir/link'));
      const dir = await folderNode(repository, 'dir', [await file(repository, 'b', 'b')]);
      let asked: string[] = [];
      const result = await restoreNodes(repository, folder, [await file(repository, 'a', 'a'), dir], {
        exclude: ['*.log'],
        deleteExtras: async (extras) => {
          asked = extras.map(({ path }) => path);
        },
      });
      expect(asked).toEqual(['dir/link', 'dir/y', 'gone/deep/x', 'gone/deep', 'gone']);
      expect(result).toMatchObject({ deleted: 5, problems: [] });
      expect(readdirSync(target, { recursive: true }).toSorted()).toEqual(['a', 'dir', 'dir/b', 'dir/keep.log']);
      expect(readdirSync(outside)).toEqual(['precious']);
      // The folder's time is the snapshot's, although something in it was deleted.
      expect(lstatSync(join(target, 'dir'), { bigint: true }).mtimeNs).toBe(TIME_NS);
    });
  });

  it('with includes deletes only what they take, in folders that something is restored into', async () => {
    await withRepository(async (repository, folder) => {
      const target = join(folder, 'outer', 'target');
      for (const name of ['dir', 'other']) mkdirSync(join(target, name), { recursive: true });
      for (const name of ['dir/x.txt', 'dir/x.bin', 'other/x.txt']) writeFileSync(join(target, name), name);
      const dir = await folderNode(repository, 'dir', [await file(repository, 'b.txt', 'b')]);
      const other = await folderNode(repository, 'other', [await file(repository, 'b.bin', 'b')]);
      const deleteExtras = (): Promise<void> => Promise.resolve();
      const request = { include: ['*.txt'], deleteExtras };
      expect(await restoreNodes(repository, folder, [dir, other], request)).toMatchObject({ files: 1, deleted: 1 });
      expect(readdirSync(target, { recursive: true }).toSorted()).toEqual(
        ['dir', 'dir/b.txt', 'dir/x.bin', 'other', 'other/x.txt'].toSorted(),
      );
    });
  });

  it('changes nothing at all when it is refused', async () => {
    await withRepository(async (repository, folder) => {
      const target = fillTarget(folder, 'old', OLD);
      writeFileSync(join(target, 'extra'), 'extra');
      const deleteExtras = (): Promise<void> => Promise.reject(new Error('no'));
      const nodes = [await file(repository, 'a', 'new')];
      await expect(restoreNodes(repository, folder, nodes, { deleteExtras })).rejects.toThrow('no');
      expect(readdirSync(target)).toEqual(['a', 'extra']);
      expect(readFileSync(join(target, 'a'), 'utf8')).toBe('old');
    });
  });

  it('does not happen when something could not be restored, or the snapshot holds names that nobody can have', async () => {
    await withRepository(async (repository, folder) => {
      const target = fillTarget(folder, 'a', OLD);
      writeFileSync(join(target, 'extra'), 'extra');
      const deleteExtras = (): Promise<void> => Promise.resolve();
      const missing = node('missing', 'file', { content: ['ab'.repeat(32)], size: 5 });
      const result = await restoreNodes(repository, folder, [missing], { deleteExtras });
      expect(codes(result)).toEqual(['restore/damaged', 'restore/not-deleted']);
      const evil = await snapshotOf(repository, [await file(repository, '..', 'evil')]);
      await expect(restore(repository, { snapshot: evil, target, deleteExtras })).rejects.toThrow('no folder can have');
      const one = await snapshotOf(repository, [await file(repository, 'one', '1')]);
      await expect(restore(repository, { snapshot: one, target, subPath: '/one', deleteExtras })).rejects.toThrow(
        'nothing around it',
      );
      expect(readdirSync(target)).toEqual(['a', 'extra']);
    });
  });
});

describe('holes', () => {
  it('are made of zeros unless they are not wanted', async () => {
    await withRepository(async (repository, folder) => {
      const nodes = [await file(repository, 'a', Buffer.alloc(4_000_000), Buffer.alloc(4_000_000))];
      const blocks = async (sparse: boolean): Promise<number> => {
        const snapshot = await snapshotOf(repository, nodes);
        const target = join(folder, `sparse-${sparse}`);
        await restore(repository, { snapshot, target, sparse });
        expect(readFileSync(join(target, 'a')).equals(Buffer.alloc(8_000_000))).toBe(true);
        return lstatSync(join(target, 'a')).blocks * 512;
      };
      expect(await blocks(true)).toBeLessThan(100_000);
      expect(await blocks(false)).toBeGreaterThanOrEqual(8_000_000);
    });
  });
});

describe('owners', () => {
  it('by name are this machine’s, whatever the number was; an unknown name is told of, and gives nobody anything', async () => {
    await withRepository(async (repository, folder) => {
      const { username, uid } = userInfo();
      const known = { ...(await file(repository, 'known', '1')), user: username, uid: 4_242 };
      const unknown = { ...(await file(repository, 'unknown', '2')), user: 'nobody-of-this-name', uid: 4_242 };
      const result = await restoreNodes(repository, folder, [known, unknown], { owners: 'name' });
      expect(['known', 'unknown'].map((name) => lstatSync(join(result.target, name)).uid)).toEqual([uid, uid]);
      expect(result.problems.map(({ message }) => message)).toContainEqual(
        expect.stringContaining('no user "nobody-of-this-name"'),
      );
    });
  });
});

describe('what a killed restore has left', () => {
  it('goes with the next restore: not what another one is still writing, and what is named otherwise', async () => {
    await withRepository(async (repository, folder) => {
      const target = fillTarget(folder, 'a', OLD);
      // That number no process has.
      const left = temporaryName().replace(/-[0-9a-f]+-([0-9a-f]+-[0-9a-f]+)$/, '-7fffffff-$1');
      const writing = temporaryName();
      for (const name of [left, writing]) {
        writeFileSync(join(target, name), 'half of something');
        utimesSync(join(target, name), OLD, OLD);
      }
      writeFileSync(join(target, '.holdfast-tmp-mine'), 'not ours');
      await restoreNodes(repository, folder, [await file(repository, 'a', 'a')], { overwrite: 'if-changed' });
      expect(readdirSync(target).toSorted()).toEqual(['.holdfast-tmp-mine', writing, 'a'].toSorted());
      expect((await packFiles(folder)).length).toBeGreaterThan(0);
    });
  });
});
