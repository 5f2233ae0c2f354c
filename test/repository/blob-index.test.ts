import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlobIndex } from '../../repository/blob-index.ts';
import { decodeIndexFile, encodeIndexFiles } from '../../repository/index-file.ts';
import { scanIndexFile } from '../../repository/index-scan.ts';
import { packEntries } from '../../repository/pack-entries.ts';
import type { BlobType, IndexedBlob, IndexedPack } from '../../repository/repository.ts';

const idOf = (text: string): string => createHash('sha256').update(text).digest('hex');

function packOf(number: number, blobs: number): IndexedPack {
  return {
    id: idOf(`pack ${number}`),
    blobs: Array.from({ length: blobs }, (_, position) => ({
      id: idOf(`blob ${number} ${position}`),
      type: 'data' as const,
      offset: position * 100,
      length: 100,
    })),
  };
}

const blob: fc.Arbitrary<IndexedBlob> = fc.record(
  {
    id: fc.integer({ min: 0, max: 30 }).map((number) => idOf(`${number}`)),
    type: fc.constantFrom<BlobType>('data', 'tree'),
    offset: fc.integer({ min: 0, max: 0xffff_ffff }),
    length: fc.integer({ min: 0, max: 0xffff_ffff }),
    uncompressedLength: fc.integer({ min: 1, max: 0xffff_fff0 }),
  },
  { requiredKeys: ['id', 'type', 'offset', 'length'] },
);

const packs = fc
  .array(fc.array(blob, { maxLength: 8 }), { maxLength: 12 })
  .map((all) => all.map((blobs, number): IndexedPack => ({ id: idOf(`pack ${number}`), blobs })));

describe('the index in memory', () => {
  it('answers as a plain list would', () => {
    fc.assert(
      fc.property(packs, (all) => {
        const index = new BlobIndex();
        for (const pack of all) expect(index.add(pack)).toBe(true);
        expect([...index.packs()]).toEqual(all);
        expect(index.blobCount).toBe(all.flatMap(({ blobs }) => blobs).length);
        for (let number = 0; number <= 31; number++) {
          for (const type of ['data', 'tree'] as const) {
            const id = idOf(`${number}`);
            const copies = all.flatMap((pack) =>
              pack.blobs.filter((each) => each.id === id && each.type === type).map((each) => ({ pack, each })),
            );
            expect(index.has(type, id)).toBe(copies.length > 0);
            expect(index.find(type, id)?.packId).toBe(copies[0]?.pack.id);
            const entry = index.entryOf(type, id);
            expect(index.entryOfBytes(type, Buffer.from(id, 'hex'), 0)).toBe(entry);
            if (entry >= 0) {
              expect(index.entryAt(entry).blob).toEqual(copies[0]!.each);
            }
          }
        }
      }),
      { seed: 20261123 },
    );
  });

  it('takes a pack that two index files name once', () => {
    const index = new BlobIndex();
    expect(index.add(packOf(1, 3))).toBe(true);
    expect(index.add(packOf(1, 3))).toBe(false);
    expect(index.blobCount).toBe(3);
  });

  it('needs at most 64 bytes a blob', () => {
    const index = new BlobIndex();
    for (let number = 0; number < 1000; number++) index.add(packOf(number, 150));
    expect(index.has('data', idOf('blob 999 149'))).toBe(true);
    expect(index.has('tree', idOf('blob 999 149'))).toBe(false);
    expect(index.memoryBytes / index.blobCount).toBeLessThanOrEqual(64);
  });
});

describe('index files', () => {
  it('give back the packs that were written', () => {
    fc.assert(
      fc.property(packs, (all) => {
        const documents = Array.from(encodeIndexFiles(all), (document) => Buffer.from(document));
        expect(documents.flatMap((document) => decodeIndexFile(document, 'x'))).toEqual(all);
        expect(documents.flatMap((document) => scanIndexFile(document))).toEqual(all.map((pack) => packEntries(pack)));
        const index = new BlobIndex();
        for (const pack of all) index.add(pack);
        expect(all.map(({ id }) => index.packEntries(id))).toEqual(all.map((pack) => packEntries(pack)));
      }),
      { seed: 20261123 },
    );
  });

  it('of any other layout, and damaged ones, are left to the parser of JSON', () => {
    const document = [...encodeIndexFiles([packOf(1, 2), packOf(2, 1)])][0]!.toString();
    expect(scanIndexFile(Buffer.from(`${document}\n`))).toHaveLength(2);
    fc.assert(
      fc.property(
        fc.nat(document.length - 1),
        fc.constantFrom('', '"', ',', '}', ']', '0', 'x', '9999999999'),
        (at, put) => {
          const changed = Buffer.from(document.slice(0, at) + put + document.slice(at + 1));
          const scanned = scanIndexFile(changed);
          // Where the scan says something, it says what the parser says.
          if (scanned !== undefined) {
            expect(decodeIndexFile(changed, 'x').map((pack) => packEntries(pack))).toEqual(scanned);
          }
        },
      ),
      { seed: 20261125, numRuns: 3000 },
    );
    const loose = Buffer.from(JSON.stringify(JSON.parse(document), undefined, 1));
    expect(scanIndexFile(loose)).toBeUndefined();
    expect(scanIndexFile(Buffer.from(document.replace(/\]\}$/, ',]}')))).toBeUndefined();
  });

  it('may have null where there is nothing, as Go and rustic write it', () => {
    const blob = { id: idOf('b'), type: 'data' as const, offset: 0, length: 40 };
    const written = [
      { id: idOf('p'), blobs: [{ ...blob, uncompressed_length: null }] },
      { id: idOf('q'), blobs: null },
    ];
    expect(decodeIndexFile(Buffer.from(JSON.stringify({ packs: written })), 'x')).toEqual([
      { id: idOf('p'), blobs: [blob] },
      { id: idOf('q'), blobs: [] },
    ]);
    expect(decodeIndexFile(Buffer.from('{"packs":null}'), 'x')).toEqual([]);
  });

  it('are closed when they are full', () => {
    const all = Array.from({ length: 6 }, (_, number) => packOf(number, 20_000));
    expect(Array.from(encodeIndexFiles(all), (document) => decodeIndexFile(document, 'x').length)).toEqual([3, 3]);
  });

  it.each([
    ['no JSON', '{"packs":'],
    ['a list, as restic 0.1 wrote', '[]'],
    ['a pack without id', '{"packs":[{"id":"x","blobs":[]}]}'],
    [
      'an unknown blob type',
      `{"packs":[{"id":"${idOf('p')}","blobs":[{"id":"${idOf('b')}","type":"x","offset":0,"length":1}]}]}`,
    ],
    [
      'a negative offset',
      `{"packs":[{"id":"${idOf('p')}","blobs":[{"id":"${idOf('b')}","type":"data","offset":-1,"length":1}]}]}`,
    ],
  ])('with %s are refused by name', (_, text) => {
    expect(() => decodeIndexFile(Buffer.from(text), 'abcd')).toThrow(/index file abcd/);
  });
});
