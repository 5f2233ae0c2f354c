import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sodium from 'sodium-native';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ByteString, compareBytePaths } from '../../common/byte-string.ts';
import { fromText, toBytes } from '../../files/byte-path.ts';
import { cryptKeyFits } from '../../files/crypt-check.ts';
import { encryptContent, plainSizeBytes } from '../../files/crypt-content.ts';
import type { NameMode } from '../../files/crypt-names.ts';
import { openEncryptedTree } from '../../files/encrypted-tree.ts';
import type { FileEntry, FileTree } from '../../files/file-tree.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { requirePeer } from '../peers.ts';
import { cryptSettings, openRclone } from './real-rclone.ts';

const SECRETS = { password: 'correct horse', salt: 'battery staple' };
const SIZES = [0, 1, 17, 65_535, 65_536, 65_537, 131_072, 1024 * 1024 + 3];
const rclone = requirePeer('rclone');
let folder: string;
let stored: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-crypt-'));
  stored = join(folder, 'stored');
  mkdirSync(stored);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bytes = (path: string): ByteString => fromText(path);
const openTree = async (secrets = SECRETS, names: NameMode = 'standard'): Promise<FileTree> =>
  openEncryptedTree(openLocalTree(stored), await cryptSettings(secrets, names));

async function* pieces(content: Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < content.length; start += size) yield content.subarray(start, start + size);
}

async function read(tree: FileTree, path: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of (await tree.openRead(bytes(path))) as AsyncIterable<Uint8Array>) parts.push(piece);
  return Buffer.concat(parts);
}

async function walk(tree: FileTree): Promise<FileEntry[]> {
  const found: FileEntry[] = [];
  for await (const entry of tree.walk()) found.push(entry);
  return found;
}

/** Paths and contents of a tree of many shapes. */
function sampleFiles(): Map<string, Buffer> {
  const files = new Map(SIZES.map((size) => [`size-${size}`, randomBytes(size)]));
  for (const path of [
    'a',
    'a.txt',
    'b/a-b',
    'b-b',
    'b/c/d',
    'grüße/☃.txt',
    `long/${'n'.repeat(143)}`,
    'z/.hidden',
    'report-v2024-02-29-101112-123.pdf',
    'leer zeichen/ x',
    'folder.bin/x.bin',
  ])
    files.set(path, Buffer.from(path));
  return files;
}

async function fill(tree: FileTree, files: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [path, content] of files) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++)
      await tree.makeFolder(bytes(parts.slice(0, depth).join('/')), { mode: 0o750 });
    await tree.replace(bytes(path), pieces(content), { mode: 0o640, mtimeNs: 1_700_000_000_123_000_000n });
  }
}

const hash = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

function readPlain(root: string): Map<string, string> {
  const names = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    names.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(root.length + 1), hash(readFileSync(path))] as const;
    }),
  );
}

const hashes = (files: ReadonlyMap<string, Buffer>): Map<string, string> =>
  new Map([...files].map(([path, content]) => [path, hash(content)]));
const sorted = <Value>(map: ReadonlyMap<string, Value>): [string, Value][] =>
  [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));

