/** The chunker's polynomial: random, irreducible over GF(2), of degree 53, one per repository. */
import { randomBytes } from 'node:crypto';

/** A polynomial over GF(2): bit i is the coefficient of x^i. */
export type Polynomial = bigint;

const DEGREE = 53;

/** A fresh random irreducible polynomial of degree 53, as restic's chunker wants it. About one candidate in 27 is. */
export function randomPolynomial(random: (bytes: number) => Buffer = randomBytes): Polynomial {
  for (;;) {
    const bits = random(8).readBigUInt64BE() & ((1n << BigInt(DEGREE)) - 1n);
    // The highest bit fixes the degree; without the lowest, x would divide it.
    const candidate = bits | (1n << BigInt(DEGREE)) | 1n;
    if (isIrreducible(candidate)) return candidate;
  }
}

/** The degree; -1 of the zero polynomial. */
export function degree(polynomial: Polynomial): number {
  return polynomial === 0n ? -1 : polynomial.toString(2).length - 1;
}

/**
 * Rabin's test (1980): f of degree n is irreducible exactly when x^(2^n) = x modulo f, and for each prime p that
 * divides n, x^(2^(n/p)) - x has no factor in common with f.
 */
export function isIrreducible(polynomial: Polynomial): boolean {
  const n = degree(polynomial);
  if (n < 1) return false;
  for (const prime of primeFactors(n)) {
    const difference = frobenius(n / prime, polynomial) ^ remainder(2n, polynomial);
    if (degree(greatestCommonDivisor(polynomial, difference)) !== 0) return false;
  }
  return frobenius(n, polynomial) === remainder(2n, polynomial);
}

/** x^(2^times) modulo the polynomial: x squared again and again. */
function frobenius(times: number, modulus: Polynomial): Polynomial {
  let power = remainder(2n, modulus);
  for (let step = 0; step < times; step++) power = remainder(square(power), modulus);
  return power;
}

/** Over GF(2) squaring puts a zero between all bits. */
function square(polynomial: Polynomial): Polynomial {
  return BigInt(`0b${polynomial.toString(2).split('').join('0')}`);
}

function remainder(polynomial: Polynomial, modulus: Polynomial): Polynomial {
  const modulusDegree = degree(modulus);
  let rest = polynomial;
  for (let shift = degree(rest) - modulusDegree; shift >= 0; shift = degree(rest) - modulusDegree) {
    rest ^= modulus << BigInt(shift);
  }
  return rest;
}

function greatestCommonDivisor(a: Polynomial, b: Polynomial): Polynomial {
  let [left, right] = [a, b];
  while (right !== 0n) [left, right] = [right, remainder(left, right)];
  return left;
}

function primeFactors(n: number): number[] {
  const factors: number[] = [];
  let rest = n;
  for (let candidate = 2; candidate <= rest; candidate++) {
    if (rest % candidate !== 0) continue;
    factors.push(candidate);
    while (rest % candidate === 0) rest /= candidate;
  }
  return factors;
}
