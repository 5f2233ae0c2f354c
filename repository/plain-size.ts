/** How long a blob is before compression and encryption, as the index tells it. */
import { SEAL_OVERHEAD_BYTES } from './crypto.ts';
import type { BlobLocation } from './repository.ts';

/** Bytes. */
export function plainSize({ length, uncompressedLength }: Pick<BlobLocation, 'length' | 'uncompressedLength'>): number {
  return uncompressedLength ?? length - SEAL_OVERHEAD_BYTES;
}
