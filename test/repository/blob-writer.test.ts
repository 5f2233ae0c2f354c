import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { BlobWriter } from '../../repository/blob-writer.ts';
import { KnownBlobs } from '../../repository/known-blobs.ts';

const PACK_BYTES = 64 * 1024;
const BLOB_BYTES = 256;

it('fills its two packs at random, but one well before the other', () => {
  const key = { encrypt: randomBytes(32), macK: randomBytes(16), macR: randomBytes(16) };
  const settings = { key, compression: 'none', version: 2, packSizeBytes: PACK_BYTES, polynomial: '' } as const;
  const known = new KnownBlobs();
  known.grow(10_000, () => {
    throw new Error('nothing is stored yet');
  });
  let added = 0;
  const finishedAt: number[] = [];
  const writer = new BlobWriter({ ...settings, knownBlobs: known.memory, abort: new SharedArrayBuffer(4) }, known, () =>
    finishedAt.push(added),
  );
  while (finishedAt.length < 20) {
    writer.addData(randomBytes(BLOB_BYTES));
    added += BLOB_BYTES;
  }
  const gaps = finishedAt.slice(3).map((at, index) => (at - finishedAt[index + 2]!) / PACK_BYTES);
  // Both at the same pace would be full at once, and then for long none: gaps of nearly 0 and of nearly 2.
  expect(Math.min(...gaps)).toBeGreaterThan(0.25);
  expect(Math.max(...gaps)).toBeLessThan(1.5);
});
