/** Opened blobs of a batch, in a reader thread: from packs on this machine, or from bytes that the main thread has read. */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { IntegrityError } from '../common/errors.ts';
import { errorCode } from '../files/file-errors.ts';
import { readFully } from '../files/read-fully.ts';
import { decompressBlob } from './compression.ts';
import { NONCE_BYTES, open, sha256Hex, type SealingKey } from './crypto.ts';
import type { NativeDecompressor } from './native-zstd.ts';
import { packName } from './object-names.ts';
import type { IndexedBlob } from './repository.ts';
import type { ReadMemory } from './read-memory.ts';
import type { BlobSource } from './restore-messages.ts';

type Read = BlobSource['reads'][number];

/** What a thread has for reading, one batch at a time. */
export interface ReadingTools {
  key: SealingKey;
  decompress: NativeDecompressor | undefined;
  memory: ReadMemory;
}

interface Place {
  read: Read;
  blob: IndexedBlob;
  /** Set once its bytes have been verified and decrypted where they lie. */
  opened?: Buffer;
}

/**
 * Each blob is verified against its MAC and its id, and valid until the next one is opened. Throws IntegrityError when it
 * cannot be had whole.
 */
export class BlobReader {
  readonly #source: BlobSource;
  readonly #tools: ReadingTools;
  readonly #places = new Map<string, Place>();
  /** Files repeat a blob in a row, above all that of zeros. */
  #last: { id: string; plain: Buffer } | undefined;

  /** From here on, what the reader of the batch before has given is no longer valid. */
  constructor(tools: ReadingTools, source: BlobSource) {
    tools.memory.reset();
    this.#tools = tools;
    this.#source = source;
    for (const read of source.reads) for (const blob of read.blobs) this.#places.set(blob.id, { read, blob });
  }

  open(id: string): Buffer {
    if (this.#last?.id === id) return this.#last.plain;
    const place = this.#places.get(id);
    if (place === undefined) throw new IntegrityError(`data blob ${id} is in no pack of the index`);
    this.#last = undefined;
    const plain = this.#openPlace(place);
    this.#last = { id, plain };
    return plain;
  }

  #openPlace(place: Place): Buffer {
    const { read, blob } = place;
    const { key, decompress, memory } = this.#tools;
    const what = `${blob.type} blob ${blob.id} in pack ${read.packId}`;
    read.content ??= readPack(this.#source.localDirectory ?? '', read, memory);
    const { buffer, byteOffset, length } = read.content;
    const start = blob.offset - read.offset;
    if (start + blob.length > length) throw new IntegrityError(`${what} is truncated`);
    const sealed = Buffer.from(buffer, byteOffset + start, blob.length);
    // In place: the sealed bytes are not needed again, and fresh memory costs small blobs more than the cipher.
    place.opened ??= open(key, sealed, what, sealed.subarray(NONCE_BYTES));
    const plainLength = blob.uncompressedLength;
    const plain =
      plainLength === undefined ? place.opened : decompressBlob(place.opened, plainLength, what, decompress);
    if (sha256Hex(plain) !== blob.id) throw new IntegrityError(`${what} has other content than its id says`);
    return plain;
  }
}

/** A pack that is shorter than the index says gives fewer bytes: its blobs then fail their verification. */
function readPack(directory: string, { packId, offset, length }: Read, memory: ReadMemory): Uint8Array {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(join(directory, packName(packId)), 'r');
    return readFully(descriptor, memory.take(length), offset);
  } catch (cause) {
    throw new IntegrityError(`pack ${packId} cannot be read (${errorCode(cause) ?? String(cause)})`, { cause });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
