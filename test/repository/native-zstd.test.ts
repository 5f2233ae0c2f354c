import { randomFillSync } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compressedBound, createBlobCompressor, decompressBlob } from '../../repository/compression.ts';
import { loadNativeCompressor, loadNativeDecompressor } from '../../repository/native-zstd.ts';

const MIB = 1024 * 1024;

describe("the decompressor of Node's own library", () => {
  const decompress = loadNativeDecompressor()!;

  it('gives back what was compressed, one blob after the other', () => {
    for (const size of [1, 100, 4096, MIB - 1, MIB + 1, 8 * MIB, 17]) {
      const plain = Buffer.concat([Buffer.alloc(size >> 1, 'text '), randomFillSync(Buffer.alloc(size - (size >> 1)))]);
      expect(decompress(zstdCompressSync(plain), size)?.equals(plain)).toBe(true);
    }
  });

  it('leaves what is not as long as promised, empty, or longer than a chunk, to node:zlib', () => {
    const compressed = zstdCompressSync(Buffer.alloc(1000, 'abc'));
    expect([999, 1001, 0, 9 * MIB].map((length) => decompress(compressed, length))).toEqual(Array(4).fill(undefined));
    expect(decompressBlob(zstdCompressSync(Buffer.alloc(0)), 0, 'the blob', decompress)).toHaveLength(0);
    expect(decompressBlob(zstdCompressSync(Buffer.alloc(9 * MIB)), 9 * MIB, 'the blob', decompress)).toHaveLength(
      9 * MIB,
    );
    expect(() => decompressBlob(compressed, 999, 'the blob', decompress)).toThrow('the blob');
    expect(() => decompressBlob(compressed, 1001, 'the blob', decompress)).toThrow('the blob has 1000 bytes');
  });

  it('refuses damaged content, and is sound afterwards', () => {
    const plain = Buffer.alloc(50_000, 'some text that repeats ');
    const compressed = zstdCompressSync(plain);
    fc.assert(
      fc.property(fc.nat(compressed.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, flip, cut) => {
        const damaged = cut ? Buffer.from(compressed.subarray(0, at)) : Buffer.from(compressed);
        if (!cut) damaged[at]! ^= flip;
        const result = decompress(damaged, plain.length);
        expect(result === undefined || result.length === plain.length).toBe(true);
        expect(decompress(compressed, plain.length)?.equals(plain)).toBe(true);
      }),
      { seed: 3, numRuns: 200 },
    );
  });
});

describe("the compressor of Node's own library", () => {
  it('makes what every zstd reads, one blob after the other, at each level in use', () => {
    for (const level of [1, 2, 3, 11]) {
      const compress = loadNativeCompressor(level)!;
      for (const size of [1, 100, 4096, MIB + 1, 8 * MIB, 17]) {
        const plain = Buffer.concat([
          Buffer.alloc(size >> 1, 'text '),
          randomFillSync(Buffer.alloc(size - (size >> 1))),
        ]);
        const target = Buffer.alloc(compressedBound(size));
        const written = compress(plain, target);
        expect(zstdDecompressSync(target.subarray(0, written)).equals(plain)).toBe(true);
      }
    }
  });

  it('writes nothing beyond its target, and says when that is too short', () => {
    const compress = loadNativeCompressor(3)!;
    const plain = randomFillSync(Buffer.alloc(100_000));
    const memory = Buffer.alloc(100_000, 0x55);
    expect(compress(plain, memory.subarray(0, 99_000))).toBe(-1);
    expect(memory.subarray(99_000).equals(Buffer.alloc(1000, 0x55))).toBe(true);
    expect(compress(Buffer.alloc(0), memory)).toBe(-1);
  });
});

describe.each([
  { by: 'node:zlib', load: undefined },
  { by: "Node's own library", load: loadNativeCompressor },
])('blobs compressed by $by', ({ load }) => {
  const text = Buffer.alloc(10_000, 'orders ');
  const noise = randomFillSync(Buffer.alloc(10_000));
  const target = Buffer.alloc(compressedBound(10_000));

  it('are stored plain where that is not larger, but for trees', () => {
    const compress = createBlobCompressor('auto', load);
    expect(compress('data', noise, target)).toBe(-1);
    expect(compress('tree', noise, target)).toBeGreaterThan(noise.length);
    expect(zstdDecompressSync(target.subarray(0, compress('data', text, target))).equals(text)).toBe(true);
    expect(compress('data', Buffer.alloc(0), target)).toBe(-1);
    expect(compress('tree', Buffer.alloc(0), target)).toBeGreaterThan(0);
  });

  it('are plain without compression, but for trees', () => {
    const compress = createBlobCompressor('none', load);
    expect(compress('data', text, target)).toBe(-1);
    expect(compress('tree', text, target)).toBeGreaterThan(0);
  });
});
