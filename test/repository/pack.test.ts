import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntegrityError } from '../../common/errors.ts';
import { generateMasterKey, prepareKey, sha256Hex } from '../../repository/crypto.ts';
import { OpenPacks } from '../../repository/open-packs.ts';
import { openBlob, openPackHeader, PackBuilder, packSizeBytes, readPackHeader } from '../../repository/pack.ts';
import { headerOfEntries, packEntries } from '../../repository/pack-entries.ts';

const key = prepareKey(generateMasterKey());

function build(blobs: readonly Uint8Array[], compression: 'none' | 'auto' | 'max' = 'auto') {
  const builder = new PackBuilder(key, { compression });
  for (const plain of blobs) builder.add('data', sha256Hex(plain), plain);
  return builder.finish();
}

describe('a pack', () => {
  it('gives back its blobs by its header, whatever they are', () => {
    const blob = fc.oneof(fc.uint8Array({ maxLength: 500 }), fc.constant(Buffer.alloc(10_000)));
    const compression = fc.constantFrom('none' as const, 'auto' as const, 'max' as const);
    fc.assert(
      fc.property(fc.array(blob, { minLength: 1, maxLength: 10 }), compression, (blobs, mode) => {
        const { pack, content } = build(blobs, mode);
        expect(pack.id).toBe(sha256Hex(content));
        expect(readPackHeader(key, content, pack.id)).toEqual(pack.blobs);
        expect(packSizeBytes(pack.blobs)).toBe(content.length);
        // An index file may name the blobs in any order.
        const header = headerOfEntries(packEntries({ ...pack, blobs: pack.blobs.toReversed() }));
        expect(header).toEqual(openPackHeader(key, content, pack.id));
        const gap = pack.blobs.map((each) => ({ ...each, offset: each.offset + 1 }));
        expect(headerOfEntries(packEntries({ ...pack, blobs: gap }))).toBeUndefined();
        const plains = pack.blobs.map((each) =>
          openBlob(key, each, content.subarray(each.offset, each.offset + each.length), pack.id),
        );
        expect(plains).toEqual(blobs.map((each) => Buffer.from(each)));
      }),
      { seed: 20261123 },
    );
  });

  it('compresses what gets smaller, and trees always', () => {
    const builder = new PackBuilder(key, { compression: 'auto' });
    const text = Buffer.alloc(10_000, 'orders ');
    const noise = randomBytes(10_000);
    expect(builder.add('data', sha256Hex(text), text)).toMatchObject({ uncompressedLength: 10_000 });
    expect(builder.add('data', sha256Hex(noise), noise)).not.toHaveProperty('uncompressedLength');
    expect(new PackBuilder(key, { compression: 'none' }).add('tree', sha256Hex(text), text).length).toBeLessThan(1000);
    expect(new PackBuilder(key, { compression: 'none' }).add('data', sha256Hex(text), text).length).toBe(10_032);
  });

  it('begins anew when it was finished, in memory of its own', () => {
    const builder = new PackBuilder(key, { compression: 'none', packSizeBytes: 1000 });
    const first = randomBytes(1000);
    builder.add('data', sha256Hex(first), first);
    expect(builder.isFull).toBe(true);
    const { pack, content } = builder.finish();
    expect(builder.isFull).toBe(false);
    const copy = Buffer.from(content);
    builder.add('data', sha256Hex(copy), copy);
    expect(content).toEqual(copy);
    expect(pack.blobs).toHaveLength(1);
  });

  it('names itself when it is truncated or its header is damaged', () => {
    const { pack, content } = build([randomBytes(100), randomBytes(200)]);
    for (const length of [0, 3, 35, 100, content.length - 1]) {
      expect(() => readPackHeader(key, content.subarray(0, length), pack.id)).toThrow(pack.id);
    }
    for (let position = content.length - 100; position < content.length; position++) {
      const damaged = Buffer.from(content);
      damaged[position]! ^= 0x40;
      expect(() => readPackHeader(key, damaged, pack.id)).toThrow(IntegrityError);
    }
  });

  it('names blob and pack when a blob is damaged, cut short, or another than its id says', () => {
    const { pack, content } = build([Buffer.from('a'.repeat(500)), Buffer.from('b'.repeat(400))]);
    const [first, second] = pack.blobs as [(typeof pack.blobs)[0], (typeof pack.blobs)[0]];
    const stored = content.subarray(first.offset, first.length);
    const damaged = Buffer.from(stored);
    damaged[20]! ^= 1;
    expect(() => openBlob(key, first, damaged, pack.id)).toThrow(`data blob ${first.id} in pack ${pack.id}`);
    expect(() => openBlob(key, first, stored.subarray(1), pack.id)).toThrow(/truncated/);
    expect(() => openBlob(key, { ...first, id: second.id }, stored, pack.id)).toThrow(/other content/);
    expect(() => openBlob(key, { ...first, uncompressedLength: 499 }, stored, pack.id)).toThrow(IntegrityError);
    expect(() => openBlob(key, { ...first, uncompressedLength: 501 }, stored, pack.id)).toThrow(/500 bytes/);
  });
});

describe('the open packs of a thread', () => {
  it('are at least two, chosen at random, with data and trees apart', () => {
    const packs = new OpenPacks(key, { compression: 'none', packSizeBytes: 1 << 20 });
    for (let number = 0; number < 100; number++) {
      const plain = Buffer.from(`blob ${number}`);
      packs.add(number % 2 === 0 ? 'data' : 'tree', sha256Hex(plain), plain);
    }
    const finished = packs.finish().map(({ pack }) => pack.blobs);
    expect(finished).toHaveLength(4);
    for (const blobs of finished) {
      expect(new Set(blobs.map(({ type }) => type)).size).toBe(1);
      expect(blobs.length).toBeGreaterThan(5);
    }
    expect(finished.flat()).toHaveLength(100);
    expect(packs.finish()).toEqual([]);
  });

  it('hand out a pack as soon as it is full', () => {
    const packs = new OpenPacks(key, { compression: 'none', packSizeBytes: 1000 });
    const sizes: number[] = [];
    for (let number = 0; number < 50; number++) {
      const plain = randomBytes(300);
      const { finished } = packs.add('data', sha256Hex(plain), plain);
      if (finished !== undefined) sizes.push(finished.content.length);
    }
    expect(sizes.length).toBeGreaterThan(8);
    for (const size of sizes) expect(size).toBeLessThan(1800);
  });
});
