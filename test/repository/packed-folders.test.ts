import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { fromText } from '../../files/byte-path.ts';
import { toNanoseconds, type EntryStat } from '../../files/entry-stat.ts';
import { FolderPacker, unpackFolders, type EntryKind, type PackedFolders } from '../../repository/packed-folders.ts';

interface Entry {
  kind: EntryKind;
  name: ByteString;
  head: string;
  stat: EntryStat;
}

const time = fc.record({ seconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), nanoseconds: fc.nat(999_999_999) });
const stat: fc.Arbitrary<EntryStat> = fc.record({
  mode: fc.constant(0),
  links: fc.constant(1),
  uid: fc.constant(0),
  gid: fc.constant(0),
  sizeBytes: fc.maxSafeNat(),
  inode: fc.bigInt(0n, 2n ** 64n - 1n),
  device: fc.constant(1n),
  specialDevice: fc.constant(0n),
  mtime: time,
  atime: time,
  ctime: time,
});
const SAMPLE_STAT = fc.sample(stat, { seed: 1, numRuns: 1 })[0]!;
const name = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))).toString('latin1'));
const entry: fc.Arbitrary<Entry> = fc.record({
  kind: fc.constantFrom<EntryKind>('file', 'dir', 'other'),
  name: name as fc.Arbitrary<ByteString>,
  head: fc.string({ unit: 'binary', maxLength: 40 }),
  stat,
});
const path = name as fc.Arbitrary<ByteString>;
const notes = fc.record({
  excluded: fc.array(path, { maxLength: 2 }),
  unreadable: fc.array(fc.record({ path, error: fc.record({ message: fc.string() }) }), { maxLength: 2 }),
});

function read(packed: PackedFolders): unknown[] {
  // As it arrives in another thread.
  return unpackFolders(structuredClone(packed)).map((folder) => {
    const entries: unknown[] = [];
    for (let next = folder.next(); next !== undefined; next = folder.next()) {
      const { kind, name, head } = next;
      entries.push({
        kind,
        name,
        head,
        ...(kind === 'file' && { sizeBytes: next.sizeBytes, identity: next.identity }),
      });
    }
    expect(entries).toHaveLength(folder.size);
    return { entries, notes: folder.notes };
  });
}

function expected({ kind, name, head, stat }: Entry): unknown {
  const { inode, sizeBytes } = stat;
  const identity = { inode, sizeBytes, mtimeNs: toNanoseconds(stat.mtime), ctimeNs: toNanoseconds(stat.ctime) };
  return { kind, name, head: fromText(head), ...(kind === 'file' && { sizeBytes, identity }) };
}

describe('the folders of a scan', () => {
  it('are read as they were packed, with all bytes of their names, message by message', () => {
    const folder = fc.record({ entries: fc.array(entry, { maxLength: 12 }), notes, ends: fc.boolean() });
    fc.assert(
      fc.property(fc.array(folder, { maxLength: 8 }), (folders) => {
        const packer = new FolderPacker();
        const messages: PackedFolders[] = [];
        for (const { entries, notes, ends } of folders) {
          for (const { kind, name, head, stat } of entries) packer.addEntry(kind, name, head, stat);
          expect(packer.endFolder(notes)).toBe(entries.length);
          if (ends) messages.push(packer.take());
        }
        if (!packer.isEmpty) messages.push(packer.take());
        expect(messages.flatMap(read)).toEqual(
          folders.map(({ entries, notes }) => ({ entries: entries.map(expected), notes })),
        );
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  it('may be larger than what is written at once', () => {
    const [seen] = fc.sample(stat, { seed: 4, numRuns: 1 });
    const entries = Array.from({ length: 3000 }, (_, index): Entry => {
      const head = index === 2000 ? 'ä'.repeat(100_000) : `${index}`.repeat(30);
      return { kind: 'file', name: `n${index}` as ByteString, head, stat: seen! };
    });
    const packer = new FolderPacker();
    for (const { kind, name, head, stat } of entries) packer.addEntry(kind, name, head, stat);
    packer.endFolder({ excluded: [], unreadable: [] });
    const [{ entries: all }] = read(packer.take()) as [{ entries: unknown[] }];
    expect(all).toEqual(entries.map(expected));
  });
});

it('hands over no more memory than a message takes, and keeps none of it', () => {
  const packer = new FolderPacker();
  const messages = ['a', 'b'].map((each) => {
    packer.addEntry('file', each as ByteString, `{"name":"${each}"`, SAMPLE_STAT);
    packer.endFolder({ excluded: [], unreadable: [] });
    return packer.take();
  });
  for (const { bytes, records } of messages) {
    expect(bytes.buffer.byteLength).toBe(bytes.length);
    expect(records.buffer.byteLength).toBe(records.length);
  }
  expect(messages.flatMap(unpackFolders).map((folder) => folder.next()!.head)).toEqual(['{"name":"a"', '{"name":"b"']);
});