describe.each<NameMode>(['standard', 'plain'])('an encrypted tree with %s names', (names) => {
  it('gives back what was put in: paths in byte order, sizes, modes, times and contents', async () => {
    const tree = await openTree(SECRETS, names);
    const files = sampleFiles();
    await fill(tree, files);
    const entries = await walk(tree);
    const paths = entries.map(({ path }) => path);
    expect(paths).toEqual(paths.toSorted(compareBytePaths));
    const found = entries.filter(({ type }) => type === 'file');
    expect(found.map(({ path }) => toBytes(path).toString()).toSorted()).toEqual([...files.keys()].toSorted());
    for (const entry of found) {
      const path = toBytes(entry.path).toString();
      expect(entry).toMatchObject({
        sizeBytes: files.get(path)!.length,
        mode: 0o640,
        mtimeNs: 1_700_000_000_123_000_000n,
      });
      expect(await tree.stat(entry.path)).toEqual(entry);
      expect(hash(await read(tree, path))).toBe(hash(files.get(path)!));
    }
    expect(entries.find(({ path }) => path === bytes('b'))).toMatchObject({ type: 'dir', mode: 0o750 });
    await tree.close();
  });

  rclone.it('is listed, checked and restored by rclone, names included', async () => {
    const tree = await openTree(SECRETS, names);
    const files = sampleFiles();
    await fill(tree, files);
    const plain = join(folder, 'plain');
    for (const [path, content] of files) {
      mkdirSync(join(plain, path, '..'), { recursive: true });
      writeFileSync(join(plain, path), content);
    }
    const real = await openRclone(rclone.command, stored, SECRETS, names);
    const listed = await real.run('lsf', '-R', '--files-only', '--format', 'ps', '--separator', '|', 'crypt:');
    expect(listed.trimEnd().split('\n').toSorted()).toEqual(
      [...files].map(([path, { length }]) => `${path}|${length}`).toSorted(),
    );
    await real.run('cryptcheck', plain, 'crypt:');
    await real.run('copy', 'crypt:', join(folder, 'restored'));
    expect(sorted(readPlain(join(folder, 'restored')))).toEqual(sorted(hashes(files)));
    expect(statSync(join(folder, 'restored', 'a.txt'), { bigint: true }).mtimeNs).toBe(1_700_000_000_123_000_000n);
    writeFileSync(join(plain, 'a.txt'), 'A.txt');
    expect((await real.attempt('cryptcheck', plain, 'crypt:')).status).not.toBe(0);
  });

  rclone.it('reads what rclone wrote, and goes on writing beside it', async () => {
    const files = sampleFiles();
    const plain = join(folder, 'plain');
    for (const [path, content] of files) {
      mkdirSync(join(plain, path, '..'), { recursive: true });
      writeFileSync(join(plain, path), content);
    }
    const real = await openRclone(rclone.command, stored, SECRETS, names);
    await real.run('copy', plain, 'crypt:');
    const tree = await openTree(SECRETS, names);
    const found = (await walk(tree)).filter(({ type }) => type === 'file');
    expect(found.map(({ path }) => toBytes(path).toString()).toSorted()).toEqual([...files.keys()].toSorted());
    for (const [path, content] of files) expect(hash(await read(tree, path))).toBe(hash(content));
    await tree.rename(bytes('b/c/d'), bytes('moved/d'));
    await tree.remove(bytes('a'));
    await tree.replace(bytes('a.txt'), pieces(Buffer.from('new')), {});
    expect(await real.run('cat', 'crypt:moved/d')).toBe('b/c/d');
    expect(await real.run('cat', 'crypt:a.txt')).toBe('new');
    expect((await real.run('lsf', 'crypt:')).split('\n')).not.toContain('a');
    expect(await tree.stat(bytes('a'))).toBeUndefined();
  });
});

