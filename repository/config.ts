/** The `config` file: the repository's version, id and chunker polynomial, encrypted but never compressed. */
import { randomBytes } from 'node:crypto';
import { HoldfastError, IntegrityError } from '../common/errors.ts';
import { parseJsonObject } from './json-object.ts';
import { degree, isIrreducible, randomPolynomial } from './polynomial.ts';
import type { RepositoryConfig } from './repository.ts';

/** A fresh config of format version 2; `polynomial` as in another config, for files to be cut alike. */
export function createConfig(polynomial: string = randomPolynomial().toString(16)): RepositoryConfig {
  return { version: 2, id: randomBytes(32).toString('hex'), chunker_polynomial: polynomial };
}

/** Throws IntegrityError for a document that is no config, NotBuilt for a version that is not known. */
export function parseConfig(plain: Buffer, where: string): RepositoryConfig {
  const what = `the config of the repository at ${where}`;
  const { version, id, chunker_polynomial: polynomial } = parseJsonObject(plain, what);
  if (!Number.isSafeInteger(version) || (version as number) < 1) throw new IntegrityError(`${what} has no version`);
  if (version !== 1 && version !== 2) {
    throw new HoldfastError('NotBuilt', `the repository at ${where} has format version ${String(version)}`, {
      hint: 'Use a newer holdfast: this one knows the versions 1 and 2.',
    });
  }
  if (typeof id !== 'string' || !/^[0-9a-f]{64}$/.test(id)) {
    throw new IntegrityError(`${what} has no id`);
  }
  if (typeof polynomial !== 'string' || !/^[0-9a-f]{1,16}$/.test(polynomial) || !isUsable(BigInt(`0x${polynomial}`))) {
    throw new IntegrityError(`${what} has no irreducible polynomial of degree 53`);
  }
  return { version, id, chunker_polynomial: polynomial };
}

function isUsable(polynomial: bigint): boolean {
  return degree(polynomial) === 53 && isIrreducible(polynomial);
}
