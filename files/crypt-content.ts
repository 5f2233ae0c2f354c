/** The content of a file in rclone's crypt format (rclone's docs, "File formats"): a header, then blocks of 64 KiB, each sealed. */
import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import sodium from 'sodium-native';
import { IntegrityError } from '../common/errors.ts';

export interface CryptKeys {
  /** 32 bytes, for the content. */
  dataKey: Buffer;
  /** 32 bytes, and 16. */
  nameKey: Buffer;
  nameTweak: Buffer;
}

/** rclone's own salt, for those who give none. */
const DEFAULT_SALT = Buffer.from('a80df43a8fbd0308a7cab83e581f86b1', 'hex');
const SCRYPT = { N: 16384, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/** Takes 50 ms and 16 MiB. */
export async function deriveCryptKeys(password: string, salt?: string): Promise<CryptKeys> {
  const derive = promisify<string, string | Buffer, number, typeof SCRYPT, Buffer>(scrypt);
  const key = await derive(password, salt === undefined || salt === '' ? DEFAULT_SALT : salt, 80, SCRYPT);
  return { dataKey: key.subarray(0, 32), nameKey: key.subarray(32, 64), nameTweak: key.subarray(64, 80) };
}

const MAGIC = Buffer.from('RCLONE\0\0', 'latin1');
const NONCE_BYTES = 24;
const MAC_BYTES = 16;
const BLOCK_BYTES = 64 * 1024;
export const CRYPT_HEADER_BYTES = MAGIC.length + NONCE_BYTES;
/** The header and the first block: what tells whether a key fits. */
export const CRYPT_PROBE_BYTES = CRYPT_HEADER_BYTES + MAC_BYTES + BLOCK_BYTES;

/** The bytes that a stored file of this size holds; undefined when no whole file can have this size. */
export function plainSizeBytes(storedBytes: number): number | undefined {
  const content = storedBytes - CRYPT_HEADER_BYTES;
  if (content < 0) return undefined;
  const whole = Math.floor(content / (MAC_BYTES + BLOCK_BYTES));
  const rest = content % (MAC_BYTES + BLOCK_BYTES);
  if (rest === 0) return whole * BLOCK_BYTES;
  return rest > MAC_BYTES ? whole * BLOCK_BYTES + rest - MAC_BYTES : undefined;
}

/** @param nonce The first block's; random, except where a test compares. */
export async function* encryptContent(
  dataKey: Uint8Array,
  plain: AsyncIterable<Uint8Array>,
  nonce: Uint8Array = randomBytes(NONCE_BYTES),
): AsyncGenerator<Uint8Array> {
  const counter = Buffer.from(nonce);
  yield Buffer.concat([MAGIC, counter]);
  for await (const block of cutPieces(plain, BLOCK_BYTES, BLOCK_BYTES)) {
    const sealed = Buffer.allocUnsafe(MAC_BYTES + block.length);
    sodium.crypto_secretbox_easy(sealed, block, counter, dataKey);
    increment(counter);
    yield sealed;
  }
}

/**
 * Hands out a block once all of it is authenticated. Throws IntegrityError, naming `what`, for changed and missing
 * bytes; only whole blocks missing at the end go unnoticed here, and show in the size.
 */
export async function* decryptContent(
  dataKey: Uint8Array,
  stored: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array> {
  let counter: Buffer | undefined;
  for await (const piece of cutPieces(stored, CRYPT_HEADER_BYTES, MAC_BYTES + BLOCK_BYTES)) {
    if (counter === undefined) {
      counter = readHeader(piece, what);
      continue;
    }
    yield openBlock(dataKey, piece, counter, what);
    increment(counter);
  }
  if (counter === undefined) readHeader(Buffer.alloc(0), what);
}

/** Whether the beginning of a stored file is of this format. */
export function hasCryptHeader(beginning: Buffer): boolean {
  return beginning.length >= CRYPT_HEADER_BYTES && beginning.subarray(0, MAGIC.length).equals(MAGIC);
}

function readHeader(piece: Buffer, what: string): Buffer {
  if (piece.length < CRYPT_HEADER_BYTES)
    throw new IntegrityError(`${what} is too short to be an encrypted file (${piece.length} bytes)`);
  if (!hasCryptHeader(piece)) throw new IntegrityError(`${what} does not begin as an encrypted file does`);
  return Buffer.from(piece.subarray(MAGIC.length));
}

function openBlock(dataKey: Uint8Array, sealed: Buffer, nonce: Buffer, what: string): Buffer {
  if (sealed.length <= MAC_BYTES) throw new IntegrityError(`${what} ends in the middle of a block`);
  const block = Buffer.allocUnsafe(sealed.length - MAC_BYTES);
  if (sodium.crypto_secretbox_open_easy(block, sealed, nonce, dataKey)) return block;
  throw new IntegrityError(
    `${what} fails its authentication: the stored bytes were changed, or the password is another`,
  );
}

/** The nonce is a number with its lowest byte first. */
function increment(nonce: Buffer): void {
  for (let index = 0; index < nonce.length; index++) {
    nonce[index] = (nonce[index]! + 1) & 0xff;
    if (nonce[index] !== 0) return;
  }
}

/** The bytes in pieces of these sizes, the last one shorter. A piece is valid until the next one is asked for. */
async function* cutPieces(
  source: AsyncIterable<Uint8Array>,
  firstBytes: number,
  furtherBytes: number,
): AsyncGenerator<Buffer> {
  let wanted = firstBytes;
  let held: Buffer = Buffer.alloc(0);
  for await (const piece of source) {
    const fresh = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    held = held.length === 0 ? fresh : Buffer.concat([held, fresh]);
    let start = 0;
    for (; held.length - start >= wanted; wanted = furtherBytes) {
      yield held.subarray(start, (start += wanted));
    }
    // What comes next may lie in the same memory: a reader is free to use it again.
    held = Buffer.from(held.subarray(start));
  }
  if (held.length > 0) yield held;
}
