import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ByteString, compareBytePaths } from '../../common/byte-string.ts';
import { InterruptedError } from '../../common/errors.ts';
import { fromText } from '../../files/byte-path.ts';
import type { FileEntry, FileTree } from '../../files/file-tree.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { temporaryName } from '../../files/temporary-name.ts';

/** Of a process of another machine. */
const LEFT_ELSEWHERE = `.holdfast-tmp-00000000-1-1-${'0123456789abcdef'}`;

let folder: string;
let tree: FileTree;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-tree-'));
  mkdirSync(join(folder, 'tree'));
  tree = openLocalTree(join(folder, 'tree'));
});

afterEach(async () => {
  vi.useRealTimers();
  await tree.close();
  rmSync(folder, { recursive: true, force: true });
});

const bytes = (path: string): ByteString => path as ByteString;

async function* content(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

async function walked(): Promise<FileEntry[]> {
  return collect(tree.walk());
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

const put = (path: string, text = path): void => writeFileSync(join(folder, 'tree', path), text);
const at = (path: string): string => join(folder, 'tree', path);

describe('the walk of a local tree', () => {
  it('meets every entry once, a folder before its content, siblings by their bytes', async () => {
    for (const name of ['a', 'a-b', 'b', 'B']) mkdirSync(at(name));
    for (const name of ['a/x', 'a/-', 'a-b/x', 'b/y', 'Z', 'ü']) put(name);
    const paths = (await walked()).map((entry) => entry.path);
    expect(paths).toEqual(['B', 'Z', 'a', 'a/-', 'a/x', 'a-b', 'a-b/x', 'b', 'b/y', fromText('ü')]);
    expect(paths.toSorted(compareBytePaths)).toEqual(paths);
  });

  it('keeps names that are not UTF-8 and can read what they name', async () => {
    writeFileSync(Buffer.from(`${at('')}/\xff\xfe\n`, 'latin1'), 'odd');
    const [entry] = await walked();
    expect(entry?.path).toBe('\xff\xfe\n');
    const chunks = await collect<Buffer>(await tree.openRead(bytes('\xff\xfe\n')));
    expect(Buffer.concat(chunks).toString()).toBe('odd');
  });

  it('names a link with its target and does not go through it', async () => {
    mkdirSync(join(folder, 'outside'));
    writeFileSync(join(folder, 'outside', 'secret'), '');
    symlinkSync('../outside', at('link'));
    expect(await walked()).toMatchObject([{ path: 'link', type: 'symlink', linkTarget: '../outside' }]);
  });

  it('leaves out what include refuses, with all below it', async () => {
    mkdirSync(at('skipped'));
    put('skipped/x');
    put('y');
    const entries = await collect(tree.walk({ include: (entry) => entry.path !== 'skipped' }));
    expect(entries.map(({ path }) => path)).toEqual(['y']);
  });

  it('never shows what is still being written', async () => {
    put(LEFT_ELSEWHERE);
    put('.holdfast-tmp-mine');
    expect((await walked()).map(({ path }) => path)).toEqual(['.holdfast-tmp-mine']);
  });

  it('says that an absent root is not found', async () => {
    rmSync(at(''), { recursive: true });
    await expect(walked()).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('stops at the signal', async () => {
    put('a');
    put('b');
    const abort = new AbortController();
    const seen: string[] = [];
    const walking = (async () => {
      for await (const { path } of tree.walk({ signal: abort.signal })) {
        seen.push(path);
        abort.abort();
      }
    })();
    await expect(walking).rejects.toMatchObject({ code: 'Interrupted' });
    expect(seen).toEqual(['a']);
  });
});

describe('replacing a file', () => {
  it('puts content, mode and a time in nanoseconds, and leaves no other file', async () => {
    put('file', 'old');
    const mtimeNs = 1_700_000_000_123_456_789n;
    await tree.replace(bytes('file'), content('new ', 'content'), { mode: 0o4750, mtimeNs });
    expect(readFileSync(at('file'), 'utf8')).toBe('new content');
    expect(await tree.stat(bytes('file'))).toMatchObject({ mode: 0o4750, mtimeNs, type: 'file', sizeBytes: 11 });
    expect(readdirSync(at(''))).toEqual(['file']);
  });

  it('keeps the mode of the file it replaces when none is given', async () => {
    put('file');
    chmodSync(at('file'), 0o640);
    await tree.replace(bytes('file'), content('new'), {});
    expect(lstatSync(at('file')).mode & 0o7777).toBe(0o640);
  });

  it('leaves the old file, and nothing else, when the content fails', async () => {
    put('file', 'old');
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('part');
      throw new Error('the source is gone');
    }
    await expect(tree.replace(bytes('file'), failing(), {})).rejects.toThrow('the source is gone');
    expect(readFileSync(at('file'), 'utf8')).toBe('old');
    expect(readdirSync(at(''))).toEqual(['file']);
  });

  it('gives up at the signal though the content hangs, and removes its part', async () => {
    put('file', 'old');
    const abort = new AbortController();
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('part');
      await new Promise(() => undefined);
    }
    const replacing = tree.replace(bytes('file'), hanging(), {}, { signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    await expect(replacing).rejects.toMatchObject({ code: 'Interrupted' });
    expect(readdirSync(at(''))).toEqual(['file']);
    expect(readFileSync(at('file'), 'utf8')).toBe('old');
  });

  it('replaces a link by the file instead of writing through it', async () => {
    writeFileSync(join(folder, 'outside'), 'untouched');
    symlinkSync('../outside', at('file'));
    await tree.replace(bytes('file'), content('new'), { mode: 0o600 });
    expect(readFileSync(join(folder, 'outside'), 'utf8')).toBe('untouched');
    expect(lstatSync(at('file')).isFile()).toBe(true);
  });

  it('removes what a killed process left a day ago, and not what is being written', async () => {
    put(LEFT_ELSEWHERE);
    const writing = temporaryName();
    put(writing);
    for (const name of [LEFT_ELSEWHERE, writing]) utimesSync(at(name), 1, 1);
    await tree.replace(bytes('file'), content('x'), {});
    expect(readdirSync(at('')).toSorted()).toEqual([LEFT_ELSEWHERE, writing, 'file'].toSorted());
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 3_600_000 });
    await openLocalTree(at('')).replace(bytes('file'), content('x'), {});
    vi.useRealTimers();
    expect(readdirSync(at('')).toSorted()).toEqual([writing, 'file']);
  });
});

describe('a folder that was swapped for a link', () => {
  beforeEach(() => {
    mkdirSync(join(folder, 'outside'));
    writeFileSync(join(folder, 'outside', 'file'), 'untouched');
    mkdirSync(at('sub'));
    renameSync(at('sub'), join(folder, 'moved'));
    symlinkSync('../outside', at('sub'));
  });

  it('is never written, changed, read or removed through', async () => {
    const path = bytes('sub/file');
    await expect(tree.replace(path, content('new'), {})).rejects.toMatchObject({ code: 'NotFound' });
    await expect(tree.setMetadata(path, { mode: 0o777 })).rejects.toMatchObject({ code: 'NotFound' });
    await expect(tree.openRead(path)).rejects.toMatchObject({ code: 'NotFound' });
    await expect(tree.remove(path)).rejects.toMatchObject({ code: 'NotFound' });
    await expect(tree.rename(path, bytes('taken'))).rejects.toMatchObject({ code: 'NotFound' });
    await expect(tree.makeFolder(bytes('sub/made'), {})).rejects.toMatchObject({ code: 'NotFound' });
    await expect(tree.makeFolder(bytes('sub'), {})).rejects.toMatchObject({ code: 'AlreadyExists' });
    expect(await tree.stat(path)).toBeUndefined();
    expect(readdirSync(join(folder, 'outside'))).toEqual(['file']);
    expect(readFileSync(join(folder, 'outside', 'file'), 'utf8')).toBe('untouched');
  });
});

describe('the other changes of a local tree', () => {
  it('makes the root and its parents for the empty path', async () => {
    const deep = openLocalTree(join(folder, 'x', 'y'));
    expect(await deep.stat(bytes(''))).toBeUndefined();
    await deep.makeFolder(bytes(''), { mode: 0o750, mtimeNs: 5n });
    expect(await deep.stat(bytes(''))).toMatchObject({ type: 'dir', mode: 0o750, mtimeNs: 5n, path: '' });
  });

  it('sets the metadata of a link itself', async () => {
    put('file');
    const before = lstatSync(at('file'), { bigint: true }).mtimeNs;
    await tree.replaceSymlink(bytes('link'), bytes('file'), { mode: 0o777, mtimeNs: 7n });
    expect(await tree.stat(bytes('link'))).toMatchObject({ type: 'symlink', linkTarget: 'file', mtimeNs: 7n });
    expect(lstatSync(at('file'), { bigint: true }).mtimeNs).toBe(before);
  });

  it('sets the metadata of many at once, in their order, and stops where one cannot be reached', async () => {
    for (const name of ['a/b/c', 'a/d', 'outside']) mkdirSync(at(name), { recursive: true });
    symlinkSync('outside', at('link'));
    mkdirSync(at('outside/in'));
    const times = ['a/d', 'a/b/c', 'a/b', 'a', ''].map(
      (path, index) => [bytes(path), BigInt(index) * 1_000n + 7n] as const,
    );
    await tree.setMetadataOfAll!(times.map(([path, mtimeNs]) => [path, { mode: 0o750, mtimeNs }]));
    for (const [path, mtimeNs] of times) expect(await tree.stat(path)).toMatchObject({ mode: 0o750, mtimeNs });
    const set = (...paths: string[]) => tree.setMetadataOfAll!(paths.map((path) => [bytes(path), { mode: 0o700 }]));
    await expect(set('a/b', 'a/none', 'a')).rejects.toMatchObject({ code: 'NotFound' });
    expect((await tree.stat(bytes('a/b')))?.mode).toBe(0o700);
    expect((await tree.stat(bytes('a')))?.mode).toBe(0o750);
    await expect(set('link/in')).rejects.toMatchObject({ code: 'NotFound' });
    await expect(set('a/..')).rejects.toMatchObject({ code: 'Usage' });
    await expect(tree.setMetadataOfAll!([[bytes('a'), {}]], { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(
      InterruptedError,
    );
  });

  it('removes a file, an empty folder, a link; not a folder with content', async () => {
    mkdirSync(at('dir'));
    put('dir/file');
    await expect(tree.remove(bytes('dir'))).rejects.toMatchObject({ code: 'AlreadyExists' });
    await tree.remove(bytes('dir/file'));
    await tree.remove(bytes('dir'));
    expect(existsSync(at('dir'))).toBe(false);
    await expect(tree.remove(bytes('dir'))).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('renames into folders that are not there yet', async () => {
    put('file', 'moved');
    await tree.rename(bytes('file'), bytes('trash/2026/file'));
    expect(readFileSync(at('trash/2026/file'), 'utf8')).toBe('moved');
    await expect(tree.rename(bytes('absent'), bytes('never/made'))).rejects.toMatchObject({ code: 'NotFound' });
    expect(existsSync(at('never'))).toBe(false);
  });

  it.each(['..', '../x', 'a/../..', '/etc', 'a//b', './a', 'a/', 'nul\0'])('refuses the path %j', async (path) => {
    await expect(tree.replace(bytes(path), content('x'), {})).rejects.toMatchObject({ code: 'Usage' });
    await expect(tree.stat(bytes(path))).rejects.toMatchObject({ code: 'Usage' });
  });
});
