/** Unpacked files (index, snapshots, locks): sealed as a whole, compressed in format version 2, named by their SHA-256. */
import { IntegrityError } from '../common/errors.ts';
import { compressUnpacked, decompressUnpacked, type Compression } from './compression.ts';
import { open, seal, sha256Hex, type SealingKey } from './crypto.ts';
import type { UnpackedKind } from './object-names.ts';

/** The stored bytes and their id. */
export function sealUnpacked(
  key: SealingKey,
  content: Uint8Array,
  options: { version: number; compression: Compression },
): { id: string; stored: Buffer } {
  const stored = seal(key, options.version > 1 ? compressUnpacked(content, options.compression) : content);
  return { id: sha256Hex(stored), stored };
}

/** The plain content. Throws IntegrityError when hash, MAC or compression do not fit. */
export function openUnpacked(
  key: SealingKey,
  stored: Uint8Array,
  file: { kind: UnpackedKind; id: string; version: number },
): Buffer {
  const what = `${file.kind}/${file.id}`;
  if (sha256Hex(stored) !== file.id) throw new IntegrityError(`${what} is damaged: its hash is not its name`);
  const plain = open(key, stored, what);
  return file.version > 1 ? decompressUnpacked(plain, what) : plain;
}
