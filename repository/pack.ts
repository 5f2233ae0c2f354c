/** Packs: sealed blobs one after the other, then a sealed header that lists them (restic's doc/design.rst, "Pack Format"). */
import { IntegrityError } from '../common/errors.ts';
import {
  compressedBound,
  createBlobCompressor,
  decompressBlob,
  type BlobCompressor,
  type Compression,
} from './compression.ts';
import { MAX_CHUNK_BYTES } from './chunker.ts';
import { open, seal, NONCE_BYTES, SEAL_OVERHEAD_BYTES, sealInto, sha256Hex, type SealingKey } from './crypto.ts';
import { allocateLarge } from './native-memory.ts';
import type { NativeDecompressor } from './native-zstd.ts';
import type { BlobType, IndexedBlob, IndexedPack } from './repository.ts';

export const DEFAULT_PACK_SIZE_BYTES = 16 * 1024 * 1024;

/** restic refuses longer headers (16 MiB); a pack is full well before, so that every reader's first guess fits. */
const MAX_HEADER_ENTRIES = 8192;

/**
 * Beyond the size at which a pack is full: the last data blob, and the header. Memory that is not written to is not
 * there, so that it costs nothing to ask for as much as may be needed.
 */
const SLACK_BYTES = compressedBound(MAX_CHUNK_BYTES) + MAX_HEADER_ENTRIES * 64;

const PLAIN_ENTRY_BYTES = 37;
const COMPRESSED_ENTRY_BYTES = 41;
/** Of the header's length, at the very end. */
export const LENGTH_BYTES = 4;

/** The first byte of a header entry. */
const ENTRY_KIND = { data: 0, tree: 1, compressedData: 2, compressedTree: 3 } as const;

export interface PackBuilderOptions {
  compression: Compression;
  /** The pack counts as full from this size on. Default: 16 MiB. */
  packSizeBytes?: number;
  /** Format version 1 has no compression. Default: 2. */
  version?: number;
  /** For threads that compress blobs in number, whose packs share it. Default: node:zlib, by `compression`. */
  compress?: BlobCompressor;
}

/** Builds one pack in memory, synchronously, in any thread. Data and trees belong into packs of their own. */
export class PackBuilder {
  readonly #key: SealingKey;
  readonly #compress: BlobCompressor | undefined;
  readonly #packSizeBytes: number;
  #buffer: Buffer;
  #used = 0;
  #blobs: IndexedBlob[] = [];

  constructor(key: SealingKey, options: PackBuilderOptions) {
    this.#key = key;
    const { compression, version = 2, compress = createBlobCompressor(compression) } = options;
    this.#compress = version > 1 ? compress : undefined;
    this.#packSizeBytes = options.packSizeBytes ?? DEFAULT_PACK_SIZE_BYTES;
    this.#buffer = Buffer.from(new ArrayBuffer(0));
  }

  get blobCount(): number {
    return this.#blobs.length;
  }

  get sizeBytes(): number {
    return this.#used;
  }

  get isFull(): boolean {
    return this.#used >= this.#packSizeBytes || this.#blobs.length >= MAX_HEADER_ENTRIES;
  }

  /** Compresses, seals and appends. `id` is the SHA-256 of `plain`, which the caller has computed. Returns where it lies. */
  add(type: BlobType, id: string, plain: Uint8Array): IndexedBlob {
    const bound = compressedBound(plain.length);
    this.#reserve(bound + SEAL_OVERHEAD_BYTES);
    // Where it will lie sealed: it is encrypted in place.
    const start = this.#used + NONCE_BYTES;
    const compressed = this.#compress?.(type, plain, this.#buffer.subarray(start, start + bound)) ?? -1;
    if (compressed < 0) return this.#append({ id, type }, plain);
    const content = this.#buffer.subarray(start, start + compressed);
    return this.#append({ id, type, uncompressedLength: plain.length }, content);
  }

  /** Seals and appends content that is zstd already, as it was in another pack; the caller has verified it. */
  addCompressed(type: BlobType, id: string, compressed: Uint8Array, plainLength: number): IndexedBlob {
    this.#reserve(compressed.length + SEAL_OVERHEAD_BYTES);
    return this.#append({ id, type, uncompressedLength: plainLength }, compressed);
  }

