/** The part of the suite for trees that is about what walks, listings and looks tell. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ByteString, compareBytePaths } from '../../../common/byte-string.ts';
import { parentPath } from '../../../files/byte-path.ts';
import {
  bytes,
  collect,
  expectRefusal,
  fill,
  list,
  pieces,
  put,
  read,
  readText,
  ROOT,
  type TreeAbilities,
  walk,
  type WithTree,
} from './tree-under-test.ts';

const ALL_PATHS = ['B', 'Z', 'a', 'a/-', 'a/x', 'a/x/deep', 'a-b', 'a-b/x', 'a.b', 'b', 'b/y', 'ü'].map(bytes);

export function describeListings(withTree: WithTree, abilities: TreeAbilities): void {
  const PATHS = ALL_PATHS.filter((path) => abilities.tellsCase || path !== 'B');
  const FILES = PATHS.filter((path) => !PATHS.some((other) => other.startsWith(`${path}/`)));

  it('tells of an empty tree that it has a root and nothing in it', () =>
    withTree(async ({ tree }) => {
      expect(await walk(tree)).toEqual([]);
      expect(await list(tree, '')).toEqual([]);
      expect(await tree.stat(ROOT)).toMatchObject({ path: '', type: 'dir' });
    }));

  it('walks every entry once, a folder before its content, siblings by their bytes', () =>
    withTree(async ({ tree, reopen }) => {
      await fill(tree, FILES);
      for (const each of [tree, await reopen()]) {
        const entries = await collect(each.walk());
        expect(entries.map(({ path }) => path)).toEqual(PATHS);
        expect(entries.filter(({ type }) => type === 'file').map(({ path }) => path)).toEqual(FILES);
        expect(entries.filter(({ type }) => type === 'dir')).toHaveLength(PATHS.length - FILES.length);
      }
    }));

  it('lists one folder in the order of the walk, without what is below its folders', () =>
    withTree(async ({ tree }) => {
      await fill(tree, FILES);
      for (const folder of ['', 'a', 'a/x', 'b'])
        expect(await list(tree, folder)).toEqual(PATHS.filter((path) => parentPath(path) === folder));
    }));

  it('tells the same of an entry when it walks, lists and looks', () =>
    withTree(async ({ tree }) => {
      await fill(tree, FILES);
      const listed = [...(await collect(tree.list(ROOT))), ...(await collect(tree.list(bytes('a'))))];
      for (const entry of await collect(tree.walk())) {
        expect(await tree.stat(entry.path)).toEqual(entry);
        const same = listed.find(({ path }) => path === entry.path);
        if (same !== undefined) expect(same).toEqual(entry);
        if (entry.type === 'file') expect(entry.sizeBytes).toBe(entry.path.length);
      }
    }));

  it('keeps its order whatever the names', async () => {
    const segment = fc
      .stringMatching(/^[a-cA.\-! é]{1,3}$/)
      .map(bytes)
      .filter((name) => !/^\.+$/.test(name));
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((names) => names.join('/') as ByteString);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(path, { maxLength: 10 }), (paths) =>
        withTree(async ({ tree }) => {
          const files = paths.filter((each) => !paths.some((other) => other.startsWith(`${each}/`)));
          const all = new Set(files);
          for (const file of files) for (let up = parentPath(file); up !== ''; up = parentPath(up)) all.add(up);
          const folded = new Set([...all].map((each) => each.toLowerCase()));
          if (!abilities.tellsCase && folded.size < all.size) return;
          await fill(tree, files);
          expect(await walk(tree)).toEqual([...all].toSorted(compareBytePaths));
        }),
      ),
      { seed: 20261129, numRuns: 15 },
    );
  });

  it('leaves out what include refuses, with all below it', () =>
    withTree(async ({ tree }) => {
      await fill(tree, FILES);
      const include = ({ path }: { path: string }): boolean => path !== 'a' && path !== 'b/y';
      expect(await walk(tree, { include })).toEqual(PATHS.filter((path) => !/^a(\/|$)|^b\/y$/.test(path)));
      expect(await list(tree, '', { include })).not.toContain('a');
    }));

  it('stops its walk at the signal, and begins nothing that was aborted', () =>
    withTree(async ({ tree }) => {
      await fill(tree, FILES);
      const stop = new AbortController();
      const seen: string[] = [];
      const include = ({ path }: { path: string }): boolean => {
        if (seen.push(path) === PATHS.length - 2) stop.abort();
        return true;
      };
      await expect(walk(tree, { signal: stop.signal, include })).rejects.toMatchObject({ code: 'Interrupted' });
      const signal = AbortSignal.abort();
      const interrupted = { code: 'Interrupted' };
      await expect(walk(tree, { signal })).rejects.toMatchObject(interrupted);
      await expect(list(tree, '', { signal })).rejects.toMatchObject(interrupted);
      await expect(tree.openRead(bytes('Z'), { signal })).rejects.toMatchObject(interrupted);
      await expect(tree.replace(bytes('Z'), pieces('new'), {}, { signal })).rejects.toMatchObject(interrupted);
      expect(await readText(tree, 'Z')).toBe('Z');
    }));

  it('says of what is absent that it is', () =>
    withTree(async ({ tree, openMissing }) => {
      await fill(tree, ['folder/file']);
      for (const path of ['absent', 'absent/below', 'folder/absent', 'folder/file/below'].map(bytes)) {
        expect(await tree.stat(path)).toBeUndefined();
        await expectRefusal(() => read(tree, path), 'NotFound');
        await expectRefusal(() => list(tree, path), 'NotFound');
        await expectRefusal(() => tree.remove(path), 'NotFound');
        await expectRefusal(() => tree.setMetadata(path, { mtimeNs: 0n }), 'NotFound');
        await expectRefusal(() => tree.rename(path, bytes('new/place')), 'NotFound');
      }
      await expectRefusal(() => list(tree, 'folder/file'), 'NotFound');
      await expectRefusal(() => read(tree, 'folder'), 'NotFound');
      await expectRefusal(() => read(tree, ''), 'NotFound');
      expect(await walk(tree)).toEqual(['folder', 'folder/file']);
      if (!abilities.folders) return;
      const { missing } = await openMissing();
      expect(await missing.stat(ROOT)).toBeUndefined();
      expect(await missing.stat(bytes('file'))).toBeUndefined();
      await expectRefusal(() => walk(missing), 'NotFound');
      await expectRefusal(() => list(missing, ''), 'NotFound');
      await expectRefusal(() => read(missing, 'file'), 'NotFound');
    }));

  it('goes on when entries vanish while it walks', () =>
    withTree(async ({ tree, reopen }) => {
      const other = await reopen();
      await fill(tree, ['a/file', 'b/file', 'c/file']);
      const seen: string[] = [];
      for await (const { path } of tree.walk()) {
        if (seen.push(path) > 1) continue;
        for (const gone of ['b/file', 'b']) if (gone !== 'b' || abilities.folders) await other.remove(bytes(gone));
      }
      expect(seen.filter((path) => !path.startsWith('b'))).toEqual(['a', 'a/file', 'c', 'c/file']);
      expect(await walk(tree)).toEqual(['a', 'a/file', 'c', 'c/file']);
    }));

  it('takes up a name again that was removed', () =>
    withTree(async ({ tree }) => {
      await fill(tree, ['name/file']);
      await tree.remove(bytes('name/file'));
      if (abilities.folders) await tree.remove(bytes('name'));
      await put(tree, 'name', 'now a file');
      expect(await tree.stat(bytes('name'))).toMatchObject({ type: 'file', sizeBytes: 10 });
      await tree.remove(bytes('name'));
      await fill(tree, ['name/again']);
      expect(await walk(tree)).toEqual(['name', 'name/again']);
    }));
}
