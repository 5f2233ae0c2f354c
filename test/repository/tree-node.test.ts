import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { fromGoMode, toGoMode } from '../../repository/go-file-mode.ts';
import { quoteGo, unquoteGo } from '../../repository/go-quote.ts';
import { formatGoTime, parseGoTime } from '../../repository/go-time.ts';
import { decodeTree, encodeTree, type TreeNode } from '../../repository/tree-node.ts';

const TIME = '2026-11-22T10:00:00.1+05:30';
const ID = 'ab'.repeat(32);

const tree = (json: string): Buffer => Buffer.from(`{"nodes":[${json}]}\n`);

const START = `"mtime":"${TIME}","atime":"${TIME}","ctime":"${TIME}","uid":0,"gid":0`;

describe('a tree', () => {
  it('with every member comes back as the same bytes', () => {
    const stored = tree(
      `{"name":"a\\\\n\\u003c\\\\xff","type":"file","mode":420,${START},"user":"root","group":"root",` +
        `"inode":18446744073709551615,"device_id":64768,"size":5,"links":2,"linktarget":"\\ufffd\\u0026",` +
        `"linktarget_raw":"/yY=","extended_attributes":[{"name":"user.a","value":"AP8="},{"name":"user.b","value":null}],` +
        `"generic_attributes":{"windows.x":{"b":1,"a":"\\u003e"}},"device":9007199254740993,"content":["${ID}"],` +
        `"subtree":"${ID}","error":"e","future":[1,{"x":null}]}`,
    );
    const [node] = decodeTree(stored);
    expect(node).toMatchObject({
      name: 'a\n<\xff',
      inode: 2n ** 64n - 1n,
      device: 2n ** 53n + 1n,
      linktarget: '\xff&',
    });
    expect(encodeTree([node!]).toString()).toBe(stored.toString());
  });

  it('without entries is what restic writes for an empty folder', () => {
    expect(encodeTree([]).toString()).toBe('{"nodes":[]}\n');
    expect(decodeTree(Buffer.from('{"nodes":null}\n'))).toEqual([]);
  });

  it('leaves out zero and empty members, and writes an absent content as null', () => {
    const node: TreeNode = {
      ...{ name: 'd' as ByteString, type: 'dir', mode: 0, mtime: TIME, atime: TIME, ctime: TIME },
      ...{ uid: 0, gid: 0, user: '', size: 0, inode: 0n, extended_attributes: [], content: null },
    };
    expect(encodeTree([node]).toString()).toBe(tree(`{"name":"d","type":"dir",${START},"content":null}`).toString());
    expect(encodeTree([{ ...node, content: [] }]).toString()).toContain('"content":[]}');
  });

  it.each([
    'not JSON',
    '[]',
    '{"nodes":{}}',
    '{"nodes":[1]}',
    '{"nodes":[{"name":1}]}',
    '{"nodes":[{"name":"a\\\\q"}]}',
    '{"nodes":[{"name":"a","content":["../x"]}]}',
    '{"nodes":[{"name":"a","subtree":"x"}]}',
    '{"nodes":[{"name":"a","uid":-1}]}',
    '{"nodes":[{"name":"a","size":"5"}]}',
    '{"nodes":[{"name":"a","extended_attributes":[1]}]}',
  ])('that is malformed is an integrity error: %s', (json) => {
    expect(() => decodeTree(Buffer.from(json))).toThrow(expect.objectContaining({ code: 'Integrity' }));
  });
});

describe("names in Go's quotes", () => {
  it.each([
    ['plain name', 'plain name'],
    ['"\\', '\\"\\\\'],
    ['\x07\b\f\n\r\t\v', '\\a\\b\\f\\n\\r\\t\\v'],
    ['\x00\x1f\x7f', '\\x00\\x1f\\x7f'],
    ['\xff\xc3', '\\xff\\xc3'],
    ['\xc3\xbc', 'ü'],
    ['\xe2\x80\xa8', '\\u2028'],
    ['\xc2\xa0', '\\u00a0'],
    ['\xed\xa0\x80', '\\xed\\xa0\\x80'],
    ['\xf3\xa0\x80\x81', '\\U000e0001'],
    ['\xef\xbf\xbd', '\ufffd'],
  ])('%j is written %j, and read back', (name, quoted) => {
    expect(quoteGo(name as ByteString)).toBe(quoted);
    expect(unquoteGo(quoted)).toBe(name);
  });

  it('come back whatever their bytes are', () => {
    const names = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1') as ByteString);
    fc.assert(
      fc.property(names, (name) => unquoteGo(quoteGo(name)) === name),
      { seed: 7, numRuns: 2000 },
    );
    const texts = fc.string({ unit: 'binary' }).map((text) => Buffer.from(text).toString('latin1') as ByteString);
    fc.assert(
      fc.property(texts, (name) => unquoteGo(quoteGo(name)) === name),
      { seed: 7, numRuns: 2000 },
    );
  });

  it.each(['"', '\\', '\\x4', '\\q', '\\ud800', '\\U00110000', '\\400', "\\'", 'a\nb'])('%j is refused', (text) => {
    expect(unquoteGo(text)).toBeUndefined();
  });
});

describe('times', () => {
  it.each([
    [0n, '1970-01-01T00:00:00Z'],
    [-1n, '1969-12-31T23:59:59.999999999Z'],
    [1_600_000_000_120_000_000n, '2020-09-13T12:26:40.12Z'],
    [-62_167_219_200_000_000_000n, '0000-01-01T00:00:00Z'],
  ])('%s ns is %s', (timeNs, text) => {
    expect(parseGoTime(text)).toBe(timeNs);
    expect(parseGoTime(formatGoTime(timeNs))).toBe(timeNs);
  });

  it('are read in any zone', () => {
    expect(parseGoTime('2020-09-13T17:56:40.000000001+05:30')).toBe(1_600_000_000_000_000_001n);
    expect(parseGoTime('yesterday')).toBeUndefined();
  });
});

describe('modes', () => {
  it("are Go's for every type, and come back", () => {
    expect(toGoMode('dir', 0o1755)).toBe(2 ** 31 + 2 ** 20 + 0o755);
    expect(toGoMode('chardev', 0o666)).toBe(2 ** 26 + 2 ** 21 + 0o666);
    fc.assert(
      fc.property(fc.nat(0o7777), (mode) => fromGoMode(toGoMode('symlink', mode)) === mode),
      { seed: 7 },
    );
  });
});
