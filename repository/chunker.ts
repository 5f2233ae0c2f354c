/** The content-defined chunker: cuts bytes exactly where restic's Rabin chunker cuts them. */
import { IntegrityError } from '../common/errors.ts';
import { rabinTables } from './rabin-tables.ts';

/** Bytes the rolling hash looks at. */
export const CHUNKER_WINDOW_BYTES = 64;
/** No chunk is smaller, but the last of a file. */
export const MIN_CHUNK_BYTES = 512 * 1024;
/** No chunk is larger. */
export const MAX_CHUNK_BYTES = 8 * 1024 * 1024;
/** A cut is where these bits of the hash are zero: a chunk has 1 MiB beyond the minimum on average. */
const CUT_MASK = 0xfffff;

/** Reads the polynomial of a repository's config (hex). Throws IntegrityError for what is not of degree 53, which restic always takes. */
export function parsePolynomial(hex: string): bigint {
  if (!/^[0-9a-f]{1,16}$/i.test(hex) || BigInt(`0x${hex}`) >> 53n !== 1n) {
    throw new IntegrityError(
      `The repository's chunker polynomial ${JSON.stringify(hex)} is not a polynomial of degree 53.`,
      {
        hint: 'Restore the repository file "config" from a copy.',
      },
    );
  }
  return BigInt(`0x${hex}`);
}

/** Finds the cuts of one repository. Holds no state between calls, since a cut depends on the chunk's start and its bytes alone. */
export interface Chunker {
  /**
   * The end of the chunk that starts at `start`, given the bytes up to `end`. At the end of the file (`last`) the rest
   * is a chunk; otherwise -1 says that more bytes are needed, which never happens with MAX_CHUNK_BYTES or more of them.
   */
  findCut(bytes: Uint8Array, start: number, end: number, last: boolean): number;
}

/**
 * The chunker in plain JavaScript. The hash of the last 64 bytes is a polynomial over GF(2) modulo the repository's;
 * its 53 bits are held as two 32-bit halves, since a number's bit operations have no more.
 */
export function createChunker(polynomial: bigint): Chunker {
  const tables = rabinTables(polynomial);
  return {
    findCut(bytes, start, end, last) {
      const limit = Math.min(end, start + MAX_CHUNK_BYTES);
      const cut = scan(tables, bytes, start + MIN_CHUNK_BYTES, limit);
      if (cut !== -1) return cut;
      return limit - start === MAX_CHUNK_BYTES || last ? limit : -1;
    },
  };
}

/** The first position in [from, to] before which 64 bytes hash to a cut; -1 when there is none. */
function scan(tables: ReturnType<typeof rabinTables>, bytes: Uint8Array, from: number, to: number): number {
  if (from > to) return -1;
  const { outHigh, outLow, modHigh, modLow } = tables;
  let high = 0;
  let low = 0;
  for (let position = from - CHUNKER_WINDOW_BYTES; position < from; position++) {
    const index = high >>> 13;
    high = ((high << 8) | (low >>> 24)) ^ modHigh[index]!;
    low = ((low << 8) | bytes[position]!) ^ modLow[index]!;
  }
  if ((low & CUT_MASK) === 0) return from;
  for (let position = from; position < to; position++) {
    const out = bytes[position - CHUNKER_WINDOW_BYTES]!;
    const index = high >>> 13;
    high = ((high << 8) | (low >>> 24)) ^ modHigh[index]! ^ outHigh[out]!;
    low = ((low << 8) | bytes[position]!) ^ modLow[index]! ^ outLow[out]!;
    if ((low & CUT_MASK) === 0) return position + 1;
  }
  return -1;
}
