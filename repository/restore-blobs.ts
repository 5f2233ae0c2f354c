/** From a file's content to the pack reads that bring it: looking blobs up, and planning their reads. */
import { planBatches, readBatch } from './blob-batches.ts';
import type { BlobLocation, IndexedBlob, Repository } from './repository.ts';
import type { BlobSource } from './restore-messages.ts';

/** A blob of a file's content, and where it lies. */
export interface LocatedBlob extends BlobLocation {
  id: string;
}

/** undefined when the index lacks one of the blobs. */
export function locateContent(repository: Repository, content: readonly string[]): LocatedBlob[] | undefined {
  const located: LocatedBlob[] = [];
  for (const id of content) {
    const location = repository.findBlob('data', id);
    if (location === undefined) return undefined;
    located.push(Object.assign(location, { id }));
  }
  return located;
}

/** The reads that bring these blobs, each once. */
export function planSource(repository: Repository, located: Iterable<LocatedBlob>): BlobSource {
  const packs = new Map<string, IndexedBlob[]>();
  const taken = new Set<string>();
  for (const { id, packId, offset, length, uncompressedLength } of located) {
    if (taken.has(id)) continue;
    taken.add(id);
    const blobs = packs.get(packId) ?? [];
    packs.set(packId, blobs);
    const blob: IndexedBlob = { id, type: 'data', offset, length };
    if (uncompressedLength !== undefined) blob.uncompressedLength = uncompressedLength;
    blobs.push(blob);
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
