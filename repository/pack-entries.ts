/** A pack's blobs as the index keeps them: words instead of objects, a tenth of the memory and of the time. */
import { ENTRY_WORDS, ID_WORDS, LENGTH, OFFSET, PACK, PLAIN_LENGTH, readIdText, TREE_BIT } from './blob-table.ts';
import { headerEntryBytes, writeHeaderEntry } from './pack.ts';
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

/** What two lists say of a pack, each entry once, those of the first before others; the first itself when it says all. */
export function joinEntries(first: PackEntries, second: PackEntries): PackEntries {
  if (Buffer.compare(bytesOf(first), bytesOf(second)) === 0) return first;
  const known = new Set(entryTexts(first));
  const words = [...first.words];
  for (const [number, text] of entryTexts(second).entries()) {
    if (known.has(text)) continue;
    known.add(text);
    words.push(...second.words.subarray(number * ENTRY_WORDS, (number + 1) * ENTRY_WORDS));
  }
  return words.length === first.words.length ? first : { id: first.id, words: Uint32Array.from(words) };
}

function bytesOf({ words }: PackEntries): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}

function entryTexts({ words }: PackEntries): string[] {
  const bytes = bytesOf({ id: '', words });
  const size = ENTRY_WORDS * words.BYTES_PER_ELEMENT;
  return Array.from({ length: words.length / ENTRY_WORDS }, (_, number) =>
    bytes.toString('latin1', number * size, (number + 1) * size),
  );
}

/**
 * The plain header that the pack must have. undefined when no pack can be so: its blobs lie one after the other from the
 * first byte on.
 */
export function headerOfEntries({ words }: PackEntries): Buffer | undefined {
  // Their bases by offset: an index file may name them in any order.
  const bases = Uint32Array.from({ length: words.length / ENTRY_WORDS }, (_, number) => number * ENTRY_WORDS);
  bases.sort((a, b) => words[a + OFFSET]! - words[b + OFFSET]!);
  let sizeBytes = 0;
  let end = 0;
  for (const base of bases) {
    if (words[base + OFFSET] !== end) return undefined;
    end += words[base + LENGTH]!;
    sizeBytes += headerEntryBytes(words[base + PLAIN_LENGTH]! > 0);
  }
  const header = Buffer.alloc(sizeBytes);
  let position = 0;
  for (const base of bases) {
    const plainLength = words[base + PLAIN_LENGTH]!;
    position = writeHeaderEntry(header, position, {
      type: words[base + PACK]! >= TREE_BIT ? 'tree' : 'data',
      length: words[base + LENGTH]!,
      ...(plainLength === 0 ? {} : { uncompressedLength: plainLength - 1 }),
    });
    for (let word = 0; word < ID_WORDS; word++) position = header.writeUInt32BE(words[base + word]!, position);
  }
  return header;
}
