/** The part of the suite for trees that is about names and paths: odd ones, refused ones, and those that lead elsewhere. */
import { expect, it } from 'vitest';
import type { ByteString } from '../../../common/byte-string.ts';
import type { FileTree } from '../../../files/file-tree.ts';
import {
  bytes,
  entryOf,
  expectRefusal,
  expectRefusals,
  fill,
  list,
  pieces,
  put,
  read,
  readText,
  type TreeAbilities,
  walk,
  type WithTree,
} from './tree-under-test.ts';

const ODD_NAMES = [
  ' ',
  ' leading and trailing ',
  '-rf',
  '--',
  '...',
  '..a',
  '.hidden',
  'new\nline',
  'carriage\rreturn',
  'tab\t',
  '\x01\x1b[31m',
  '\x7f',
  'back\\slash',
  `quotes'"<>|`,
  'star*[brackets]{braces}?',
  'semi;colon:,@$^!()#&=+~`',
  'per%20cent%2f%',
  '%2e%2e',
  'CON',
  'trailing.',
  'ünïcödé ☃ 🙂',
  // Both spellings of one letter.
  '\u00e9',
  'e\u0301',
  '\u202e',
  '\ufeff',
].map(bytes);
const NOT_UTF8 = ['\xff', 'latin1 \xe9', '\xc3', '\xed\xa0\x80'] as ByteString[];
/** A letter of UTF-8 that programs put where bytes are none. */
const REPLACEMENT = bytes('not \ufffd known');

const ESCAPES = [
  '..',
  '../x',
  'a/../..',
  'a/../b',
  '/etc',
  '/',
  'a//b',
  './a',
  '.',
  'a/',
  'nul\0',
  'a/.',
] as ByteString[];

/** Every call that takes the path of an entry. */
function callsOn(tree: FileTree, path: ByteString): Record<string, () => unknown> {
  return {
    stat: () => tree.stat(path),
    list: () => list(tree, path),
    openRead: () => tree.openRead(path),
    ...changesOf(tree, path),
    setMetadata: () => tree.setMetadata(path, { mtimeNs: 0n }),
    makeFolder: () => tree.makeFolder(path, {}),
  };
}

/** Every call that makes, moves or removes what is at the path. */
function changesOf(tree: FileTree, path: ByteString): Record<string, () => unknown> {
  return {
    replace: () => tree.replace(path, pieces('x'), {}),
    replaceSymlink: () => tree.replaceSymlink(path, bytes('target'), {}),
    remove: () => tree.remove(path),
    'rename from': () => tree.rename(path, bytes('elsewhere')),
    'rename to': () => tree.rename(bytes('there'), path),
  };
}

