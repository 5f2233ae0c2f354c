import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { fromText, toText } from '../../files/byte-path.ts';
import type { FileTree } from '../../files/file-tree.ts';
import { openFoldedTree, type FoldedTree } from '../../files/folded-tree.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { foldName, type NameFold } from '../../files/name-folds.ts';

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'holdfast-folded-'))));
afterEach(() => rm(directory, { recursive: true }));

/** A local tree, each of whose paths is spelled as the file system would before it is looked up. */
function spelled(folder: string, spell: (path: string) => string): FileTree {
  const inner = openLocalTree(folder);
  const byPath = new Set(['list', 'stat', 'openRead', 'replace', 'setMetadata', 'makeFolder', 'remove']);
  return new Proxy(inner, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...args: unknown[]) => unknown;
      if (!byPath.has(key as string)) return method;
      return (path: ByteString, ...rest: unknown[]) => method(fromText(spell(toText(path)!)), ...rest);
    },
  });
}

/** As HFS+ does: all names are stored decomposed. */
const decomposing = (folder: string): FileTree => spelled(folder, (path) => path.normalize('NFD'));

/** As APFS or NTFS do: names are stored as they come, and found in any case. */
function preserving(folder: string): FileTree {
  return spelled(folder, (path) => {
    const found: string[] = [];
    for (const name of path === '' ? [] : path.split('/')) {
      let names: string[] = [];
      try {
        names = readdirSync(join(folder, ...found));
      } catch {
        // Nothing is there yet.
      }
      found.push(names.find((other) => other.toLowerCase() === name.toLowerCase()) ?? name);
    }
    return found.join('/');
  });
}

async function fill(folder: string, files: Record<string, string>, time = 1_000_000): Promise<string> {
  const root = join(directory, folder);
  for (const [name, content] of Object.entries({ ...files, '.': '' })) {
    if (name === '.') continue;
    const path = join(root, name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, content);
    await utimes(path, time, time);
  }
  await mkdir(root, { recursive: true });
  return root;
}

const open = (target: FileTree, source: string, folds: NameFold[]): FoldedTree =>
  openFoldedTree(target, { tree: openLocalTree(source), include: () => true }, folds);

async function paths(tree: FileTree): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of tree.walk()) found.push(toText(path)!);
  return found;
}

/** What is refused of the source, with the reason. */
async function refused(tree: FoldedTree, source: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const entry of tree.announce(openLocalTree(source).walk())) {
    const reason = tree.refuses!(entry);
    if (reason !== undefined) found[toText(entry.path)!] = reason;
  }
  return found;
}

test('a tree that stores names decomposed is walked in the names and the order of the source', async () => {
  const source = await fill('source', { 'a\u0301z': '1', 'bä/ü.txt': '2', zoé: '3', 'ä.txt': '4' });
  const target = await fill('target', {
    'a\u0301z': '1',
    'ba\u0308/u\u0308.txt': '2',
    'zoe\u0301': '3',
    'a\u0308.txt': '4',
    'only-e\u0301': '',
  });
  const tree = open(decomposing(target), source, ['unicode', 'spelling']);
  expect(await paths(tree)).toEqual(['a\u0301z', 'bä', 'bä/ü.txt', 'only-e\u0301', 'zoé', 'ä.txt']);
  expect(await refused(tree, source)).toEqual({});
});

test('what a file system tells apart after all is not taken for the other', async () => {
  const source = await fill('source', { 'ά.txt': '', Same: '' });
  const target = await fill('target', { 'Ά.txt': '', Same: '' });
  expect(await paths(open(openLocalTree(target), source, ['case']))).toEqual(['Same', 'Ά.txt']);
});

describe('of names that are one in the target', () => {
  test('the one whose copy stands there has the place, however it is spelled there', async () => {
    const source = await fill('source', { 'Notes.txt': 'capital' });
    await fill('source', { 'notes.txt': 'small' }, 2_000_000);
    const target = await fill('target', { 'NOTES.txt': 'small' }, 2_000_000);
    const tree = open(preserving(target), source, ['case']);
    expect(await refused(tree, source)).toEqual({
      'Notes.txt': 'the target does not tell case apart, and "notes.txt" has its place',
    });
    expect(await paths(tree)).toEqual(['notes.txt']);
  });

  test('without a copy the one that is spelled so, and else the first, has it', async () => {
    const source = await fill('source', { 'A.txt': '1', 'a.txt': '2', 'B/x': '3', 'b/y': '4' });
    const target = await fill('target', { 'a.txt': 'older' }, 3_000_000);
    const spelledAs = await refused(open(preserving(target), source, ['case']), source);
    expect(Object.keys(spelledAs)).toEqual(['A.txt', 'b']);
    const first = await refused(open(preserving(target), source, ['case', 'spelling']), source);
    expect(Object.keys(first)).toEqual(['a.txt', 'b']);
  });

  test('what is left out of the source takes nobody’s place', async () => {
    const source = await fill('source', { 'A.txt': '1', 'a.txt': '2' });
    const target = preserving(await fill('target', {}));
    const include = ({ path }: { path: ByteString }): boolean => path !== 'A.txt';
    const tree = openFoldedTree(target, { tree: openLocalTree(source), include }, ['case']);
    expect(await refused(tree, source)).toEqual({});
  });
});

test.each([
  ['case', 'README', 'readme', true],
  ['case', 'ÄRGER', 'ärger', true],
  ['case', 'Σίσυφος', 'ΣΊΣΥΦΟΣ', true],
  ['case', 'straße', 'STRASSE', false],
  ['case', 'ä', 'a\u0308', false],
  ['unicode', 'ä', 'a\u0308', true],
  ['unicode', 'A', 'a', false],
] as const)('where %s does not count, %s and %s are one: %s', (fold, a, b, one) => {
  expect(foldName(fromText(a), [fold]) === foldName(fromText(b), [fold])).toBe(one);
});

test('names that are not UTF-8 stay apart', () => {
  const fold = (name: string) => foldName(name as ByteString, ['case', 'unicode']);
  expect(fold('\xc4')).not.toBe(fold('\xe4'));
  expect(fold('a\xff')).toBe(fold('A\xff'));
});
