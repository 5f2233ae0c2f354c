/** EME with AES-256: the wide-block cipher that turns a name of 16 to 2,048 bytes into one of equal length, always the same. */
import { createCipheriv, createDecipheriv } from 'node:crypto';

const BLOCK_BYTES = 16;
const LARGEST_BYTES = 128 * BLOCK_BYTES;
/** What x^128 is in the field of 2^128 elements that EME computes in: x^7 + x^2 + x + 1. */
const REDUCTION = 0x87;

export interface WideBlockCipher {
  /** @param bytes A multiple of 16, at most 2,048; RangeError otherwise. The result is its own memory. */
  encrypt(bytes: Uint8Array): Buffer;
  decrypt(bytes: Uint8Array): Buffer;
}

/** AES of one or more blocks, each by itself. */
type BlockCipher = (blocks: Uint8Array) => Buffer;

/**
 * Halevi and Rogaway, "A Parallelizable Enciphering Mode" (eprint.iacr.org/2003/147), figure 2. The names below are
 * the paper's.
 *
 * @param key 32 bytes.
 * @param tweak 16 bytes.
 */
export function createEme(key: Uint8Array, tweak: Uint8Array): WideBlockCipher {
  // Without padding and chaining the objects hold no state between calls.
  const forward = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  const backward = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  const encryptBlocks: BlockCipher = (blocks) => forward.update(blocks);
  const decryptBlocks: BlockCipher = (blocks) => backward.update(blocks);
  const masks = maskTable(double(encryptBlocks(Buffer.alloc(BLOCK_BYTES))));
  return {
    encrypt: (bytes) => transform(encryptBlocks, masks, tweak, bytes),
    decrypt: (bytes) => transform(decryptBlocks, masks, tweak, bytes),
  };
}

/** Both directions are the same steps, with AES in the one direction or the other. */
function transform(aes: BlockCipher, masks: Uint8Array, tweak: Uint8Array, bytes: Uint8Array): Buffer {
  const { length } = bytes;
  if (length === 0 || length % BLOCK_BYTES !== 0 || length > LARGEST_BYTES)
    throw new RangeError(`EME takes 16 to 2,048 bytes in whole blocks, not ${length}`);
  const ppp = aes(xor(bytes, masks));
  const mp = xor(sumOfBlocks(ppp, 0), tweak);
  const mc = aes(mp);
  const ccc = Buffer.from(ppp);
  let m = xor(mp, mc);
  for (let start = BLOCK_BYTES; start < length; start += BLOCK_BYTES) {
    m = double(m);
    xorInto(ccc.subarray(start, start + BLOCK_BYTES), m);
  }
  xor(xor(sumOfBlocks(ccc, BLOCK_BYTES), mc), tweak).copy(ccc, 0);
  return xor(aes(ccc), masks);
}

/** L, 2L, 4L, … for as many blocks as there can be. */
function maskTable(first: Uint8Array): Uint8Array {
  const table = new Uint8Array(LARGEST_BYTES);
  let mask = first;
  for (let start = 0; start < LARGEST_BYTES; start += BLOCK_BYTES) {
    table.set(mask, start);
    mask = double(mask);
  }
  return table;
}

/** Times x in the field; the first byte holds the lowest coefficients. */
function double(block: Uint8Array): Buffer {
  const doubled = Buffer.alloc(BLOCK_BYTES);
  let carry = block[BLOCK_BYTES - 1]! >> 7 === 1 ? REDUCTION : 0;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    const byte = block[index]!;
    doubled[index] = ((byte << 1) & 0xff) ^ carry;
    carry = byte >> 7;
  }
  return doubled;
}

function sumOfBlocks(bytes: Uint8Array, from: number): Buffer {
  const sum = Buffer.alloc(BLOCK_BYTES);
  for (let start = from; start < bytes.length; start += BLOCK_BYTES)
    xorInto(sum, bytes.subarray(start, start + BLOCK_BYTES));
  return sum;
}

/** As long as the left one. */
function xor(left: Uint8Array, right: Uint8Array): Buffer {
  const result = Buffer.from(left);
  xorInto(result, right);
  return result;
}

function xorInto(target: Uint8Array, other: Uint8Array): void {
  for (let index = 0; index < target.length; index++) target[index]! ^= other[index]!;
}
