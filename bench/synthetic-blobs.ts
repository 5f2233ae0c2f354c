/** Blobs that exist in an index only: ids, packs and places that are the same for the same number, in every thread. */
import type { IndexedBlob, IndexedPack } from '../repository/repository.ts';
import { seededBytes } from './seeded-bytes.ts';

/** A pack of 16 MiB holds about as many blobs of half a megabyte, compressed. */
export const BLOBS_A_PACK = 40;
const ID_BYTES = 32;
const SEED = 'holdfast synthetic blobs';

/** What belongs to the index, and what is looked up and added beside it. */
export type BlobSet = 'indexed' | 'absent' | 'added';
const STREAMS: Record<BlobSet, number> = { indexed: 1, absent: 2, added: 3 };
const PACK_STREAM = 4;

/** The ids of the blobs of one pack, one after the other: 40 × 32 bytes. */
export function blobIds(set: BlobSet, packNumber: number): Buffer {
  return seededBytes(SEED, BLOBS_A_PACK * ID_BYTES, STREAMS[set], packNumber);
}

export function idAt(ids: Buffer, blob: number): Buffer {
  return ids.subarray(blob * ID_BYTES, (blob + 1) * ID_BYTES);
}

/** A pack as an index file names it. */
export function syntheticPack(packNumber: number): IndexedPack {
  const ids = blobIds('indexed', packNumber);
  const blobs = Array.from({ length: BLOBS_A_PACK }, (_, blob): IndexedBlob => {
    const id = idAt(ids, blob).toString('hex');
    return { id, type: 'data', offset: blob * 400_000, length: 400_000, uncompressedLength: 1_000_000 };
  });
  return { id: seededBytes(SEED, ID_BYTES, PACK_STREAM, packNumber).toString('hex'), blobs };
}
