import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../files/byte-path.ts';
import { encodeTree, type TreeNode } from '../../repository/tree-node.ts';
import {
  packReferences,
  parseReferences,
  readTreeReferences,
  scanReferences,
  unpackReferences,
  type TreeReferences,
} from '../../repository/tree-references.ts';

const SEED = 20261125;
const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
/** Any bytes that a folder entry can have, many of which have to be escaped. */
const name = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => fromBytes(Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x5c : byte)))))
  .filter((text) => text !== '.' && text !== '..');
const time = fc.constantFrom('2026-11-22T10:00:00.123456789Z', '0001-01-01T00:00:00Z', '2026-01-01T00:00:00+02:00');

const node: fc.Arbitrary<TreeNode> = fc
  .record(
    {
      name,
      type: fc.constantFrom('file', 'dir', 'symlink', 'fifo', 'chardev'),
      mtime: time,
      atime: time,
      ctime: time,
      uid: fc.nat(),
      gid: fc.nat(),
      mode: fc.nat(),
      user: fc.constantFrom('root', 'root', 'root', 'root', 'müller', 'a"b'),
      inode: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
      size: fc.nat(),
      links: fc.nat(9),
      linktarget: name,
      device: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
      extended_attributes: fc.array(fc.record({ name: fc.string(), value: fc.constantFrom(null, 'QUJD') }), {
        minLength: 1,
        maxLength: 3,
      }),
      content: fc.array(id, { maxLength: 5 }),
      subtree: id,
    },
    { requiredKeys: ['name', 'type', 'mtime', 'atime', 'ctime', 'uid', 'gid', 'content', 'subtree'] },
  )
  .map((made) => ({
    ...made,
    content: made.type === 'file' ? made.content : null,
    subtree: made.type === 'dir' ? made.subtree : undefined,
  })) as fc.Arbitrary<TreeNode>;

const tree = fc.array(node, { maxLength: 6 }).map((nodes) => encodeTree(nodes));

function plain(references: TreeReferences | undefined) {
  return (
    references && {
      data: Buffer.from(references.dataIds).toString('hex'),
      trees: Buffer.from(references.treeIds).toString('hex'),
      problems: references.problems,
    }
  );
}

describe('what a tree points to', () => {
  it('is scanned as JSON says it is, from whatever the encoder writes', () => {
    let scanned = 0;
    fc.assert(
      fc.property(tree, (content) => {
        const quick = scanReferences(content);
        expect(plain(parseReferences(content))!.problems).toEqual([]);
        expect(plain(readTreeReferences(content))).toEqual(plain(parseReferences(content)));
        if (quick !== undefined) scanned++;
      }),
      { seed: SEED, numRuns: 500 },
    );
    // A user with a quote in the name is left to JSON; nearly nobody has one.
    expect(scanned).toBeGreaterThan(250);
  });

  it('is never scanned from what JSON refuses or reads otherwise', () => {
    let accepted = 0;
    const parts = [
      '"',
      '\\',
      ',',
      ']',
      '}',
      '{',
      '"content":null',
      '"content":[]',
      '/',
      '..',
      'x',
      '\0',
      '00',
      'é',
      ' ',
    ];
    const edit = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.nat(3),
      put: fc.constantFrom('', ...parts),
    });
    fc.assert(
      fc.property(tree, fc.array(edit, { minLength: 1, maxLength: 3 }), (content, edits) => {
        let text = content.toString('latin1');
        for (const { at, cut, put } of edits) {
          const place = Math.floor(at * text.length);
          text = text.slice(0, place) + put + text.slice(place + cut);
        }
        const changed = Buffer.from(text, 'latin1');
        const quick = scanReferences(changed);
        if (quick === undefined) return;
        accepted++;
        expect(plain(quick)).toEqual(plain(parseReferences(changed)));
      }),
      { seed: SEED, numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it.each([
    ['a name that JSON hides', '{"name":"..\\u002f..","type":"file","CONTENT":[]}', 'has no name'],
    ['an id in capitals', `{"name":"a","type":"file","content":["${'A'.repeat(64)}"]}`, 'without a list of blobs'],
    ['a content that comes twice', '{"name":"a","type":"file","content":[],"content":null}', 'without a list of blobs'],
    ['a folder without a tree', '{"name":"a","type":"dir","content":null}', 'is a folder without a tree'],
  ])('tells %s', (_, text, problem) => {
    const stamps = '"mtime":"x","atime":"x","ctime":"x","uid":0,"gid":0';
    const full = text.replace(/,"(content|CONTENT)"/, `,${stamps},"$1"`).replace('CONTENT', 'content');
    const { problems } = readTreeReferences(Buffer.from(`{"nodes":[${full}]}\n`));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  it('is told of nodes that are too long for a scan', () => {
    const stamps = '"mtime":"x","atime":"x","ctime":"x","uid":0,"gid":0';
    const text = `{"nodes":[{"name":"${'\\n'.repeat(10_000_000)}","type":"file",${stamps},"content":["${'ab'.repeat(32)}"]}]}`;
    expect(plain(readTreeReferences(Buffer.from(text)))).toEqual({ data: 'ab'.repeat(32), trees: '', problems: [] });
  });

  it('crosses to another thread in few pieces', () => {
    const trees = [
      { dataIds: randomBytes(64), treeIds: randomBytes(32), problems: [] },
      undefined,
      { dataIds: randomBytes(0), treeIds: randomBytes(0), problems: ['it is not JSON'] },
      { dataIds: randomBytes(32), treeIds: randomBytes(96), problems: [] },
    ];
    const unpacked = [...unpackReferences(structuredClone(packReferences(trees)))];
    expect(unpacked.map(plain)).toEqual(trees.map(plain));
  });
});
