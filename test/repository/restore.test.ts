import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { InterruptedError } from '../../common/errors.ts';
import { toGoMode } from '../../repository/go-file-mode.ts';
import { restore } from '../../repository/restore.ts';
import { StartedThreads } from '../../repository/started-threads.ts';
import type { TreeNode } from '../../repository/tree-node.ts';
import { noise } from './odd-tree.ts';
import { openVault, packFiles, reopen, withRepository } from './repository-fixture.ts';
import { codes, file, folderNode, node, restoreNodes, snapshotOf } from './restore-fixture.ts';

describe('a hostile repository', () => {
  it.each(['..', '.', '', 'a/b', '/etc/passwd', '../up', 'nul\0', 'x'.repeat(256)])(
    'with an entry named %j is refused that entry, and the rest is restored',
    async (name) => {
      await withRepository(async (repository, folder) => {
        const bad = await file(repository, name, 'evil');
        const badFolder = await folderNode(repository, name, [await file(repository, 'below', 'evil')]);
        const good = await file(repository, 'good', 'good');
        const result = await restoreNodes(repository, folder, [bad, badFolder, good]);
        expect(codes(result)).toEqual(['restore/invalid', 'restore/invalid']);
        expect(result.files).toBe(1);
        expect(readFileSync(join(result.target, 'good'), 'utf8')).toBe('good');
        expect(readdirSync(result.target)).toEqual(['good']);
        expect(readdirSync(join(folder, 'outer'))).toEqual(['target']);
      });
    },
  );

  it('with a file that is longer or shorter than its blobs has that told, and what is there restored', async () => {
    await withRepository(async (repository, folder) => {
      const longer = { ...(await file(repository, 'longer', 'content')), size: 2 ** 40 };
      const shorter = { ...(await file(repository, 'shorter', 'content')), size: 1 };
      const none = { ...(await file(repository, 'none', 'content')), content: null };
      const empty = await file(repository, 'many', '');
      const many = { ...empty, content: Array<string>(200_000).fill(empty.content![0]!) };
      const result = await restoreNodes(repository, folder, [longer, shorter, none, many]);
      expect(codes(result)).toEqual(['restore/damaged', 'restore/damaged', 'restore/damaged']);
      expect(result.problems.map(({ message }) => message)).toContainEqual(
        expect.stringContaining('its blobs have 7 bytes, the file 1099511627776'),
      );
      expect(readFileSync(join(result.target, 'longer'), 'utf8')).toBe('content');
      expect(readFileSync(join(result.target, 'shorter'), 'utf8')).toBe('content');
      expect(readFileSync(join(result.target, 'many'), 'utf8')).toBe('');
    });
  });

  it('cannot write through a link that it has planted before a folder of the same name', async () => {
    await withRepository(async (repository, folder) => {
      const outside = join(folder, 'outside');
      mkdirSync(outside);
      const link = node('sub', 'symlink', { linktarget: outside as ByteString });
      const below = await file(repository, 'evil', 'evil');
      const deep = await folderNode(repository, 'deep', [below]);
      // Enough of them that the link is in a batch of its own, made before the folder is looked at.
      const fillers = await Promise.all(
        Array.from({ length: 300 }, (_, index) => file(repository, `f${index}`, `${index}`)),
      );
      const result = await restoreNodes(repository, folder, [
        link,
        ...fillers,
        await folderNode(repository, 'sub', [below, deep]),
      ]);
      expect(readdirSync(outside)).toEqual([]);
      expect(result.problems.length).toBeGreaterThan(0);
      expect(result.files).toBeGreaterThanOrEqual(300);
    });
  });

  it('cannot change or write a file through a link planted under the same name', async () => {
    await withRepository(async (repository, folder) => {
      const outside = join(folder, 'outside');
      writeFileSync(outside, 'untouched', { mode: 0o600 });
      const link = node('same', 'symlink', { linktarget: outside as ByteString });
      const second = await file(repository, 'same', 'evil');
      const result = await restoreNodes(repository, folder, [link, second]);
      expect(readFileSync(outside, 'utf8')).toBe('untouched');
      expect(statSync(outside).mode & 0o777).toBe(0o600);
      expect(lstatSync(join(result.target, 'same')).isFile()).toBe(true);
    });
  });

  it('cannot have its folder times and modes land on what a planted link points to', async () => {
    await withRepository(async (repository, folder) => {
      const outside = join(folder, 'outside');
      mkdirSync(outside, { mode: 0o700 });
      mkdirSync(join(folder, 'outer', 'target'), { recursive: true });
      symlinkSync(outside, join(folder, 'outer', 'target', 'sub'));
      const sub = await folderNode(repository, 'sub', [await file(repository, 'evil', 'evil')]);
      const result = await restoreNodes(repository, folder, [{ ...sub, mode: toGoMode('dir', 0o777) }]);
      expect(codes(result)).toEqual(['restore/unwritable']);
      expect(statSync(outside).mode & 0o777).toBe(0o700);
      expect(readdirSync(outside)).toEqual([]);
    });
  });

  it('gains nothing from a folder of the target that is swapped for a link while the restore runs', async () => {
    await withRepository(async (repository, folder) => {
      const outside = join(folder, 'outside');
      mkdirSync(outside, { mode: 0o700 });
      const target = join(folder, 'outer', 'target');
      const sub = await folderNode(repository, 'sub', [await file(repository, 'x', 'x')]);
      let swapped = false;
      const swap = (): void => {
        if (swapped) return;
        swapped = true;
        renameSync(join(target, 'sub'), join(folder, 'moved'));
        symlinkSync(outside, join(target, 'sub'));
      };
      // After the entries, before the folders get their modes.
      const result = await restoreNodes(repository, folder, [{ ...sub, mode: toGoMode('dir', 0o777) }], {
        progress: { report: swap },
      });
      expect(codes(result)).toEqual(['restore/unwritable']);
      expect(statSync(outside).mode & 0o777).toBe(0o700);
    });
  });

  it('that names a missing tree or blob loses these, and no more', async () => {
    await withRepository(async (repository, folder) => {
      const missing = node('missing', 'file', { content: ['ab'.repeat(32)], size: 5 });
      const noTree = node('no-tree', 'dir', { subtree: 'cd'.repeat(32) });
      const without = node('without', 'dir');
      const good = await file(repository, 'z', 'good');
      const result = await restoreNodes(repository, folder, [missing, noTree, without, good]);
      expect(codes(result)).toEqual(['restore/damaged', 'restore/invalid', 'restore/invalid']);
      expect(readFileSync(join(result.target, 'z'), 'utf8')).toBe('good');
      expect(existsSync(join(result.target, 'missing'))).toBe(false);
    });
  });

  it('with a link that claims to have content gets the link, however large the content', async () => {
    await withRepository(async (repository, folder) => {
      const { content } = await file(repository, 'x', noise(1_000_000, 'x'));
      const link = node('link', 'symlink', { linktarget: 'elsewhere' as ByteString });
      const hostile = { ...link, content: Array<string>(40).fill(content![0]!), size: 40_000_000 };
      const result = await restoreNodes(repository, folder, [hostile]);
      expect(result).toMatchObject({ files: 1, bytes: 0, problems: [] });
      expect(readlinkSync(join(result.target, 'link'))).toBe('elsewhere');
    });
  });

  it('has its files and folders named alike, by their places below the target', async () => {
    await withRepository(async (repository, folder) => {
      const missing = node('missing', 'file', { content: ['ab'.repeat(32)], size: 5 });
      const deep = await folderNode(repository, 'deep', [missing, node('no-tree', 'dir')]);
      const nodes = [await folderNode(repository, 'shop', [deep])];
      for (const [subPath, below] of [
        [undefined, '/shop/deep/'],
        ['/shop', '/deep/'],
        ['shop/deep', '/'],
      ]) {
        const { problems } = await restoreNodes(repository, folder, nodes, subPath === undefined ? {} : { subPath });
        expect(problems.map(({ subject }) => subject)).toEqual([`${below}missing`, `${below}no-tree`]);
      }
    });
  });

  it('with links that claim one inode for different contents gets two files', async () => {
    await withRepository(async (repository, folder) => {
      const inode = { inode: 7n, device_id: 1n, links: 2 };
      const a = { ...(await file(repository, 'a', 'one')), ...inode };
      const b = { ...(await file(repository, 'b', 'two')), ...inode };
      const { target } = await restoreNodes(repository, folder, [a, b]);
      expect([readFileSync(join(target, 'a'), 'utf8'), readFileSync(join(target, 'b'), 'utf8')]).toEqual([
        'one',
        'two',
      ]);
    });
  });
});