  #append(blob: Omit<IndexedBlob, 'offset' | 'length'>, stored: Uint8Array): IndexedBlob {
    const length = sealInto(this.#key, stored, this.#buffer.subarray(this.#used));
    const appended: IndexedBlob = { ...blob, offset: this.#used, length };
    this.#blobs.push(appended);
    this.#used += length;
    return appended;
  }

  /** The finished pack, named by its SHA-256; its memory is handed over, and the builder begins an empty pack. */
  finish(): { pack: IndexedPack; content: Buffer } {
    const header = seal(this.#key, encodeHeader(this.#blobs));
    this.#reserve(header.length + LENGTH_BYTES);
    this.#buffer.set(header, this.#used);
    this.#buffer.writeUInt32LE(header.length, this.#used + header.length);
    const content = this.#buffer.subarray(0, this.#used + header.length + LENGTH_BYTES);
    const pack = { id: sha256Hex(content), blobs: this.#blobs };
    this.#buffer = Buffer.from(new ArrayBuffer(0));
    this.#used = 0;
    this.#blobs = [];
    return { pack, content };
  }

  #reserve(bytes: number): void {
    const needed = this.#used + bytes;
    if (needed <= this.#buffer.length) return;
    const wanted = Math.max(needed, this.#packSizeBytes + SLACK_BYTES);
    if (this.#used === 0) {
      this.#buffer = allocateLarge(wanted);
      return;
    }
    // A tree that is larger than any data blob. The old memory is freed at once, not when the collector comes by.
    this.#buffer = Buffer.from((this.#buffer.buffer as ArrayBuffer).transfer(wanted));
  }
}

/** The bytes a pack of these blobs has, header included. */
export function packSizeBytes(blobs: readonly IndexedBlob[]): number {
  return blobs.reduce((sum, blob) => sum + blob.length, 0) + headerSizeBytes(blobs);
}

/** The sealed header with its length field. */
export function headerSizeBytes(blobs: readonly IndexedBlob[]): number {
  return blobs.reduce((sum, blob) => sum + entryBytes(blob), SEAL_OVERHEAD_BYTES + LENGTH_BYTES);
}

/** The blobs that the header at the end of a whole pack lists. Throws IntegrityError, naming the pack. */
export function readPackHeader(key: SealingKey, content: Uint8Array, packId: string): IndexedBlob[] {
  return decodeHeader(openPackHeader(key, content, packId), packId);
}

/** The bytes that the header's length field gives, from the last bytes of a pack. */
export function headerLengthAt(tail: Buffer): number {
  return tail.readUInt32LE(tail.length - LENGTH_BYTES);
}

/** Like `readPackHeader`, not decoded; `content` may be the end of the pack alone, if the header is in it. */
export function openPackHeader(key: SealingKey, content: Uint8Array, packId: string): Buffer {
  const pack = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  if (pack.length < LENGTH_BYTES + SEAL_OVERHEAD_BYTES) {
    throw new IntegrityError(`pack ${packId} is truncated: it has ${pack.length} bytes`);
  }
  const length = headerLengthAt(pack);
  const start = pack.length - LENGTH_BYTES - length;
  if (start < 0 || length < SEAL_OVERHEAD_BYTES) {
    throw new IntegrityError(`pack ${packId} is truncated or damaged: its header cannot have ${length} bytes`);
  }
  return open(key, pack.subarray(start, start + length), `the header of pack ${packId}`);
}

/**
 * Verifies, decrypts and decompresses one blob's stored bytes, and checks its id. Throws IntegrityError. With a native
 * decompressor the result is valid until its next use.
 *
 * @param target Takes what was decrypted, before its decompression; it may be where the stored cipher text lies.
 */
export function openBlob(
  key: SealingKey,
  blob: IndexedBlob,
  stored: Uint8Array,
  packId: string,
  native?: NativeDecompressor,
  target?: Buffer,
): Buffer {
  return openStoredBlob(key, blob, stored, packId, native, target).plain;
}

/** Like `openBlob`; gives the content also as it was stored, before its decompression. */
export function openStoredBlob(
  key: SealingKey,
  blob: IndexedBlob,
  stored: Uint8Array,
  packId: string,
  native?: NativeDecompressor,
  target?: Buffer,
): { plain: Buffer; opened: Buffer } {
  const content = openUnhashed(key, blob, stored, packId, native, target);
  if (sha256Hex(content.plain) !== blob.id) throw new IntegrityError(otherContent(blob, packId));
  return content;
}

/** Like `openStoredBlob`, but for the check of the id, which is the caller's. */
export function openUnhashed(
  key: SealingKey,
  blob: IndexedBlob,
  stored: Uint8Array,
  packId: string,
  native?: NativeDecompressor,
  target?: Buffer,
): { plain: Buffer; opened: Buffer } {
  const what = describeBlob(blob, packId);
  if (stored.length !== blob.length) {
    throw new IntegrityError(`${what} is truncated: ${stored.length} of ${blob.length} bytes are there`);
  }
  const opened = open(key, stored, what, target);
  const length = blob.uncompressedLength;
  return { plain: length === undefined ? opened : decompressBlob(opened, length, what, native), opened };
}

/** What is wrong with a blob whose content has another hash than its id. */
export function otherContent(blob: IndexedBlob, packId: string): string {
  return `${describeBlob(blob, packId)} has other content than its id says`;
}

function describeBlob(blob: IndexedBlob, packId: string): string {
  return `${blob.type} blob ${blob.id} in pack ${packId}`;
}

function entryBytes(blob: IndexedBlob): number {
  return headerEntryBytes(blob.uncompressedLength !== undefined);
}

/** What a blob adds to the header of its pack. */
export function headerEntryBytes(isCompressed: boolean): number {
  return isCompressed ? COMPRESSED_ENTRY_BYTES : PLAIN_ENTRY_BYTES;
}

/** The plain header of a pack in which these blobs lie one after the other. */
export function encodeHeader(blobs: readonly IndexedBlob[]): Buffer {
  const header = Buffer.alloc(blobs.reduce((sum, blob) => sum + entryBytes(blob), 0));
  let position = 0;
  for (const blob of blobs) {
    position = writeHeaderEntry(header, position, blob);
    position += header.write(blob.id, position, 'hex');
  }
  return header;
}

/** Writes an entry up to its id, which follows; returns where. */
export function writeHeaderEntry(
  header: Buffer,
  position: number,
  { type, length, uncompressedLength }: Pick<IndexedBlob, 'type' | 'length' | 'uncompressedLength'>,
): number {
  const compressed = uncompressedLength !== undefined;
  const kind = (type === 'tree' ? ENTRY_KIND.tree : ENTRY_KIND.data) + (compressed ? 2 : 0);
  const next = header.writeUInt32LE(length, header.writeUInt8(kind, position));
  return compressed ? header.writeUInt32LE(uncompressedLength, next) : next;
}

/** Throws IntegrityError. */
export function decodeHeader(header: Buffer, packId: string): IndexedBlob[] {
  const blobs: IndexedBlob[] = [];
  let position = 0;
  let offset = 0;
  while (position < header.length) {
    const kind = header[position]!;
    const compressed = kind === ENTRY_KIND.compressedData || kind === ENTRY_KIND.compressedTree;
    const end = position + (compressed ? COMPRESSED_ENTRY_BYTES : PLAIN_ENTRY_BYTES);
    if (kind > ENTRY_KIND.compressedTree || end > header.length) {
      throw new IntegrityError(`the header of pack ${packId} has an entry that cannot be read`);
    }
    const length = header.readUInt32LE(position + 1);
    const blob: IndexedBlob = {
      id: header.toString('hex', end - 32, end),
      type: kind === ENTRY_KIND.tree || kind === ENTRY_KIND.compressedTree ? 'tree' : 'data',
      offset,
      length,
    };
    if (compressed) blob.uncompressedLength = header.readUInt32LE(position + 5);
    blobs.push(blob);
    offset += length;
    position = end;
  }
  return blobs;
}
