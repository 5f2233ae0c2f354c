/** Reading many blobs of packs with few reads: neighbours together, in batches that a thread takes at once. */
import type { Storage } from '../storage/storage.ts';
import { packName } from './object-names.ts';
import type { BlobBatch } from './reader-messages.ts';
import type { IndexedBlob } from './repository.ts';

const MAX_BATCH_BYTES = 8 * 1024 * 1024;
const MAX_BATCH_BLOBS = 512;

/** Reading over a gap of this size costs less than another read. */
const MAX_GAP_BYTES = 128 * 1024;

export interface PlannedBatch {
  packId: string;
  blobs: IndexedBlob[];
  offset: number;
  length: number;
}

/** Batches of one pack's blobs, in the order of their offsets. */
export function planBatches(packId: string, blobs: readonly IndexedBlob[]): PlannedBatch[] {
  const batches: PlannedBatch[] = [];
  for (const blob of blobs.toSorted((a, b) => a.offset - b.offset)) {
    const end = blob.offset + blob.length;
    const last = batches.at(-1);
    const fits =
      last !== undefined &&
      blob.offset - (last.offset + last.length) <= MAX_GAP_BYTES &&
      end - last.offset <= MAX_BATCH_BYTES &&
      last.blobs.length < MAX_BATCH_BLOBS;
    if (!fits) {
      batches.push({ packId, blobs: [blob], offset: blob.offset, length: blob.length });
      continue;
    }
    last.blobs.push(blob);
    last.length = Math.max(last.length, end - last.offset);
  }
  return batches;
}

/** A truncated pack gives fewer bytes; the blobs that lack theirs fail their verification, and are named by it. */
export async function readBatch(storage: Storage, batch: PlannedBatch, signal?: AbortSignal): Promise<BlobBatch> {
  const { packId, blobs, offset, length } = batch;
  const content = await storage.read(packName(packId), { offset, length }, signal === undefined ? {} : { signal });
  return { packId, blobs, content, contentOffset: offset };
}