describe('an encrypted tree', () => {
  rclone.it("takes rclone's own salt when there is none", async () => {
    const tree = await openTree({ password: 'alone' } as typeof SECRETS);
    await tree.replace(bytes('x'), pieces(Buffer.from('content')), {});
    const real = await openRclone(rclone.command, stored, { password: 'alone' });
    expect(await real.run('cat', 'crypt:x')).toBe('content');
  });

  it('hands out nothing of a block of which any byte has changed', async () => {
    const tree = await openTree();
    const content = Buffer.from('some content of a small file');
    await tree.replace(bytes('x'), pieces(content), {});
    const file = join(stored, readdirSync(stored)[0]!);
    const whole = readFileSync(file);
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1 << (at % 8);
      writeFileSync(file, changed);
      await expect(read(tree, 'x')).rejects.toMatchObject({ code: 'Integrity' });
    }
    writeFileSync(file, whole);
    expect(await read(tree, 'x')).toEqual(content);
  });

  it('tells by an error, or by the size, that the end is missing', async () => {
    const tree = await openTree();
    const content = randomBytes(2 * 65_536 + 5);
    await tree.replace(bytes('x'), pieces(content), {});
    const file = join(stored, readdirSync(stored)[0]!);
    const whole = readFileSync(file);
    for (const length of [0, 7, 31, 33, 48, 1000, 32 + 65_551, 32 + 65_553, 32 + 2 * 65_552 + 16, whole.length - 1]) {
      writeFileSync(file, whole.subarray(0, length));
      await expect(read(tree, 'x')).rejects.toMatchObject({ code: 'Integrity' });
      const size = plainSizeBytes(length);
      expect((await tree.stat(bytes('x')))!.sizeBytes).toBe(size ?? -1);
    }
    for (const blocks of [0, 1, 2]) {
      writeFileSync(file, whole.subarray(0, 32 + blocks * 65_552));
      expect((await tree.stat(bytes('x')))!.sizeBytes).toBe(blocks * 65_536);
      expect(await read(tree, 'x')).toEqual(content.subarray(0, blocks * 65_536));
    }
  });

  it('notices blocks that changed places, also from one file to another', async () => {
    const tree = await openTree();
    for (const name of ['x', 'y']) await tree.replace(bytes(name), pieces(randomBytes(3 * 65_536)), {});
    const [one, two] = readdirSync(stored).map((name) => join(stored, name)) as [string, string];
    const block = (content: Buffer, index: number): Buffer =>
      content.subarray(32 + index * 65_552, 32 + (index + 1) * 65_552);
    const [first, second] = [readFileSync(one), readFileSync(two)];
    for (const swapped of [
      [first.subarray(0, 32), block(first, 1), block(first, 0), block(first, 2)],
      [first.subarray(0, 32), block(first, 0), block(second, 1), block(first, 2)],
      [first.subarray(0, 32), block(first, 1), block(first, 2)],
    ]) {
      writeFileSync(one, Buffer.concat(swapped));
      const path = (await walk(tree)).find(({ inode }) => inode === statSync(one, { bigint: true }).ino)!.path;
      await expect(read(tree, path)).rejects.toMatchObject({ code: 'Integrity' });
    }
  });

  it('counts the nonce of the blocks up over all its bytes, as rclone does', async () => {
    const { keys } = await cryptSettings(SECRETS);
    const nonce = Buffer.alloc(24, 0xff);
    const parts: Uint8Array[] = [];
    for await (const part of encryptContent(keys.dataKey, pieces(randomBytes(65_537)), nonce)) parts.push(part);
    expect(Buffer.from(parts[0]!).subarray(8)).toEqual(nonce);
    expect(sodium.crypto_secretbox_open_easy(Buffer.alloc(65_536), parts[1]!, nonce, keys.dataKey)).toBe(true);
    expect(sodium.crypto_secretbox_open_easy(Buffer.alloc(1), parts[2]!, Buffer.alloc(24), keys.dataKey)).toBe(true);
  });

  it('leaves alone, and tells of, what is none of its own', async () => {
    const tree = await openTree();
    await fill(tree, new Map([['d/x', Buffer.from('x')]]));
    const inner = join(stored, readdirSync(stored)[0]!);
    writeFileSync(join(stored, 'readme.txt'), 'hello');
    mkdirSync(join(inner, 'lost+found'));
    symlinkSync('x', join(inner, readdirSync(inner).find((name) => name !== 'lost+found')! + '0'));
    const foreign: string[] = [];
    const entries: string[] = [];
    for await (const { path } of tree.walk({ onForeign: (path) => foreign.push(path) })) entries.push(path);
    expect(entries).toEqual(['d', 'd/x']);
    expect(foreign).toHaveLength(3);
    expect(foreign).toContain('readme.txt');
    await tree.remove(bytes('d/x'));
    await expect(tree.remove(bytes('d'))).rejects.toMatchObject({ code: 'AlreadyExists' });
    expect(existsSync(join(inner, 'lost+found'))).toBe(true);
  });

  it('says which entries of another tree it has no place for', async () => {
    const tree = await openTree();
    const entry = { path: bytes('d/x'), type: 'file' } as FileEntry;
    expect(tree.refuses!(entry)).toBeUndefined();
    expect(tree.refuses!({ ...entry, type: 'symlink' })).toMatch(/symbolic links/);
    expect(tree.refuses!({ ...entry, path: bytes(`d/${'n'.repeat(143)}`) })).toBeUndefined();
    expect(tree.refuses!({ ...entry, path: bytes(`d/${'n'.repeat(144)}`) })).toMatch(/longer than 255/);
    await expect(tree.replaceSymlink(bytes('l'), bytes('x'), {})).rejects.toMatchObject({ code: 'Usage' });
  });

  it('asks the other tree for a place for the whole stored path', async () => {
    const asked: string[] = [];
    const inner: FileTree = Object.assign(openLocalTree(stored), {
      refuses: ({ path }: FileEntry) => (asked.push(path), path.length > 300 ? 'too long' : undefined),
    });
    const tree = openEncryptedTree(inner, await cryptSettings(SECRETS, 'plain'));
    const entry = { path: bytes('d/x'), type: 'file' } as FileEntry;
    expect(tree.refuses!(entry)).toBeUndefined();
    expect(tree.refuses!({ ...entry, path: bytes(`${'d'.repeat(200)}/${'n'.repeat(200)}`) })).toBe('too long');
    expect(asked[0]).toBe('d/x.bin');
  });

  it('keeps a folder whose name would be too long for a file', async () => {
    const tree = await openTree(SECRETS, 'plain');
    const folderName = 'd'.repeat(255);
    await tree.makeFolder(bytes(folderName), {});
    await tree.setMetadata(bytes(folderName), { mode: 0o750 });
    expect(await tree.stat(bytes(folderName))).toMatchObject({ type: 'dir', mode: 0o750 });
    await tree.rename(bytes(folderName), bytes('e'.repeat(254)));
    await tree.remove(bytes('e'.repeat(254)));
    expect(await tree.stat(bytes(folderName))).toBeUndefined();
    await expect(tree.remove(bytes(folderName))).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('reports absence as every tree does', async () => {
    for (const names of ['standard', 'plain'] as const) {
      const tree = await openTree(SECRETS, names);
      expect(await tree.stat(bytes('no/such'))).toBeUndefined();
      await expect(tree.openRead(bytes('no'))).rejects.toMatchObject({ code: 'NotFound' });
      await expect(tree.remove(bytes('no'))).rejects.toMatchObject({ code: 'NotFound' });
      await expect(tree.rename(bytes('no'), bytes('yes'))).rejects.toMatchObject({ code: 'NotFound' });
      await expect(tree.stat(bytes('../x'))).rejects.toMatchObject({ code: 'Usage' });
    }
  });
});

describe('whether a password fits what is there', () => {
  const fits = async (secrets: typeof SECRETS, names: NameMode = 'standard'): Promise<boolean> =>
    cryptKeyFits(openLocalTree(stored), await cryptSettings(secrets, names), new AbortController().signal);
  const OTHERS = [
    { password: 'incorrect horse', salt: SECRETS.salt },
    { password: SECRETS.password, salt: 'other' },
  ];

  it.each<NameMode>(['standard', 'plain'])('is told by one file, with %s names', async (names) => {
    for (const secrets of [SECRETS, ...OTHERS]) expect(await fits(secrets, names)).toBe(true);
    await fill(
      await openTree(SECRETS, names),
      new Map([
        ['d/empty', Buffer.alloc(0)],
        ['d/x', Buffer.from('x')],
      ]),
    );
    expect(await fits(SECRETS, names)).toBe(true);
    for (const secrets of OTHERS) expect(await fits(secrets, names)).toBe(false);
  });

  it('is told by the names where no file has content', async () => {
    await fill(
      await openTree(),
      new Map([
        ['d/empty', Buffer.alloc(0)],
        ['e/empty', Buffer.alloc(0)],
      ]),
    );
    expect(await fits(SECRETS)).toBe(true);
    for (const secrets of OTHERS) expect(await fits(secrets)).toBe(false);
  });

  it('is not decided by what is damaged, or not encrypted at all', async () => {
    writeFileSync(join(stored, 'readme.txt'), 'hello');
    mkdirSync(join(stored, 'lost+found'));
    expect(await fits(SECRETS)).toBe(true);
    await fill(await openTree(), new Map(['a', 'b', 'c', 'd', 'e'].map((name) => [name, Buffer.from(name)])));
    for (const name of readdirSync(stored).filter((each) => each.length === 26)) {
      const content = readFileSync(join(stored, name));
      content[40]! ^= 1;
      writeFileSync(join(stored, name), content);
    }
    expect(await fits(SECRETS)).toBe(true);
    for (const secrets of OTHERS) expect(await fits(secrets)).toBe(false);
  });
});