describe('a damaged pack', () => {
  it('costs the files in it; none stands there with wrong content', async () => {
    await withRepository(async (repository, folder) => {
      const nodes = await Promise.all(['a', 'b'].map((name) => file(repository, name, noise(300_000, name))));
      const snapshot = await snapshotOf(repository, nodes);
      const location = repository.findBlob('data', nodes[0]!.content![0]!)!;
      const pack = (await packFiles(folder)).find((name) => name.endsWith(location.packId))!;
      const path = join(folder, 'vault', pack);
      const content = await readFile(path);
      content[location.offset + 1000]! ^= 1;
      await writeFile(path, content);
      const target = join(folder, 'restored');
      const result = await restore(repository, { snapshot, target, verify: true });
      expect(codes(result)).toEqual(['restore/damaged']);
      expect(result.problems[0]?.subject).toBe('/a');
      expect(readdirSync(target)).toEqual(['b']);
    });
  });
});

describe('what is restored', () => {
  it('replaces files of the same name and leaves all others', async () => {
    await withRepository(async (repository, folder) => {
      const target = join(folder, 'outer', 'target');
      mkdirSync(join(target, 'dir'), { recursive: true });
      for (const name of ['a', 'other', 'dir/b']) writeFileSync(join(target, name), 'old');
      const dir = await folderNode(repository, 'dir', [await file(repository, 'b', 'new b')]);
      const result = await restoreNodes(repository, folder, [await file(repository, 'a', 'new a'), dir]);
      expect(result.problems).toEqual([]);
      const contents = ['a', 'other', 'dir/b'].map((name) => readFileSync(join(target, name), 'utf8'));
      expect(contents).toEqual(['new a', 'old', 'new b']);
      expect(lstatSync(join(target, 'dir'), { bigint: true }).mtimeNs).toBe(1_795_341_600_123_456_789n);
    });
  });

  it('is what the patterns and the selection say, with the folders on the way', async () => {
    await withRepository(async (repository, folder) => {
      const inner = await folderNode(repository, 'inner', [
        await file(repository, 'keep.log', '1'),
        await file(repository, 'keep.tmp', '2'),
        await file(repository, 'other', '3'),
      ]);
      const nodes = [await folderNode(repository, 'empty', []), await folderNode(repository, 'outer', [inner])];
      const result = await restoreNodes(repository, folder, nodes, {
        include: ['/outer/*/keep*'],
        exclude: ['*.tmp'],
        select: (path) => path !== '/outer/inner',
      });
      const paths = readdirSync(result.target, { recursive: true, encoding: 'utf8' });
      expect(new Set(paths)).toEqual(new Set(['outer', 'outer/inner', 'outer/inner/keep.log']));
      expect(result).toMatchObject({ files: 1, directories: 2, bytes: 1 });
      expect(lstatSync(join(result.target, 'outer'), { bigint: true }).mtimeNs).toBe(1_795_341_600_123_456_789n);
    });
  });

  it('can be one file, and a path that is not there is named', async () => {
    await withRepository(async (repository, folder) => {
      const nodes = [
        await folderNode(repository, 'srv', [await file(repository, 'a', 'A'), await file(repository, 'b', 'B')]),
      ];
      const { target } = await restoreNodes(repository, folder, nodes, { subPath: '/srv/b' });
      expect(readdirSync(target)).toEqual(['b']);
      await expect(restoreNodes(repository, folder, nodes, { subPath: '/srv/c' })).rejects.toThrow('has no /srv/c');
      await expect(restoreNodes(repository, folder, nodes, { subPath: 'srv/a/x' })).rejects.toThrow('has no');
    });
  });

  it('is the whole of a big file, its parts written by several threads, holes where zeros were', async () => {
    await withRepository(async (repository, folder) => {
      const noisy = noise(3_000_000, 'big');
      const zeros = Buffer.alloc(8_000_000);
      const blobs = [noisy, zeros, zeros, zeros, Buffer.from('x'), noisy, zeros, zeros, noisy.subarray(1), zeros];
      const result = await restoreNodes(repository, folder, [await file(repository, 'big', ...blobs)], {
        verify: true,
      });
      expect(result.problems).toEqual([]);
      const restored = readFileSync(join(result.target, 'big'));
      expect(restored.equals(Buffer.concat(blobs))).toBe(true);
      expect(lstatSync(join(result.target, 'big')).blocks * 512).toBeLessThan(12_000_000);
      expect(readdirSync(result.target)).toEqual(['big']);
    });
  });
});

