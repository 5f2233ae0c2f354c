import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { IntegrityError } from '../../common/errors.ts';
import { fromText } from '../../files/byte-path.ts';
import { ParentFolder } from '../../repository/parent-folder.ts';
import { encodeNode, encodeNodeHead, encodeTree, type TreeNode } from '../../repository/tree-node.ts';

const ID = 'ab'.repeat(32);
const TIME = '2026-11-23T02:10:00.5+01:00';

function nodeOf(name: string, more: Partial<TreeNode> = {}): TreeNode {
  const times = { mtime: TIME, atime: TIME, ctime: TIME };
  return { name: name as ByteString, type: 'file', ...times, uid: 0, gid: 0, content: [], ...more };
}

const id = fc.constantFrom(ID, 'cd'.repeat(32), '01'.repeat(32));
const node = fc
  .record({
    // Quotes, braces, backslashes, and bytes that are not UTF-8.
    name: fc.string({
      minLength: 1,
      maxLength: 6,
      unit: fc.constantFrom('a', 'b', '"', '}', '{', '\\', ',', '\xff', '\xc3'),
    }),
    type: fc.constantFrom('file', 'dir', 'symlink'),
    size: fc.integer({ min: 1, max: 5 }),
    ids: fc.array(id, { maxLength: 3 }),
    error: fc.option(fc.constant('a "broken" {entry}'), { nil: undefined }),
    linktarget: fc.option(fc.constant('to "}'), { nil: undefined }),
  })
  .map(({ name, type, size, ids, error, linktarget }): TreeNode => {
    if (type === 'file') return nodeOf(name, { type, size, content: ids, ...(error && { error }) });
    if (type === 'dir') return nodeOf(name, { type, content: null, subtree: ids[0] ?? ID });
    return nodeOf(name, { type, content: null, linktarget: (linktarget ?? 'x') as ByteString });
  });
const folder = fc
  .uniqueArray(node, { selector: ({ name }) => name, maxLength: 12 })
  .map((nodes) => nodes.toSorted((a, b) => (a.name < b.name ? -1 : 1)));

function headOf(of: TreeNode): ByteString {
  return fromText(encodeNodeHead(of));
}

describe('the parent snapshot’s folder', () => {
  it('gives what is the same as it stands in the tree, to the end', () => {
    fc.assert(
      fc.property(folder, (nodes) => {
        const parent = new ParentFolder(ID, encodeTree(nodes));
        for (const each of nodes) {
          expect(parent.isAtEnd).toBe(false);
          const same = parent.take(headOf(each));
          // What has more behind its content is left to be parsed.
          if (each.error !== undefined) {
            expect(same).toBeUndefined();
            expect(parent.find(each.name)).toEqual(each);
            continue;
          }
          expect(same?.text).toBe(fromText(encodeNode(each)));
          expect(same?.content).toEqual(each.content ?? []);
          expect(same?.subtree).toBe(each.subtree);
        }
        expect(parent.isAtEnd).toBe(true);
        expect(parent.take(headOf(nodeOf('z')))).toBeUndefined();
        expect(parent.find('z' as ByteString)).toBeUndefined();
      }),
      { seed: 20261125, numRuns: 500 },
    );
  });

  it('finds every entry that is asked for in order, whatever was removed, added or changed between', () => {
    fc.assert(
      fc.property(folder, folder, (before, now) => {
        for (const content of [encodeTree(before), Buffer.from(` ${encodeTree(before).toString()}`)]) {
          const parent = new ParentFolder(ID, content);
          for (const each of now) {
            const wanted = before.find(({ name }) => name === each.name);
            const same = parent.take(headOf(each));
            if (same === undefined) expect(parent.find(each.name)).toEqual(wanted);
            else expect(wanted && headOf(wanted)).toBe(headOf(each));
          }
        }
      }),
      { seed: 20261125, numRuns: 500 },
    );
  });

  it('takes nothing of what is not followed by a node or the end', () => {
    const text = encodeTree([nodeOf('a'), nodeOf('b')]).toString();
    for (const broken of [text.replace('},{', '}{'), text.replace('},{', '},,{'), text.replace('}]}', '},]}')]) {
      const parent = new ParentFolder(ID, Buffer.from(broken));
      const taken = [nodeOf('a'), nodeOf('b')].map((node) => parent.take(headOf(node)) !== undefined);
      expect(taken).not.toEqual([true, true]);
      expect(parent.isAtEnd).toBe(false);
    }
  });

  it('is not at its end while something is left that the source has no more', () => {
    const parent = new ParentFolder(ID, encodeTree([nodeOf('a'), nodeOf('b')]));
    expect(parent.take(headOf(nodeOf('a')))).toBeDefined();
    expect(parent.isAtEnd).toBe(false);
    expect(new ParentFolder(ID, encodeTree([])).isAtEnd).toBe(true);
  });

  it('takes nothing over that the next reader would refuse', () => {
    const head = headOf(nodeOf('a'));
    for (const digit of ['g', 'A', '"']) {
      const text = `{"nodes":[${head},"content":["${digit}${ID.slice(1)}"]}]}\n`;
      expect(new ParentFolder(ID, Buffer.from(text, 'latin1')).take(head)).toBeUndefined();
    }
    for (const end of [']}x', ']}}', ']}\n\n\n', '],"more":1}']) {
      const parent = new ParentFolder(ID, Buffer.from(`{"nodes":[${head},"content":[]}${end}`, 'latin1'));
      expect(parent.take(head)).toBeDefined();
      expect(parent.isAtEnd).toBe(false);
    }
  });

  it('refuses what is no tree', () => {
    for (const text of ['', '[]', '{"nodes":{}}', 'nodes']) {
      expect(() => new ParentFolder(ID, Buffer.from(text))).toThrow(IntegrityError);
    }
    for (const text of ['{"nodes":[{"name":"a', '{"nodes":[{"name":1}]}', '{"nodes":[{]}']) {
      expect(() => new ParentFolder(ID, Buffer.from(text)).find('a' as ByteString)).toThrow(IntegrityError);
    }
  });
});
