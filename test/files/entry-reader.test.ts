import { lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { fromText, toBytes } from '../../files/byte-path.ts';
import { loadEntryReader } from '../../files/entry-reader.ts';
import { entryStatOf, toNanoseconds, toStatTime } from '../../files/entry-stat.ts';
import { loadNativeMetadata } from '../../files/native-metadata.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-entries-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const reader = loadEntryReader();
const native = loadNativeMetadata();

describe('an entry, looked at by the C library', () => {
  it('is as Node sees it, whatever its type, its times and the bytes of its name', () => {
    writeFileSync(path.join(folder, 'file'), 'content', { mode: 0o4751 });
    writeFileSync(path.join(folder, 'old'), '');
    native.setTimes(fromText(path.join(folder, 'old')), { atimeNs: -1n, mtimeNs: -1_500_000_000_123_456_789n });
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0x80, 0x41])]), '');
    mkdirSync(path.join(folder, 'folder'));
    symlinkSync('nowhere', path.join(folder, 'link'));
    native.makeFifo(fromText(path.join(folder, 'fifo')), 0o600);
    utimesSync(path.join(folder, 'folder'), 1, 2 ** 33);
    const places: [string, ByteString][] = [
      ...['file', 'old', 'folder', 'link', 'fifo'].map((name): [string, ByteString] => [folder, fromText(name)]),
      [folder, '\xff\x80A' as ByteString],
      ['/', 'tmp' as ByteString],
      ['/dev', 'null' as ByteString],
      ['/proc', 'self' as ByteString],
    ];
    for (const [parent, name] of places) {
      const byNode = lstatSync(toBytes(`${fromText(parent)}/${name}` as ByteString), { bigint: true });
      expect(reader.lstat(fromText(parent), name)).toEqual(entryStatOf(byNode));
    }
  });

  it('is undefined when it is not there, and otherwise an error of Node, of paths that are too long, too', () => {
    writeFileSync(path.join(folder, 'file'), '');
    expect(reader.lstat(fromText(folder), 'absent' as ByteString)).toBeUndefined();
    const deep = fromText(`${folder}${'/folder'.repeat(700)}`);
    expect(() => reader.lstat(deep, 'name' as ByteString)).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
    const loop = fromText(path.join(folder, 'loop'));
    symlinkSync('loop', path.join(folder, 'loop'));
    expect(() => reader.lstat(loop, 'x' as ByteString)).toThrow(
      expect.objectContaining({ code: 'ELOOP', syscall: 'lstat', path: `${folder}/loop/x` }),
    );
  });

  it('has no attributes only where there are none, though they were more than fit at once', () => {
    const file = fromText(path.join(folder, 'file'));
    writeFileSync(path.join(folder, 'file'), '');
    const look = (): boolean => {
      reader.lstat(fromText(folder), 'file' as ByteString);
      return reader.mayHaveAttributes();
    };
    expect(look()).toBe(false);
    native.setAttribute(file, fromText('user.one'), Buffer.from('1'));
    expect(look()).toBe(true);
    for (const letter of 'abc') native.setAttribute(file, fromText(`user.${letter.repeat(200)}`), Buffer.from('1'));
    expect(look()).toBe(true);
  });
});

describe('a time', () => {
  it('goes from nanoseconds to seconds and back, before 1970, too', () => {
    for (const timeNs of [0n, -1n, 1n, -1_000_000_000n, 1_999_999_999n, -1_500_000_000_123_456_789n, 2n ** 62n]) {
      const time = toStatTime(timeNs);
      expect(time.nanoseconds).toBeGreaterThanOrEqual(0);
      expect(toNanoseconds(time)).toBe(timeNs);
    }
  });
});
