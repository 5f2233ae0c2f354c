/** Copying many files of a local tree at once: what arrives, and what is left where something is in the way. */
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { InterruptedError } from '../../common/errors.ts';
import { canSyncFileSystem } from '../../files/native-sync.ts';
import type { FileEntry, FileTree, TreeCopier } from '../../files/file-tree.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { isTemporaryName } from '../../files/temporary-shape.ts';

const MiB = 1024 * 1024;

let folder: string;
let source: FileTree;
let target: FileTree;
let copied: string[];
let failed: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-copier-'));
  for (const name of ['source', 'target']) await mkdir(join(folder, name));
  source = openLocalTree(join(folder, 'source'));
  target = openLocalTree(join(folder, 'target'));
  copied = [];
  failed = [];
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function open(signal = new AbortController().signal, whenFailed?: () => void): TreeCopier {
  const told = {
    onCopied: (path: ByteString) => void copied.push(path),
    onFailed(path: ByteString) {
      failed.push(path);
      whenFailed?.();
    },
  };
  const copier = target.openCopier?.(source, told, signal);
  if (copier === undefined) throw new Error(`the folder for temporary files is on a file system without syncfs`);
  return copier;
}

async function copyAll(copier: TreeCopier, entries: readonly FileEntry[]): Promise<void> {
  for (const entry of entries) {
    const { mode, mtimeNs } = entry;
    if (entry.type === 'dir') await copier.makeFolder(entry.path, 0o700);
    else await copier.copy(entry, { ...(entry.type === 'symlink' ? {} : { mode }), mtimeNs });
  }
}

async function entriesOf(tree: FileTree): Promise<FileEntry[]> {
  const entries: FileEntry[] = [];
  for await (const entry of tree.walk()) entries.push(entry);
  return entries;
}

