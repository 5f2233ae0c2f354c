/** The two tables that let the Rabin hash roll by a byte: what leaves the window, and what overflows the polynomial. */

const DEGREE = 53;
const WINDOW_BYTES = 64;

/** Values of up to 61 bits, split into 32-bit halves; 256 entries each. */
export interface RabinTables {
  /** byte · x^512 mod P: removes a byte that left the window, after the shift that takes the next one in. */
  outHigh: Int32Array;
  outLow: Int32Array;
  /** byte · x^53, reduced mod P and with its own bits: one XOR brings eight overflowing bits back below degree 53. */
  modHigh: Int32Array;
  modLow: Int32Array;
}

/**
 * The tables of one polynomial over GF(2), given as its bits; its degree is 53. The hash of bytes b0…b63 is
 * (b0·x^504 + … + b63) mod P, as in restic's chunker.
 */
export function rabinTables(polynomial: bigint): RabinTables {
  const powers = powersOfX(polynomial, WINDOW_BYTES * 8 + 8);
  const tables = {
    outHigh: new Int32Array(256),
    outLow: new Int32Array(256),
    modHigh: new Int32Array(256),
    modLow: new Int32Array(256),
  };
  for (let byte = 0; byte < 256; byte++) {
    let out = 0n;
    let mod = BigInt(byte) << BigInt(DEGREE);
    for (let bit = 0; bit < 8; bit++) {
      if ((byte & (1 << bit)) === 0) continue;
      out ^= powers[WINDOW_BYTES * 8 + bit]!;
      mod ^= powers[DEGREE + bit]!;
    }
    tables.outHigh[byte] = Number(BigInt.asIntN(32, out >> 32n));
    tables.outLow[byte] = Number(BigInt.asIntN(32, out));
    tables.modHigh[byte] = Number(BigInt.asIntN(32, mod >> 32n));
    tables.modLow[byte] = Number(BigInt.asIntN(32, mod));
  }
  return tables;
}

/** x^0 … x^(count-1), each mod P. */
function powersOfX(polynomial: bigint, count: number): bigint[] {
  const powers = [1n];
  while (powers.length < count) {
    const next = powers.at(-1)! << 1n;
    powers.push(next >> BigInt(DEGREE) ? next ^ polynomial : next);
  }
  return powers;
}
