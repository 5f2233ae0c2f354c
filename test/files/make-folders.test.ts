import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fromText } from '../../files/byte-path.ts';
import { makeFolders } from '../../files/make-folders.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'make-folders-'))));
afterEach(() => rmSync(folder, { recursive: true }));

it('makes all parents, and leaves a folder that is there, also behind a link', () => {
  const deep = join(folder, 'a', 'b', 'c');
  makeFolders(fromText(deep));
  makeFolders(fromText(deep));
  symlinkSync(join(folder, 'a'), join(folder, 'link'));
  makeFolders(fromText(join(folder, 'link')));
  makeFolders(fromText(join(folder, 'link', 'd')));
  expect(statSync(deep).isDirectory()).toBe(true);
  expect(statSync(join(folder, 'a', 'd')).isDirectory()).toBe(true);
});

it('says what stands in the way, where Node says that nothing is there', () => {
  symlinkSync(join(folder, 'nothing'), join(folder, 'link'));
  expect(() => mkdirSync(join(folder, 'link'), { recursive: true })).toThrow('ENOENT');
  expect(() => makeFolders(fromText(join(folder, 'link')))).toThrow('EEXIST');
  expect(existsSync(join(folder, 'nothing'))).toBe(false);
});

it('ends where a file is among the parents, and where the system makes no folders', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(() => makeFolders(fromText(join(folder, 'file', 'a', 'b')))).toThrow('ENOTDIR');
  expect(() => makeFolders(fromText('/proc/no-such/a'))).toThrow('ENOENT');
});
