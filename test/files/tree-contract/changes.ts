/** The part of the suite for trees that is about metadata, folders, removals and moves. */
import { expect, it } from 'vitest';
import type { ByteString } from '../../../common/byte-string.ts';
import type { EntryMetadata, FileEntry, FileTree } from '../../../files/file-tree.ts';
import {
  bytes,
  expectRefusal,
  expectRefusals,
  fill,
  keptTime,
  put,
  readText,
  ROOT,
  type TreeAbilities,
  walk,
  type WithTree,
} from './tree-under-test.ts';

const FILE = 'file' as ByteString;
const FOLDER = 'folder' as ByteString;
const TIMES = [0n, 1n, 999_999_999n, 1_700_000_000_123_456_789n, 4_000_000_000_500_000_000n];
const MODES = [0o600, 0o644, 0o000, 0o755, 0o4711, 0o2750, 0o1777];

export function describeChanges(withTree: WithTree, abilities: TreeAbilities): void {
  /** What is asked for, as the tree can keep it. */
  async function expectKept(tree: FileTree, path: ByteString, { mode, mtimeNs }: EntryMetadata): Promise<void> {
    const entry = (await tree.stat(path))!;
    if (mtimeNs !== undefined) expect(entry.mtimeNs).toBe(keptTime(abilities, mtimeNs));
    if (mode !== undefined && abilities.modes) expect(entry.mode.toString(8)).toBe(mode.toString(8));
  }

  it('keeps modes and times of files, as it says that it does', () =>
    withTree(async ({ tree, reopen }) => {
      const other = await reopen();
      for (const [index, mode] of MODES.entries()) {
        const metadata = { mode, mtimeNs: TIMES[index % TIMES.length]! };
        await put(tree, FILE, `content ${index}`, metadata);
        await expectKept(other, FILE, metadata);
        await tree.setMetadata(FILE, { mode: 0o640, mtimeNs: 5_000_000_000n });
        await expectKept(other, FILE, { mode: 0o640, mtimeNs: 5_000_000_000n });
        await tree.setMetadata(FILE, metadata);
        await expectKept(other, FILE, metadata);
        expect(await readText(other, FILE)).toBe(`content ${index}`);
      }
    }));

  it('says of each entry what it keeps, and nothing else when it is asked of that', () =>
    withTree(async ({ tree }) => {
      for (const mtimeNs of TIMES) {
        const metadata = { mode: 0o640, mtimeNs };
        await put(tree, FILE, 'x', metadata);
        const found = (await tree.stat(FILE))!;
        const asked: FileEntry = { ...found, ...metadata };
        const kept = tree.keeps?.(asked) ?? asked;
        expect(tree.keeps?.({ ...asked, ...kept }) ?? asked).toEqual(kept);
        const { mode, mtimeNs: time } = tree.keeps?.(found) ?? found;
        expect({ mode, mtimeNs: time }).toEqual({ mode: kept.mode, mtimeNs: kept.mtimeNs });
        expect(kept.mtimeNs).toBe(keptTime(abilities, mtimeNs));
      }
    }));

  it('leaves what it is not told to set as it is', () =>
    withTree(async ({ tree }) => {
      const mtimeNs = 1_600_000_000_000_000_000n;
      await put(tree, FILE, 'first', { mode: 0o600, mtimeNs });
      await tree.setMetadata(FILE, { mode: 0o640 });
      await expectKept(tree, FILE, { mode: 0o640, mtimeNs });
      await tree.setMetadata(FILE, { mtimeNs: 0n });
      await expectKept(tree, FILE, { mode: 0o640, mtimeNs: 0n });
      await tree.setMetadata(FILE, {});
      await expectKept(tree, FILE, { mode: 0o640, mtimeNs: 0n });
      // The mode of the file before, the time of now.
      const before = Date.now();
      await put(tree, FILE, 'second');
      await expectKept(tree, FILE, { mode: 0o640 });
      const { mtimeNs: written } = (await tree.stat(FILE))!;
      expect(Math.abs(Number(written / 1_000_000n) - before)).toBeLessThan(60_000);
    }));

  it('lets nobody but its owner write into what no mode was given for', () =>
    withTree(async ({ openMissing }) => {
      if (!abilities.modes || !abilities.folders) return;
      const { missing, above } = await openMissing();
      const modesOf = async (tree: FileTree, paths: string[]): Promise<unknown[]> =>
        Promise.all(paths.map(async (path) => [path, ((await tree.stat(bytes(path)))?.mode ?? 0o777) & 0o022]));
      await missing.makeFolder(ROOT, {});
      await put(missing, FILE);
      await missing.makeFolder(FOLDER, {});
      await missing.rename(FILE, bytes('made/on/the/way'));
      const made = ['folder', 'made', 'made/on', 'made/on/the', 'made/on/the/way'];
      expect(await modesOf(missing, made)).toEqual(made.map((path) => [path, 0]));
      const roots = ['missing', 'missing/root'];
      expect(await modesOf(above, roots)).toEqual(roots.map((path) => [path, 0]));
    }));

  it('makes its root with the folders above, in the mode that is asked for', () =>
    withTree(async ({ openMissing }) => {
      const { missing, above } = await openMissing();
      for (const mode of [0o700, 0o750, 0o775, 0o777]) {
        await missing.makeFolder(ROOT, { mode, mtimeNs: 5_000_000_000n });
        expect((await missing.stat(ROOT))?.type).toBe('dir');
        await missing.makeFolder(ROOT, {});
        if (!abilities.folders) continue;
        await expectKept(missing, ROOT, { mode, mtimeNs: 5_000_000_000n });
        // Nobody asked that others may write above it.
        if (abilities.modes) expect((await above.stat(bytes('missing')))!.mode & 0o022).toBe(0);
        await above.remove(bytes('missing/root'));
        if (abilities.foldersAbove) await above.remove(bytes('missing'));
      }
    }));

  it('makes folders, and leaves those that are there as they are but for what is asked', () =>
    withTree(async ({ tree }) => {
      await tree.makeFolder(FOLDER, { mode: 0o2770 });
      if (abilities.folders) await expectKept(tree, FOLDER, { mode: 0o2770 });
      await put(tree, 'folder/file');
      await tree.makeFolder(FOLDER, {});
      if (abilities.folders) await expectKept(tree, FOLDER, { mode: 0o2770 });
      await tree.makeFolder(FOLDER, { mode: 0o555, mtimeNs: 7_000_000_000n });
      if (abilities.folders) await expectKept(tree, FOLDER, { mode: 0o555, mtimeNs: 7_000_000_000n });
      await tree.setMetadata(FOLDER, { mode: 0o755, mtimeNs: 8_000_000_000n });
      if (abilities.folders) await expectKept(tree, FOLDER, { mode: 0o755, mtimeNs: 8_000_000_000n });
      expect(await walk(tree)).toEqual(['folder', 'folder/file']);
    }));

  it('writes nothing where no folder was made', () =>
    withTree(async ({ tree, openMissing, stored }) => {
      if (!abilities.folders) {
        await put(tree, 'absent/file');
        expect(await walk(tree)).toEqual(['absent', 'absent/file']);
        return;
      }
      const { missing, above } = await openMissing();
      for (const [each, path] of [
        [tree, 'absent/file'],
        [missing, 'file'],
      ] as const) {
        await expectRefusal(() => put(each, path), 'NotFound');
        await expectRefusal(() => each.makeFolder(bytes(path), {}), 'NotFound');
        if (abilities.links) await expectRefusal(() => each.replaceSymlink(bytes(path), bytes('x'), {}), 'NotFound');
      }
      expect(await stored()).toEqual([]);
      expect(await above.stat(bytes('missing'))).toBeUndefined();
    }));

  it('sets the metadata of a link itself, and never of what it leads to', () =>
    withTree(async ({ tree }) => {
      if (!abilities.links) return;
      const metadata = { mode: 0o640, mtimeNs: 1_500_000_000_000_000_000n };
      await put(tree, FILE, 'x', metadata);
      await tree.replaceSymlink(bytes('link'), FILE, { mode: 0o777, mtimeNs: 7_000_000_000n });
      if (abilities.linkTimes) await expectKept(tree, bytes('link'), { mtimeNs: 7_000_000_000n });
      await tree.setMetadata(bytes('link'), { mode: 0o600, mtimeNs: 9_000_000_000n });
      if (abilities.linkTimes) await expectKept(tree, bytes('link'), { mtimeNs: 9_000_000_000n });
      await tree.replaceSymlink(bytes('dangling'), bytes('nowhere'), { mode: 0o777, mtimeNs: 7_000_000_000n });
      await tree.setMetadata(bytes('dangling'), { mode: 0o700, mtimeNs: 8_000_000_000n });
      await expectKept(tree, FILE, metadata);
    }));

  it('refuses a file where a folder is, and a folder where a file is', () =>
    withTree(async ({ tree, reopen, openMissing, stored }) => {
      if (!abilities.oneKindPerName) return;
      await fill(tree, ['file', 'folder/inside', 'other/inside']);
      await tree.makeFolder(bytes('empty'), {});
      const before = await stored();
      const refusedOn = (on: FileTree): Record<string, () => unknown> => ({
        'a file on a folder': () => put(on, 'folder'),
        'a file on an empty folder': () => put(on, 'empty'),
        'a folder on a file': () => on.makeFolder(FILE, {}),
        'a file moved onto a folder': () => on.rename(FILE, FOLDER),
        'a file moved onto an empty folder': () => on.rename(FILE, bytes('empty')),
        'a file moved below a file': () => on.rename(bytes('folder/inside'), bytes('file/below')),
        'a folder that is not empty removed': () => on.remove(FOLDER),
        ...(abilities.links ? { 'a link on a folder': () => on.replaceSymlink(FOLDER, bytes('x'), {}) } : {}),
        ...(abilities.renamesFolders
          ? {
              'a folder moved onto a file': () => on.rename(FOLDER, FILE),
              'a folder moved onto one that is not empty': () => on.rename(FOLDER, bytes('other')),
            }
          : {}),
      });
      for (const each of [tree, await reopen()]) await expectRefusals(refusedOn(each), 'AlreadyExists');
      for (const path of ['file/below', 'file/below/more']) {
        await expectRefusal(() => put(tree, path), 'NotFound');
        await expectRefusal(() => tree.makeFolder(bytes(path), {}), 'NotFound');
      }
      expect(await stored()).toEqual(before);
      expect(await readText(tree, 'file')).toBe('file');
      expect(await readText(tree, 'folder/inside')).toBe('folder/inside');
      const { missing, above } = await openMissing();
      await put(above, 'missing', 'in the way of the root');
      await expectRefusal(() => missing.makeFolder(ROOT, { mode: 0o700 }), 'AlreadyExists');
      await above.remove(bytes('missing'));
      await fill(above, ['missing/root']);
      await expectRefusal(() => missing.makeFolder(ROOT, {}), 'AlreadyExists');
      expect(await readText(above, 'missing/root')).toBe('missing/root');
    }));

  it('removes files, links and empty folders', () =>
    withTree(async ({ tree, reopen, stored }) => {
      await fill(tree, ['file', 'folder/sub/file', 'folder/kept']);
      await tree.remove(FILE);
      await tree.remove(bytes('folder/sub/file'));
      if (abilities.folders) {
        expect(await walk(await reopen())).toEqual(['folder', 'folder/kept', 'folder/sub']);
        await tree.remove(bytes('folder/sub'));
      }
      expect(await walk(await reopen())).toEqual(['folder', 'folder/kept']);
      await expectRefusal(() => tree.remove(FILE), 'NotFound');
      await tree.remove(bytes('folder/kept'));
      if (abilities.folders) await tree.remove(FOLDER);
      expect(await walk(await reopen())).toEqual([]);
      expect(await stored()).toEqual([]);
    }));

  it('keeps empty folders', () =>
    withTree(async ({ tree, reopen }) => {
      if (!abilities.folders) return;
      await tree.makeFolder(FOLDER, {});
      await tree.makeFolder(bytes('folder/sub'), {});
      expect(await walk(await reopen())).toEqual(['folder', 'folder/sub']);
      await put(tree, 'folder/file');
      await tree.remove(bytes('folder/file'));
      expect(await walk(tree)).toEqual(['folder', 'folder/sub']);
    }));

  it('moves files with their metadata, into folders that it makes, onto what is there', () =>
    withTree(async ({ tree, reopen, stored }) => {
      const metadata = { mode: 0o640, mtimeNs: 1_400_000_000_000_000_000n };
      await put(tree, FILE, 'moved', metadata);
      await tree.rename(FILE, bytes('trash/2026/file'));
      expect(await tree.stat(FILE)).toBeUndefined();
      await expectKept(tree, bytes('trash/2026/file'), metadata);
      await put(tree, 'there', 'replaced');
      await tree.rename(bytes('trash/2026/file'), bytes('there'));
      const other = await reopen();
      expect(await readText(other, 'there')).toBe('moved');
      await expectKept(other, bytes('there'), metadata);
      await tree.rename(bytes('there'), bytes('there'));
      expect(await readText(other, 'there')).toBe('moved');
      await expectRefusal(() => tree.rename(bytes('absent'), bytes('never/made')), 'NotFound');
      const left = abilities.folders ? ['there', 'trash', 'trash/2026'] : ['there'];
      expect(await walk(other)).toEqual(left);
      expect(await stored()).toHaveLength(left.length);
    }));

  it('moves folders with all that they hold, never into themselves', () =>
    withTree(async ({ tree, reopen }) => {
      if (!abilities.renamesFolders) return;
      await fill(tree, ['folder/sub/file', 'folder/file']);
      await tree.makeFolder(bytes('empty'), {});
      await expectRefusal(() => tree.rename(FOLDER, bytes('folder/sub/inside')), 'Usage');
      await tree.rename(FOLDER, bytes('new/place'));
      const moved = ['empty', 'new', 'new/place', 'new/place/file', 'new/place/sub', 'new/place/sub/file'];
      expect(await walk(await reopen())).toEqual(moved);
      // What the tree knew of folders is no longer so.
      await expectRefusal(() => put(tree, 'folder/sub/file'), 'NotFound');
      expect(await readText(tree, 'new/place/sub/file')).toBe('folder/sub/file');
    }));
}
