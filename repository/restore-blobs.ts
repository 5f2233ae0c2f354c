/** From a file's content to the pack reads that bring it: looking blobs up, and knowing their sizes before they are opened. */
import { SEAL_OVERHEAD_BYTES } from './crypto.ts';
import { planBatches, readBatch } from './blob-batches.ts';
import type { BlobLocation, IndexedBlob, Repository } from './repository.ts';
import type { BlobSource } from './restore-messages.ts';

/** Plain bytes. */
export function plainSize(location: BlobLocation): number {
  return location.uncompressedLength ?? location.length - SEAL_OVERHEAD_BYTES;
}

/** undefined when the index lacks one of the blobs. */
export function locateContent(repository: Repository, content: readonly string[]): BlobLocation[] | undefined {
  const locations: BlobLocation[] = [];
  for (const id of content) {
    const location = repository.findBlob('data', id);
    if (location === undefined) return undefined;
    locations.push(location);
  }
  return locations;
}

/** The reads that bring these blobs, each once. Blobs that no index names are left out: whoever opens them is told. */
export function planSource(repository: Repository, ids: Iterable<string>): BlobSource {
  const packs = new Map<string, IndexedBlob[]>();
  for (const id of new Set(ids)) {
    const location = repository.findBlob('data', id);
    if (location === undefined) continue;
    const { packId, ...place } = location;
    const blobs = packs.get(packId) ?? [];
    packs.set(packId, blobs);
    blobs.push({ ...place, id, type: 'data' });
  }
  const reads = [...packs].flatMap(([packId, blobs]) => planBatches(packId, blobs));
  const { localDirectory } = repository.storage.capabilities;
  return localDirectory === undefined ? { reads } : { localDirectory, reads };
}

/** Reads through the storage what threads cannot read themselves. */
export async function fillSource(repository: Repository, source: BlobSource, signal?: AbortSignal): Promise<void> {
  if (source.localDirectory !== undefined) return;
  for (const read of source.reads) read.content = (await readBatch(repository.storage, read, signal)).content;
}
