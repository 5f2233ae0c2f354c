/** restic's authenticated encryption: AES-256-CTR, then Poly1305-AES over the cipher text; synchronous, usable in any thread. */
import { createCipheriv, createSecretKey, hash, randomFillSync, timingSafeEqual } from 'node:crypto';
import sodium from 'sodium-native';
import { IntegrityError } from '../common/errors.ts';
import { loadNativeCtr, type CtrCipher } from './native-cipher.ts';
import { loadNativeMac, type Authenticator } from './native-mac.ts';
import type { MasterKey } from './repository.ts';

export const NONCE_BYTES = 16;
const NONCE_POOL_BYTES = 256 * NONCE_BYTES;
const MAC_BYTES = 16;

/** What sealing adds: `nonce(16) || cipher text || MAC(16)` (restic's doc/design.rst, "Keys, Encryption and MAC"). */
export const SEAL_OVERHEAD_BYTES = NONCE_BYTES + MAC_BYTES;

/** Larger pieces make Node allocate through mmap for every call, which costs more than the cipher itself. */
const CIPHER_PIECE_BYTES = 96 * 1024;

/** A key ready for use. */
export interface SealingKey {
  readonly ctr: CtrCipher;
  readonly authenticate: Authenticator;
  /** Fills the 16 bytes with fresh randomness, which costs less when it is fetched for many nonces at once. */
  readonly fillNonce: (nonce: Uint8Array) => void;
}

interface KeyBytes {
  encrypt: Uint8Array;
  macK: Uint8Array;
  macR: Uint8Array;
}

/**
 * Takes the key as it is, also after it has crossed to a worker thread (where Buffers arrive as Uint8Array).
 *
 * @param ctr AES-256-CTR under `key.encrypt`; default: node:crypto's, which is ready at once.
 * @param authenticate Poly1305-AES; default: libsodium's.
 */
export function prepareKey(
  key: KeyBytes,
  ctr: CtrCipher = createNodeCtr(key.encrypt),
  authenticate: Authenticator = createSodiumMac(key),
): SealingKey {
  return { ctr, authenticate, fillNonce: createNonceSource() };
}

/** For threads that seal or open blobs in number: by Node's own OpenSSL as far as it is there, which takes a moment to load. */
export function prepareNativeKey(key: KeyBytes): SealingKey {
  return prepareKey(key, loadNativeCtr(key.encrypt), loadNativeMac(key.macK, clampR(key.macR)));
}

function createNonceSource(): (nonce: Uint8Array) => void {
  const pool = new Uint8Array(NONCE_POOL_BYTES);
  let used = pool.length;
  return (nonce) => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    nonce.set(pool.subarray(used, used + NONCE_BYTES));
    used += NONCE_BYTES;
  };
}

/** A fresh random master key. */
export function generateMasterKey(): MasterKey {
  return {
    encrypt: randomFillSync(Buffer.alloc(32)),
    macK: randomFillSync(Buffer.alloc(16)),
    macR: Buffer.from(clampR(randomFillSync(Buffer.alloc(16)))),
  };
}

/** Encrypts and authenticates. The result is its own memory, `plain.length + SEAL_OVERHEAD_BYTES` long. */
export function seal(key: SealingKey, plain: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(plain.length + SEAL_OVERHEAD_BYTES);
  sealInto(key, plain, sealed);
  return sealed;
}

/**
 * Like `seal`, into the start of `target`; returns the bytes written. The plain bytes may lie in the target already, 16
 * bytes behind its start.
 */
export function sealInto(key: SealingKey, plain: Uint8Array, target: Uint8Array): number {
  const nonce = target.subarray(0, NONCE_BYTES);
  key.fillNonce(nonce);
  const end = NONCE_BYTES + plain.length;
  key.ctr(nonce, plain, target.subarray(NONCE_BYTES, end));
  authenticate(key, nonce, target.subarray(NONCE_BYTES, end), target.subarray(end, end + MAC_BYTES));
  return end + MAC_BYTES;
}

/**
 * Verifies and decrypts. Throws IntegrityError, naming `what`, when the MAC does not fit.
 *
 * @param target Takes the plain bytes, if it is large enough; default: memory of their own.
 */
export function open(key: SealingKey, sealed: Uint8Array, what: string, target?: Buffer): Buffer {
  if (sealed.length < SEAL_OVERHEAD_BYTES) {
    throw new IntegrityError(`${what} is too short to be encrypted data (${sealed.length} bytes)`);
  }
  const end = sealed.length - MAC_BYTES;
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const cipherText = sealed.subarray(NONCE_BYTES, end);
  const expected = new Uint8Array(MAC_BYTES);
  authenticate(key, nonce, cipherText, expected);
  if (!timingSafeEqual(expected, sealed.subarray(end))) {
    throw new IntegrityError(`${what} fails its authentication: the stored bytes were changed, or the key is another`);
  }
  const size = cipherText.length;
  const plain = target !== undefined && target.length >= size ? target.subarray(0, size) : Buffer.allocUnsafe(size);
  key.ctr(nonce, cipherText, plain);
  return plain;
}

/** Hex SHA-256, which names blobs, packs and files. */
export function sha256Hex(content: Uint8Array): string {
  return hash('sha256', content, 'hex');
}

/** Poly1305-AES (Bernstein 2005): Poly1305 under the one-time key `r || AES_k(nonce)`. */
export function authenticate(key: SealingKey, nonce: Uint8Array, message: Uint8Array, mac: Uint8Array): void {
  key.authenticate(nonce, message, mac);
}

function createSodiumMac({ macK, macR }: KeyBytes): Authenticator {
  // Of single blocks one after the other: ECB has no state, so that one cipher serves all nonces.
  const cipher = createCipheriv('aes-128-ecb', macK, null).setAutoPadding(false);
  const oneTimeKey = new Uint8Array(32);
  oneTimeKey.set(clampR(macR), 0);
  return (nonce, message, mac) => {
    oneTimeKey.set(cipher.update(nonce), 16);
    sodium.crypto_onetimeauth(mac, message, oneTimeKey);
  };
}

/** KeyObjects cost a third of what raw keys cost per cipher. */
function createNodeCtr(encrypt: Uint8Array): CtrCipher {
  const key = createSecretKey(encrypt);
  return (nonce, input, output) => {
    const cipher = createCipheriv('aes-256-ctr', key, nonce);
    for (let offset = 0; offset < input.length; offset += CIPHER_PIECE_BYTES) {
      output.set(cipher.update(input.subarray(offset, offset + CIPHER_PIECE_BYTES)), offset);
    }
  };
}

/** Poly1305 fixes 22 bits of r at zero. libsodium does so when it computes; restic also stores r so. */
function clampR(r: Uint8Array): Uint8Array {
  const clamped = Uint8Array.from(r);
  for (const index of [3, 7, 11, 15]) clamped[index] = clamped[index]! & 0x0f;
  for (const index of [4, 8, 12]) clamped[index] = clamped[index]! & 0xfc;
  return clamped;
}
