import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { degree, isIrreducible, randomPolynomial } from '../../repository/polynomial.ts';

/** How many irreducible polynomials of degree 1, 2, 3, … there are over GF(2) (OEIS A001037). */
const COUNTS = [2, 1, 2, 3, 6, 9, 18, 30, 56, 99];

/** The polynomials that restic's chunker names in its tests and documentation. */
const KNOWN = [0x3da3358b4dc173n, 0x25b468838dcb75n];

describe('the irreducibility test', () => {
  it.each(COUNTS.map((count, index) => [index + 1, count]))(
    'finds all irreducible polynomials of degree %i',
    (n, count) => {
      let found = 0;
      for (let bits = 1n << BigInt(n); bits < 1n << BigInt(n + 1); bits++) if (isIrreducible(bits)) found++;
      expect(found).toBe(count);
    },
  );

  it.each(KNOWN)('accepts the polynomial %i, which restic uses', (polynomial) => {
    expect(isIrreducible(polynomial)).toBe(true);
  });

  it('refuses every product', () => {
    const factor = fc.bigInt({ min: 2n, max: (1n << 27n) - 1n });
    fc.assert(
      fc.property(factor, factor, (a, b) => {
        expect(isIrreducible(multiply(a, b))).toBe(false);
      }),
      { seed: 20261123 },
    );
  });

  it('refuses constants', () => {
    expect(isIrreducible(0n)).toBe(false);
    expect(isIrreducible(1n)).toBe(false);
  });
});

describe('a random polynomial', () => {
  it('is irreducible, of degree 53, and another each time', () => {
    const polynomials = Array.from({ length: 5 }, () => randomPolynomial());
    for (const polynomial of polynomials) {
      expect(degree(polynomial)).toBe(53);
      expect(isIrreducible(polynomial)).toBe(true);
    }
    expect(new Set(polynomials).size).toBe(5);
  });

  it('passes over candidates that are not irreducible', () => {
    const candidates = [Buffer.alloc(8), Buffer.alloc(8, 0x11)];
    const asked: number[] = [];
    randomPolynomial((bytes) => {
      asked.push(bytes);
      return candidates.shift() ?? randomBytes(bytes);
    });
    expect(asked.length).toBeGreaterThan(1);
  });
});

/** Without carries. */
function multiply(a: bigint, b: bigint): bigint {
  let product = 0n;
  for (let bit = 0n; b >> bit > 0n; bit++) if ((b >> bit) & 1n) product ^= a << bit;
  return product;
}
