/** Index files: which packs hold which blobs, as JSON (restic's doc/design.rst, "Indexing"). */
import { endianness } from 'node:os';
import { IntegrityError } from '../common/errors.ts';
import { ENTRY_WORDS, ID_BYTES, LENGTH, OFFSET, PACK, PLAIN_LENGTH, TREE_BIT } from './blob-table.ts';
import { isJsonObject, parseJsonObject } from './json-object.ts';
import { packEntries, type PackEntries } from './pack-entries.ts';
import type { IndexedBlob, IndexedPack } from './repository.ts';

/** An index file is closed when it has this many blobs: big enough to be few, small enough to be parsed at once. */
const MAX_BLOBS_PER_FILE = 50_000;
/** A document's memory begins with this, and doubles. */
const DOCUMENT_STEP_BYTES = 64 * 1024;
/** Text is written in pieces of about this, while it is young. */
const PIECE_CHARACTERS = 8192;

const ID = /^[0-9a-f]{64}$/;
const MAX_LENGTH = 0xffff_ffff;

/** The packs that one index file names. `supersedes` is ignored, as restic does today. Throws IntegrityError. */
export function decodeIndexFile(plain: Buffer, id: string): IndexedPack[] {
  const { packs } = parseJsonObject(plain, `index file ${id}`, 'latin1');
  return listOf(packs, id).map((pack) => {
    const { id: packId, blobs } = isJsonObject(pack) ? pack : {};
    if (typeof packId !== 'string' || !ID.test(packId)) throw new IntegrityError(`index file ${id} names no pack id`);
    return { id: packId, blobs: listOf(blobs, id).map((blob) => decodeBlob(blob, id)) };
  });
}

/** Go writes null for an empty list. */
function listOf(value: unknown, indexId: string): unknown[] {
  const list = value ?? [];
  if (!Array.isArray(list)) throw new IntegrityError(`index file ${indexId} has a form that no restic writes`);
  return list;
}

/**
 * The documents of the index files that these packs need, in order. Each is valid until the next one is asked for: ten
 * megabytes for each file of a large index, and as much again in strings, would wait for the collector otherwise.
 */
export function* encodeIndexFiles(packs: Iterable<IndexedPack | PackEntries>): Iterable<Buffer> {
  const document = new Document();
  let blobs = 0;
  for (const pack of packs) {
    const entries = 'words' in pack ? pack : packEntries(pack);
    document.append(document.isEmpty ? '{"packs":[' : ',');
    encodePack(entries, document);
    blobs += entries.words.length / ENTRY_WORDS;
    if (blobs < MAX_BLOBS_PER_FILE) continue;
    yield document.end(']}');
    blobs = 0;
  }
  if (!document.isEmpty) yield document.end(']}');
}

/** ASCII text in memory that is used again. */
class Document {
  #bytes = Buffer.allocUnsafeSlow(DOCUMENT_STEP_BYTES);
  #used = 0;

  get isEmpty(): boolean {
    return this.#used === 0;
  }

  append(text: string): void {
    if (this.#used + text.length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(this.#bytes.length * 2 + text.length);
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    this.#used += this.#bytes.write(text, this.#used, 'latin1');
  }

  /** All of it; the next text begins a new one, in the same memory. */
  end(text: string): Buffer {
    this.append(text);
    const all = this.#bytes.subarray(0, this.#used);
    this.#used = 0;
    return all;
  }
}

function encodePack({ id, words }: PackEntries, document: Document): void {
  const ids = idBytes(words);
  let text = `{"id":"${id}","blobs":[`;
  for (let base = 0; base < words.length; base += ENTRY_WORDS) {
    const blobId = ids.toString('hex', base * 4, base * 4 + ID_BYTES);
    const type = words[base + PACK]! >= TREE_BIT ? 'tree' : 'data';
    const plainLength = words[base + PLAIN_LENGTH]!;
    const plain = plainLength === 0 ? '' : `,"uncompressed_length":${plainLength - 1}`;
    const place = `"offset":${words[base + OFFSET]!},"length":${words[base + LENGTH]!}`;
    text += `${base === 0 ? '' : ','}{"id":"${blobId}","type":"${type}",${place}${plain}}`;
    if (text.length < PIECE_CHARACTERS) continue;
    document.append(text);
    text = '';
  }
  document.append(`${text}]}`);
}

/** The words with the first byte of an id first, on any machine. */
function idBytes(words: Uint32Array): Buffer {
  const bytes = Buffer.from(Uint32Array.from(words).buffer);
  return endianness() === 'LE' ? bytes.swap32() : bytes;
}

function decodeBlob(raw: unknown, indexId: string): IndexedBlob {
  const { id, type, offset, length, uncompressed_length: written } = isJsonObject(raw) ? raw : {};
  // For blobs that are not compressed restic leaves the field out, or writes 0; rustic writes null.
  const uncompressed = written ?? 0;
  if (
    typeof id !== 'string' ||
    !ID.test(id) ||
    (type !== 'data' && type !== 'tree') ||
    !isLength(offset) ||
    !isLength(length) ||
    !isLength(uncompressed) ||
    // The index in memory has no room for it, and no blob is that long.
    uncompressed === MAX_LENGTH
  ) {
    throw new IntegrityError(`index file ${indexId} has an entry that cannot be read`);
  }
  const blob: IndexedBlob = { id, type, offset, length };
  if (uncompressed > 0) blob.uncompressedLength = uncompressed;
  return blob;
}

function isLength(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_LENGTH;
}
