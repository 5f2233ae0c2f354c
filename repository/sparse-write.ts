/** Writing a file's blobs where they belong, leaving holes where they hold only zeros. */
import { writeSync } from 'node:fs';

/** Smaller runs of zeros are written: a hole costs an extent. */
const HOLE_BYTES = 32 * 1024;

const ZEROS = Buffer.alloc(HOLE_BYTES);

/**
 * Writes `plain` at the file's `offset`; blocks of zeros, aligned in the file, are left out.
 * Returns whether it ends with such a hole: the caller gives the file its length. Throws Node's error.
 */
export function writeSparse(descriptor: number, plain: Buffer, offset: number): boolean {
  let pending = 0;
  // The first aligned block begins somewhere inside the blob.
  for (
    let block = (HOLE_BYTES - (offset % HOLE_BYTES)) % HOLE_BYTES;
    block + HOLE_BYTES <= plain.length;
    block += HOLE_BYTES
  ) {
    // Most blocks differ in their first byte, and are not compared further.
    if (plain[block] !== 0 || ZEROS.compare(plain, block, block + HOLE_BYTES) !== 0) continue;
    writeAll(descriptor, plain, pending, block, offset);
    pending = block + HOLE_BYTES;
  }
  writeAll(descriptor, plain, pending, plain.length, offset);
  return pending > 0 && pending === plain.length;
}

/** Throws Node's error. */
export function writeAll(descriptor: number, plain: Buffer, start: number, end: number, offset: number): void {
  while (start < end) start += writeSync(descriptor, plain, start, end - start, offset + start);
}
