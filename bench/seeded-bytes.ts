/** Bytes that look random and are the same for the same seed on every machine: AES-CTR over zeros. */
import { createCipheriv, createHash } from 'node:crypto';

/** The bytes of `length` that belong to the seed and to the numbers `stream` and `block` (up to 2³² each). */
export function seededBytes(seed: string, length: number, stream = 0, block = 0): Buffer {
  const key = createHash('sha256').update(seed).digest();
  const counter = Buffer.alloc(16);
  counter.writeUInt32BE(stream, 0);
  counter.writeUInt32BE(block, 4);
  return createCipheriv('aes-256-ctr', key, counter).update(Buffer.alloc(length));
}
