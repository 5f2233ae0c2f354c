/** A pack's blobs as the index keeps them: words instead of objects, a tenth of the memory and of the time. */
import { ENTRY_WORDS, LENGTH, OFFSET, PACK, PLAIN_LENGTH, readIdText, TREE_BIT } from './blob-table.ts';
import type { IndexedPack } from './repository.ts';

/** A pack's blobs as entries of the index: twelve words each (`blob-table.ts`), of PACK only the type's bit. */
export interface PackEntries {
  id: string;
  words: Uint32Array;
}

export function packEntries({ id, blobs }: IndexedPack): PackEntries {
  const words = new Uint32Array(blobs.length * ENTRY_WORDS);
  for (const [number, blob] of blobs.entries()) {
    const base = number * ENTRY_WORDS;
    readIdText(blob.id, words, base);
    words[base + PACK] = blob.type === 'tree' ? TREE_BIT : 0;
    words[base + OFFSET] = blob.offset;
    words[base + LENGTH] = blob.length;
    words[base + PLAIN_LENGTH] = blob.uncompressedLength === undefined ? 0 : blob.uncompressedLength + 1;
  }
  return { id, words };
}