describe('an interrupted restore', () => {
  it('ends within two seconds and leaves only whole files', async () => {
    await withRepository(async (repository, folder) => {
      const big = noise(4_000_000, 'content');
      const nodes: TreeNode[] = [];
      for (let index = 0; index < 40; index++) nodes.push(await file(repository, `f${index}`, big, `${index}`));
      nodes.push(await file(repository, 'huge', ...Array.from({ length: 20 }, () => big)));
      const snapshot = await snapshotOf(repository, nodes);
      const again = await reopen(folder);
      const abort = new AbortController();
      let abortedAt = 0;
      const progress = {
        report: (): void => {
          abortedAt ||= performance.now();
          abort.abort();
        },
      };
      const target = join(folder, 'restored');
      const restoring = restore(again, { snapshot, target, signal: abort.signal, progress });
      await expect(restoring).rejects.toMatchObject({ code: 'Interrupted' });
      expect(performance.now() - abortedAt).toBeLessThan(2000);
      const names = readdirSync(target);
      expect(names.length).toBeLessThan(41);
      for (const name of names) {
        expect(name).toMatch(/^f\d+$/);
        expect(readFileSync(join(target, name)).equals(Buffer.concat([big, Buffer.from(name.slice(1))]))).toBe(true);
      }
      await again.close();
    });
  });
});

