/** Index files: which packs hold which blobs, as JSON (restic's doc/design.rst, "Indexing"). */
import { IntegrityError } from '../common/errors.ts';
import { isJsonObject, parseJsonObject } from './json-object.ts';
import type { IndexedBlob, IndexedPack } from './repository.ts';

/** An index file is closed when it has this many blobs: big enough to be few, small enough to be parsed at once. */
const MAX_BLOBS_PER_FILE = 50_000;

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

/** The documents of the index files that these packs need, in order. */
export function* encodeIndexFiles(packs: Iterable<IndexedPack>): Iterable<Buffer> {
  let collected: string[] = [];
  let blobs = 0;
  for (const pack of packs) {
    collected.push(JSON.stringify({ id: pack.id, blobs: pack.blobs.map(encodeBlob) }));
    blobs += pack.blobs.length;
    if (blobs < MAX_BLOBS_PER_FILE) continue;
    yield indexDocument(collected);
    collected = [];
    blobs = 0;
  }
  if (collected.length > 0) yield indexDocument(collected);
}

function indexDocument(packs: readonly string[]): Buffer {
  return Buffer.from(`{"packs":[${packs.join(',')}]}`);
}

function encodeBlob(blob: IndexedBlob): object {
  const { id, type, offset, length } = blob;
  if (blob.uncompressedLength === undefined) return { id, type, offset, length };
  return { id, type, offset, length, uncompressed_length: blob.uncompressedLength };
}

function decodeBlob(raw: unknown, indexId: string): IndexedBlob {
  const { id, type, offset, length, uncompressed_length: uncompressed = 0 } = isJsonObject(raw) ? raw : {};
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
  // restic leaves the field out, or writes 0, for blobs that are not compressed.
  if (uncompressed > 0) blob.uncompressedLength = uncompressed;
  return blob;
}

function isLength(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_LENGTH;
}
