import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PackWindow, WindowMemory, type PositionedRead } from '../../repository/pack-window.ts';

const MIB = 1024 * 1024;

/** Of a pack that the system hands out in parts of at most `largestRead` bytes. */
function readerOf(pack: Buffer, largestRead: number) {
  return (target: Uint8Array, position: number): number => {
    const part = pack.subarray(position, position + Math.min(target.length, largestRead));
    target.set(part);
    return part.length;
  };
}

/** What the window hands on, as its hash: taken as late as is allowed. */
function windowOn(read: PositionedRead, memory = new WindowMemory()) {
  const hash = createHash('sha256');
  const kept: Uint8Array[] = [];
  const flush = (): void => {
    for (const piece of kept.splice(0)) hash.update(piece);
  };
  const window = new PackWindow(read, memory, { update: (piece) => void kept.push(piece), flush });
  return {
    take: (offset: number, length: number) => window.take(offset, length),
    finish: () => {
      const sizeBytes = window.finish();
      flush();
      return { sizeBytes, hash: hash.digest('hex') };
    },
  };
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

describe('the window on a pack', () => {
  it('gives every blob and the hash of the whole, whatever the lengths and however the system reads', () => {
    const memory = new WindowMemory();
    const lengths = fc.array(fc.oneof(fc.integer({ min: 32, max: 5000 }), fc.integer({ min: 32, max: 3 * MIB })), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(lengths, fc.nat(3000), fc.integer({ min: 1000, max: MIB }), (blobs, rest, largestRead) => {
        const pack = randomBytes(blobs.reduce((sum, length) => sum + length, rest));
        const window = windowOn(readerOf(pack, largestRead), memory);
        let offset = 0;
        for (const length of blobs) {
          const taken = window.take(offset, length);
          expect(taken.equals(pack.subarray(offset, offset + length))).toBe(true);
          offset += length;
        }
        expect(window.finish()).toEqual({ sizeBytes: pack.length, hash: sha256(pack) });
      }),
      { seed: 20261125, numRuns: 60 },
    );
  });

  it('gives what there is when a blob reaches beyond the end, or begins behind it', () => {
    const pack = randomBytes(1000);
    const window = windowOn(readerOf(pack, 300));
    expect(window.take(900, 4_000_000_000).equals(pack.subarray(900))).toBe(true);
    expect(window.take(5000, 10)).toHaveLength(0);
    expect(window.finish()).toEqual({ sizeBytes: 1000, hash: sha256(pack) });
  });

  it('skips what no blob covers, and goes back for blobs that overlap', () => {
    const pack = randomBytes(9 * MIB);
    const window = windowOn(readerOf(pack, MIB));
    for (const [offset, length] of [
      [7, 100],
      [8 * MIB, 1000],
      [3, 200],
      [8 * MIB + 500, 100],
    ] as const) {
      expect(window.take(offset, length).equals(pack.subarray(offset, offset + length))).toBe(true);
    }
    expect(window.finish().hash).toBe(sha256(pack));
  });

  it('needs little memory for a long pack of usual blobs', () => {
    const blobBytes = MIB;
    let largest = 0;
    const window = windowOn((target, position) => {
      largest = Math.max(largest, target.buffer.byteLength);
      return Math.max(0, Math.min(target.length, 128 * MIB - position));
    });
    for (let offset = 0; offset < 128 * MIB; offset += blobBytes) window.take(offset, blobBytes);
    expect(window.finish().sizeBytes).toBe(128 * MIB);
    expect(largest).toBeLessThanOrEqual(4 * MIB);
  });
});
