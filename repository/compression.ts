/** zstd as the repository uses it: which blobs are compressed, and the leading byte of unpacked files. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { IntegrityError } from '../common/errors.ts';
import type { NativeCompressor, NativeDecompressor } from './native-zstd.ts';
import type { BlobType } from './repository.ts';

export type Compression = 'none' | 'auto' | 'max';

/** About what restic's encoder reaches in its modes `auto` and `max`: with level 2 within 1 % of its size, level 3 gains 2 % for a quarter more time. */
const LEVEL: Record<Compression, number> = { none: 1, auto: 2, max: 11 };

/** Bytes. What does not fit is put together from several. */
const LARGEST_OUTPUT_CHUNK = 128 * 1024;
/** Above the content's own size: what a frame's header and blocks add to incompressible content. */
const SMALLEST_OUTPUT_CHUNK = 128;

/** Format version 2: the first byte of a compressed unpacked file. Plain JSON begins with `{` or `[` instead. */
const COMPRESSED_MARK = 2;

/** Blobs and unpacked files (index, snapshot, lock) are some megabytes; what claims more than this was made to do harm. */
const MAX_PLAIN_BYTES = 500 * 1024 * 1024;

/**
 * Compresses a blob into the start of `target`, which has room for `compressedBound` bytes, and returns the bytes
 * written; -1: the blob is stored plain (`none` for data, or it does not get smaller). Trees are always compressed, as
 * restic does.
 */
export type BlobCompressor = (type: BlobType, plain: Uint8Array, target: Buffer) => number;

/** @param loadNative Default: node:zlib does it, which is ready at once and slower for small blobs. */
export function createBlobCompressor(
  compression: Compression,
  loadNative?: (level: number) => NativeCompressor | undefined,
): BlobCompressor {
  const native = loadNative?.(LEVEL[compression]);
  return (type, plain, target) => {
    if (type === 'data' && compression === 'none') return -1;
    const limit = type === 'tree' ? target.length : plain.length - 1;
    const written = native?.(plain, target.subarray(0, limit)) ?? -1;
    if (written >= 0 || (native !== undefined && type === 'data')) return written;
    const compressed = zstd(plain, compression);
    return compressed.length <= limit ? compressed.copy(target) : -1;
  };
}

/** Bytes that zstd may need for content of this length (`ZSTD_COMPRESSBOUND` of zstd.h), and that plain content needs. */
export function compressedBound(plainLength: number): number {
  return plainLength + (plainLength >> 8) + SMALLEST_OUTPUT_CHUNK;
}

/**
 * Throws IntegrityError when the content is no zstd, or not of the length that the pack's header promised. With a
 * native decompressor the result is valid until its next use.
 */
export function decompressBlob(
  compressed: Uint8Array,
  plainLength: number,
  what: string,
  native?: NativeDecompressor,
): Buffer {
  const quick = native?.(compressed, plainLength);
  if (quick !== undefined) return quick;
  if (plainLength > MAX_PLAIN_BYTES) throw new IntegrityError(`${what} claims to have ${plainLength} bytes`);
  // Node refuses an output limit of 0, which an empty blob would have.
  const plain = unzstd(compressed, Math.max(plainLength, 1), what);
  if (plain.length !== plainLength) {
    throw new IntegrityError(`${what} has ${plain.length} bytes when decompressed, not ${plainLength}`);
  }
  return plain;
}

/** Also where it does not get smaller, as restic does: what is compressed is not looked at again. */
export function compressAlways(plain: Uint8Array, compression: Compression): Buffer {
  return zstd(plain, compression);
}

export function compressUnpacked(plain: Uint8Array, compression: Compression): Buffer {
  return Buffer.concat([Buffer.of(COMPRESSED_MARK), zstd(plain, compression)]);
}

export function decompressUnpacked(content: Buffer, what: string): Buffer {
  const first = content[0];
  if (first === 0x7b || first === 0x5b) return content;
  if (first !== COMPRESSED_MARK) throw new IntegrityError(`${what} begins with the unknown byte ${String(first)}`);
  return unzstd(content.subarray(1), MAX_PLAIN_BYTES, what);
}

function zstd(plain: Uint8Array, compression: Compression): Buffer {
  // The output buffer that Node would allocate, 64 KiB, costs small blobs more than their compression.
  const chunkSize = Math.min(LARGEST_OUTPUT_CHUNK, compressedBound(plain.length));
  const params = { [constants.ZSTD_c_compressionLevel]: LEVEL[compression] };
  return zstdCompressSync(plain, { chunkSize, pledgedSrcSize: plain.length, params });
}

function unzstd(compressed: Uint8Array, maxOutputLength: number, what: string): Buffer {
  try {
    const chunkSize = Math.max(SMALLEST_OUTPUT_CHUNK, Math.min(LARGEST_OUTPUT_CHUNK, maxOutputLength + 1));
    return zstdDecompressSync(compressed, { maxOutputLength, chunkSize });
  } catch (cause) {
    throw new IntegrityError(`${what} cannot be decompressed`, { cause });
  }
}