describe('a restore whose lock is not held yet', () => {
  it('reads, and makes nothing, tells nothing and asks nothing until it is', async () => {
    await withRepository(async (repository, folder) => {
      const snapshot = await snapshotOf(repository, [await file(repository, 'a', 'content')]);
      const target = join(folder, 'outer', 'target');
      const held = Promise.withResolvers<void>();
      const told: string[] = [];
      const started = new StartedThreads('restore');
      const restoring = restore(await openVault(folder), {
        snapshot,
        target,
        started,
        held: held.promise,
        deleteExtras: async () => void told.push('asked'),
        onEntry: ({ path }) => told.push(path),
        progress: { report: ({ phase = '' }) => told.push(phase) },
      });
      await delay(500);
      expect([existsSync(join(folder, 'outer')), told]).toEqual([false, []]);
      held.resolve();
      expect((await restoring).files).toBe(1);
      expect([readFileSync(join(target, 'a'), 'utf8'), told[0]]).toEqual(['content', 'a']);
      await started.close();
    });
  });

  it('has made nothing when the lock was withdrawn', async () => {
    await withRepository(async (repository, folder) => {
      const snapshot = await snapshotOf(repository, [await file(repository, 'a', 'content')]);
      const target = join(folder, 'outer', 'target');
      const held = Promise.reject(new InterruptedError('the lock was withdrawn'));
      await expect(restore(repository, { snapshot, target, held })).rejects.toThrow('withdrawn');
      expect(existsSync(join(folder, 'outer'))).toBe(false);
    });
  });
});