describe.runIf(canSyncFileSystem(tmpdir() as ByteString))('a copier of local trees', () => {
  it('copies files of all sizes and links, with modes and times, and tells of each once', async () => {
    await mkdir(join(folder, 'source/sub'));
    const large = Buffer.alloc(700_001, 'large ');
    await writeFile(join(folder, 'source/large'), large);
    await writeFile(join(folder, 'source/empty'), '');
    for (let number = 0; number < 300; number++) await writeFile(join(folder, `source/sub/${number}`), `n ${number}`);
    await chmod(join(folder, 'source/large'), 0o4711);
    await symlink('../nowhere', join(folder, 'source/sub/link'));
    await writeFile(Buffer.concat([Buffer.from(`${folder}/source/`), Buffer.from([0xff])]), 'not UTF-8');
    const entries = await entriesOf(source);
    const copier = open();
    await copyAll(copier, entries);
    await copier.settle();
    await copier.close();
    expect(failed).toEqual([]);
    expect(copied.toSorted()).toEqual(
      entries
        .filter(({ type }) => type !== 'dir')
        .map(({ path }) => path)
        .toSorted(),
    );
    const seen = (list: FileEntry[]) =>
      list
        .filter(({ type }) => type !== 'dir')
        .map(({ path, type, mode, sizeBytes, mtimeNs, linkTarget }) => [
          path,
          type,
          mode,
          sizeBytes,
          mtimeNs,
          linkTarget,
        ]);
    expect(seen(await entriesOf(target))).toEqual(seen(entries));
    expect(await readFile(join(folder, 'target/large'))).toEqual(large);
    expect(await readFile(join(folder, 'target/sub/299'), 'utf8')).toBe('n 299');
    expect(await readlink(join(folder, 'target/sub/link'))).toBe('../nowhere');
    expect(await readdir(join(folder, 'target'))).toHaveLength(4);
  });

  it('replaces what is there, and removes what a killed process has left', async () => {
    await writeFile(join(folder, 'source/a'), 'new');
    await writeFile(join(folder, 'elsewhere'), 'elsewhere');
    await symlink(join(folder, 'elsewhere'), join(folder, 'target/a'));
    const { name } = /(?<name>\.holdfast-tmp-[0-9a-f]{8}-)/.exec(await temporaryOfAnother())!.groups!;
    expect(name).toBeDefined();
    const copier = open();
    await copyAll(copier, await entriesOf(source));
    await copier.settle();
    await copier.close();
    expect(await readFile(join(folder, 'target/a'), 'utf8')).toBe('new');
    expect(await readFile(join(folder, 'elsewhere'), 'utf8')).toBe('elsewhere');
    expect(await readdir(join(folder, 'target'))).toEqual(['a']);
  });

  it('leaves alone what it cannot copy as the walk saw it: changed, vanished, or a folder in its place', async () => {
    for (const name of ['grown', 'gone', 'blocked', 'fine', 'swapped'])
      await writeFile(join(folder, 'source', name), name);
    await writeFile(join(folder, 'target/grown'), 'old');
    const entries = await entriesOf(source);
    await writeFile(join(folder, 'source/grown'), 'grown and longer');
    await rm(join(folder, 'source/gone'));
    await rm(join(folder, 'source/swapped'));
    await symlink('fine', join(folder, 'source/swapped'));
    await mkdir(join(folder, 'target/blocked'));
    const copier = open();
    await copyAll(copier, entries);
    await copier.settle();
    await copier.close();
    expect(copied).toEqual(['fine']);
    expect(failed.toSorted()).toEqual(['blocked', 'gone', 'grown', 'swapped']);
    expect(await readFile(join(folder, 'target/grown'), 'utf8')).toBe('old');
    expect((await readdir(join(folder, 'target'))).toSorted()).toEqual(['blocked', 'fine', 'grown']);
  });

  it('never writes through a link that stands where a folder was', async () => {
    await mkdir(join(folder, 'source/sub'));
    await mkdir(join(folder, 'outside'));
    await writeFile(join(folder, 'source/sub/a'), 'a');
    await symlink(join(folder, 'outside'), join(folder, 'target/sub'));
    const copier = open();
    await copyAll(
      copier,
      (await entriesOf(source)).filter(({ type }) => type === 'file'),
    );
    await copier.settle();
    await copier.close();
    expect(failed).toEqual(['sub/a']);
    expect(await readdir(join(folder, 'outside'))).toEqual([]);
  });

  it('shows a new folder when all that was written into it is whole, with its mode, and tells of what failed only then', async () => {
    await mkdir(join(folder, 'source/a/b'), { recursive: true });
    for (const name of ['a/1', 'a/gone', 'a/b/2']) await writeFile(join(folder, 'source', name), name);
    const entries = await entriesOf(source);
    await rm(join(folder, 'source/a/gone'));
    let seen: string[] | undefined;
    const copier = open(undefined, () => (seen = readdirSync(join(folder, 'target/a'))));
    await copyAll(copier, entries);
    expect((await readdir(join(folder, 'target'))).filter((name) => !isTemporaryName(name))).toEqual([]);
    await copier.settle();
    await copier.close();
    expect(seen).toContain('1');
    expect(failed).toEqual(['a/gone']);
    expect(copied.toSorted()).toEqual(['a/1', 'a/b/2']);
    expect((await readdir(join(folder, 'target'), { recursive: true })).toSorted()).toEqual([
      'a',
      'a/1',
      'a/b',
      'a/b/2',
    ]);
    expect((await lstat(join(folder, 'target/a'))).mode & 0o7777).toBe(0o700);
  });

  it('shows a large new folder batch by batch, and more new folders than are held open', async () => {
    await mkdir(join(folder, 'source/large'));
    for (const name of ['!1', '!2']) {
      writeFileSync(join(folder, 'source/large', name), '');
      truncateSync(join(folder, 'source/large', name), 70 * MiB);
    }
    for (let number = 0; number < 5000; number++)
      writeFileSync(join(folder, 'source/large', `${number}`), `n ${number}`);
    for (let number = 0; number < 700; number++)
      mkdirSync(join(folder, `source/of-many/${number}/in`), { recursive: true });
    const entries = await entriesOf(source);
    const copier = open();
    await copyAll(copier, entries);
    const seen = copied.length;
    await copier.settle();
    await copier.close();
    expect(failed).toEqual([]);
    expect(copied).toHaveLength(5002);
    // Not at the end alone.
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThan(5002);
    const paths = (list: FileEntry[]) => list.map(({ path, sizeBytes, type }) => [path, type === 'dir' || sizeBytes]);
    expect(paths(await entriesOf(target))).toEqual(paths(entries));
  });

  it('removes folders that a killed process was filling, and leaves none when it is stopped itself', async () => {
    await mkdir(join(folder, 'source/sub'));
    await writeFile(join(folder, 'source/sub/a'), 'a');
    const left = (await temporaryOfAnother()).replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    await mkdir(join(folder, 'target', left, 'below'), { recursive: true });
    await writeFile(join(folder, 'target', left, 'below/a'), 'a part');
    await symlink(join(folder, 'source'), join(folder, 'target', left, 'link'));
    const controller = new AbortController();
    const stopped = open(controller.signal);
    const entries = await entriesOf(source);
    await copyAll(stopped, entries);
    expect(await readdir(join(folder, 'target'))).not.toContain(left);
    controller.abort();
    await expect(stopped.settle()).rejects.toBeInstanceOf(InterruptedError);
    await stopped.close();
    expect(await readdir(join(folder, 'target'))).toEqual([]);
    expect(await readdir(join(folder, 'source/sub'))).toEqual(['a']);
  });

  it('adds to a folder that somebody has made meanwhile, and refuses the place of a file', async () => {
    await mkdir(join(folder, 'source/sub'));
    await writeFile(join(folder, 'source/sub/a'), 'a');
    await mkdir(join(folder, 'target/sub'));
    await writeFile(join(folder, 'target/sub/theirs'), 'theirs');
    const entries = await entriesOf(source);
    const copier = open();
    await copyAll(copier, entries);
    await copier.settle();
    await copier.close();
    expect((await readdir(join(folder, 'target/sub'))).toSorted()).toEqual(['a', 'theirs']);
    await rm(join(folder, 'target/sub'), { recursive: true });
    await writeFile(join(folder, 'target/sub'), 'theirs');
    const refused = open();
    await expect(copyAll(refused, entries)).rejects.toMatchObject({ code: 'AlreadyExists' });
    await refused.close();
    await rm(join(folder, 'target/sub'));
    const late = open();
    await copyAll(late, entries);
    await writeFile(join(folder, 'target/sub'), 'theirs');
    await expect(late.settle()).rejects.toMatchObject({
      code: 'AlreadyExists',
      message: `could not make ${join(folder, 'target/sub')}: something else is there (ENOTDIR)`,
    });
    await late.close();
    expect(await readdir(join(folder, 'target'))).toEqual(['sub']);
    expect(await readFile(join(folder, 'target/sub'), 'utf8')).toBe('theirs');
  });

  it('stops at the signal, and leaves whole files alone', async () => {
    for (let number = 0; number < 500; number++) await writeFile(join(folder, 'source', `${number}`), `n ${number}`);
    const entries = await entriesOf(source);
    const controller = new AbortController();
    const copier = open(controller.signal);
    await copyAll(copier, entries.slice(0, 300));
    controller.abort();
    await expect(copier.settle()).rejects.toBeInstanceOf(InterruptedError);
    await copier.close();
    for (const name of await readdir(join(folder, 'target'))) {
      expect(await readFile(join(folder, 'target', name), 'utf8')).toBe(`n ${name}`);
    }
  });
});

/** As a process left it that is no more. */
async function temporaryOfAnother(): Promise<string> {
  const { temporaryName } = await import('../../files/temporary-name.ts');
  const name = temporaryName().replace(/-[0-9a-f]{1,8}-([0-9a-f]{1,16}-[0-9a-f]{16})$/, '-3fffffff-$1');
  await writeFile(join(folder, 'target', name), 'a part');
  expect((await lstat(join(folder, 'target', name))).isFile()).toBe(true);
  return name;
}
