/** Index files: which packs hold which blobs, as JSON (restic's doc/design.rst, "Indexing"). */
import { IntegrityError } from '../common/errors.ts';
import type { IndexedBlob, IndexedPack } from './repository.ts';

/** An index file is closed when it has this many blobs: big enough to be few, small enough to be parsed at once. */
const MAX_BLOBS_PER_FILE = 50_000;

interface IndexDocument {
  packs?: { id?: unknown; blobs?: RawBlob[] | null }[] | null;
}

interface RawBlob {
  id?: unknown;
  type?: unknown;
  offset?: unknown;
  length?: unknown;
  uncompressed_length?: unknown;
}

const ID = /^[0-9a-f]{64}$/;
const MAX_LENGTH = 0xffff_ffff;

/** The packs that one index file names. `supersedes` is ignored, as restic does today. Throws IntegrityError. */
export function decodeIndexFile(plain: Buffer, id: string): IndexedPack[] {
  let document: IndexDocument;
  try {
    document = JSON.parse(plain.toString('latin1')) as IndexDocument;
  } catch (cause) {
    throw new IntegrityError(`index file ${id} is not JSON`, { cause });
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new IntegrityError(`index file ${id} has a form that no supported restic writes`);
  }
  return (document.packs ?? []).map((pack) => {
    if (typeof pack.id !== 'string' || !ID.test(pack.id)) throw new IntegrityError(`index file ${id} names no pack id`);
    return { id: pack.id, blobs: (pack.blobs ?? []).map((blob) => decodeBlob(blob, id)) };
  });
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

function decodeBlob(raw: RawBlob, indexId: string): IndexedBlob {
  const { id, type, offset, length, uncompressed_length: uncompressed = 0 } = raw;
  if (
    typeof id !== 'string' ||
    !ID.test(id) ||
    (type !== 'data' && type !== 'tree') ||
    !isLength(offset) ||
    !isLength(length) ||
    !isLength(uncompressed)
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