export function describePaths(withTree: WithTree, abilities: TreeAbilities): void {
  it('keeps odd names, or says that it has no place for them', () =>
    withTree(async ({ tree, reopen }) => {
      // eslint-disable-next-line no-control-regex -- control characters are what is meant
      const isKept = (name: string): boolean =>
        (abilities.controlCharacters || !/[\x00-\x1f\x7f]/.test(name)) &&
        (abilities.oddNames || !/[\x00-\x1f"*:<>?|\\]/.test(name));
      const wanted = ODD_NAMES.filter(isKept);
      const kept = ODD_NAMES.filter((name) => tree.refuses?.(entryOf(name)) === undefined);
      expect(kept).toEqual(wanted);
      await put(tree, 'there');
      for (const name of ODD_NAMES) if (!isKept(name)) await expectRefusals(callsOn(tree, name), 'Usage');
      await tree.remove(bytes('there'));
      for (const name of wanted) await put(tree, name);
      const other = await reopen();
      const names = await walk(other);
      expect(names).toEqual(wanted.toSorted((a, b) => (a < b ? -1 : 1)));
      for (const name of wanted) {
        expect(await other.stat(name)).toMatchObject({ path: name, sizeBytes: name.length });
        expect((await read(other, name)).toString('latin1')).toBe(name);
        await tree.rename(name, bytes('renamed'));
        expect((await read(tree, 'renamed')).toString('latin1')).toBe(name);
        await tree.rename(bytes('renamed'), name);
        await tree.remove(name);
        await tree.makeFolder(name, {});
        await put(tree, `${name}/inside`);
      }
      expect((await walk(other)).length).toBe(2 * wanted.length);
    }));

  it('takes names that differ in case alone for two, or for one whose content is the last', () =>
    withTree(async ({ tree, reopen }) => {
      const [first, second] = ['Read Me', 'READ ME'];
      await put(tree, first, 'first');
      await put(tree, second, 'second');
      for (const each of [tree, await reopen()]) {
        const names = await walk(each);
        expect(names).toHaveLength(abilities.tellsCase ? 2 : 1);
        const contents = await Promise.all([first, second].map((name) => readText(each, name)));
        expect(contents).toEqual(abilities.tellsCase ? ['first', 'second'] : ['second', 'second']);
        for (const name of names) expect(await each.stat(bytes(name))).toMatchObject({ path: name });
      }
      await tree.remove(bytes(first));
      expect(await walk(await reopen())).toEqual(abilities.tellsCase ? [second] : []);
    }));

  it('keeps names that are not UTF-8, or refuses them before anything is written', () =>
    withTree(async ({ tree, reopen, stored }) => {
      for (const name of [...NOT_UTF8, REPLACEMENT]) {
        const why = tree.refuses?.(entryOf(name));
        if (why === undefined) continue;
        expect(abilities.anyBytes).toBe(false);
        await put(tree, 'there');
        await expectRefusals(callsOn(tree, name), 'Usage');
        await tree.remove(bytes('there'));
        expect(await stored()).toEqual([]);
      }
      const kept = [...NOT_UTF8, REPLACEMENT].filter((name) => tree.refuses?.(entryOf(name)) === undefined);
      if (abilities.anyBytes) expect(kept).toEqual([...NOT_UTF8, REPLACEMENT]);
      else expect(NOT_UTF8.filter((name) => kept.includes(name))).toEqual([]);
      for (const name of kept) await put(tree, name);
      expect(await walk(await reopen())).toEqual(kept.toSorted((a, b) => (a < b ? -1 : 1)));
      for (const name of kept) expect((await read(tree, name)).toString('latin1')).toBe(name);
    }));

  it('keeps names as long as they may be, and refuses longer ones', () =>
    withTree(async ({ tree, reopen }) => {
      const longest = 'n'.repeat(abilities.nameBytes) as ByteString;
      expect(tree.refuses?.(entryOf(longest))).toBeUndefined();
      await put(tree, longest, 'long');
      await tree.makeFolder('f'.repeat(abilities.nameBytes) as ByteString, {});
      await put(tree, `${'f'.repeat(abilities.nameBytes)}/${longest}`, 'longer');
      expect(await readText(await reopen(), longest)).toBe('long');
      const longer = `${longest}x` as ByteString;
      if (longer.length <= 255) expect(tree.refuses?.(entryOf(longer))).toBeDefined();
      await put(tree, 'there');
      // Folders may have longer names than files.
      const isForFolders = longer.length <= 255 && tree.refuses?.(entryOf(longer, { type: 'dir' })) === undefined;
      if (!isForFolders) return expectRefusals(callsOn(tree, longer), 'Usage');
      const { remove, 'rename from': renameFrom, ...ofFiles } = changesOf(tree, longer);
      await expectRefusals(ofFiles, 'Usage');
      // Of a folder, which is not there.
      await expectRefusals({ remove: remove!, renameFrom: renameFrom! }, 'NotFound');
    }));

  it('refuses paths that lead out of it, in every call', () =>
    withTree(async ({ tree, stored }) => {
      await put(tree, 'there');
      const before = await stored();
      for (const path of ESCAPES) await expectRefusals(callsOn(tree, path), 'Usage');
      expect(await stored()).toEqual(before);
    }));

  it('replaces, moves and removes its entries, never its root', () =>
    withTree(async ({ tree, stored }) => {
      await put(tree, 'there');
      const before = await stored();
      await expectRefusals(changesOf(tree, bytes('')), 'Usage');
      await tree.remove(bytes('there'));
      await expectRefusal(() => tree.remove(bytes('')), 'Usage');
      await put(tree, 'there');
      expect(await stored()).toEqual(before);
    }));

  it('keeps links as they are, or says that it has no place for them', () =>
    withTree(async ({ tree, reopen, stored }) => {
      const link = entryOf('link', { type: 'symlink', linkTarget: bytes('../elsewhere/ü') });
      if (!abilities.links) {
        expect(tree.refuses?.(link)).toBeDefined();
        await expectRefusal(() => tree.replaceSymlink(link.path, link.linkTarget!, {}), 'Usage');
        expect(await stored()).toEqual([]);
        return;
      }
      expect(tree.refuses?.(link)).toBeUndefined();
      const targets = ['../elsewhere/ü', '/absolute', 'link', '.', 'a b\n', 'x'.repeat(1000)].map(bytes);
      for (const target of targets) {
        await tree.replaceSymlink(link.path, target, {});
        expect(await (await reopen()).stat(link.path)).toMatchObject({ type: 'symlink', linkTarget: target });
      }
      const long = tree.replaceSymlink(link.path, 'x'.repeat(5000) as ByteString, {});
      await long.catch((error: unknown) => expect(error).toMatchObject({ code: 'Usage', retryable: false }));
      await put(tree, 'link', 'now a file');
      await tree.replaceSymlink(link.path, bytes('.'), {});
      expect(await walk(tree)).toEqual(['link']);
      expect(await list(tree, '')).toEqual(['link']);
      await expectRefusal(() => read(tree, 'link'), 'NotFound');
      await expectRefusal(() => list(tree, 'link'), 'NotFound');
      await tree.rename(link.path, bytes('moved'));
      expect(await tree.stat(bytes('moved'))).toMatchObject({ type: 'symlink', linkTarget: '.' });
      await tree.remove(bytes('moved'));
      expect(await stored()).toEqual([]);
    }));

  it('never goes through a link', () =>
    withTree(async ({ tree, reopen, stored }) => {
      if (!abilities.links) return;
      await fill(tree, ['real/file', 'there']);
      await tree.replaceSymlink(bytes('way'), bytes('real'), {});
      await tree.replaceSymlink(bytes('file'), bytes('real/file'), {});
      const before = await stored();
      for (const each of [tree, await reopen()]) {
        const below = bytes('way/file');
        const { stat: _, 'rename to': renameTo, ...calls } = callsOn(each, below);
        expect(await each.stat(below)).toBeUndefined();
        await expectRefusals({ ...calls, new: () => each.makeFolder(bytes('way/new'), {}) }, 'NotFound');
        // What a move needs and is not there is made: the link is in the way of that.
        const folder = (): unknown => each.makeFolder(bytes('way'), {});
        await expectRefusals({ 'rename to': renameTo!, folder }, 'AlreadyExists');
        await each.setMetadata(bytes('way'), { mode: 0o700, mtimeNs: 0n });
      }
      expect(await stored()).toEqual(before);
      await put(tree, 'file', 'through?');
      expect(await readText(tree, 'real/file')).toBe('real/file');
      expect((await tree.stat(bytes('file')))?.type).toBe('file');
    }));
}
