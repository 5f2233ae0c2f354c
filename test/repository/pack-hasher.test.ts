import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadBlockHasher, type BlockHasher } from '../../repository/native-sha256.ts';
import { createPackHasher } from '../../repository/pack-hasher.ts';

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');
const native = loadBlockHasher();

/** Lengths around the ends of blocks, and those that are long enough to be paired. */
const length = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 8100, max: 8400 }),
  fc.integer({ min: 8000, max: 300_000 }),
);
const step = fc.record({ kind: fc.constantFrom('piece', 'piece', 'blob', 'blob', 'flush'), length });

describe.each<{ by: string; blocks: BlockHasher | undefined }>([
  { by: 'node:crypto', blocks: undefined },
  ...(native === undefined ? [] : [{ by: "OpenSSL's function for several inputs", blocks: native }]),
])('hashing a pack and its blobs by $by', ({ blocks }) => {
  const hasher = createPackHasher(blocks);

  it('gives the hash of each, in whatever order pieces and blobs come', () => {
    const memory = randomBytes(700_000);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.nat(1000), (steps, start) => {
        hasher.begin();
        const pack = createHash('sha256');
        const given: string[] = [];
        const expected: string[] = [];
        let [open, mostOpen, used] = [0, 0, 0];
        const window = Buffer.allocUnsafeSlow(12 * 300_000);
        for (const [number, { kind, length: bytes }] of steps.entries()) {
          if (kind === 'flush') {
            hasher.flush();
            // The window's memory is used for what comes next.
            window.fill(0);
            used = 0;
            continue;
          }
          if (kind === 'piece') {
            const piece = window.subarray(used, (used += bytes));
            memory.copy(piece, 0, start * number);
            pack.update(piece);
            hasher.update(piece);
            continue;
          }
          const content = Buffer.allocUnsafeSlow(bytes + 3).subarray(3);
          memory.copy(content, 0, start * number, start * number + bytes);
          expected.push(sha256(content));
          open++;
          hasher.addBlob(content, (id) => {
            open--;
            given.push(id);
            content.fill(0);
          });
          mostOpen = Math.max(mostOpen, open);
        }
        expect(hasher.finish()).toBe(pack.digest('hex'));
        expect(given.toSorted()).toEqual(expected.toSorted());
        expect(mostOpen).toBeLessThanOrEqual(1);
      }),
      { seed: 20261125, numRuns: 300 },
    );
  });

  it('forgets what was under way when it begins anew', () => {
    hasher.begin();
    hasher.update(randomBytes(100));
    hasher.addBlob(randomBytes(10_000), () => undefined);
    hasher.begin();
    hasher.update(Buffer.from('abc'));
    expect(hasher.finish()).toBe(sha256(Buffer.from('abc')));
  });
});
