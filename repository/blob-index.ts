/** The index in memory: where every blob lies, in shared memory of about 55 bytes a blob. */
import {
  BLOCK_ENTRIES,
  ENTRY_WORDS,
  findEntry,
  isEntry,
  LENGTH,
  OFFSET,
  PACK,
  PACK_MASK,
  PLAIN_LENGTH,
  readIdBytes,
  readIdText,
  TREE_BIT,
  writeIdText,
  type SharedBlobTable,
} from './blob-table.ts';
import { headerEntryBytes, packSizeBytes } from './pack.ts';
import { packEntries, type PackEntries } from './pack-entries.ts';
import type { BlobLocation, BlobType, IndexedBlob, IndexedPack } from './repository.ts';

const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;

/** The table of slots doubles when it is fuller than this. */
const MAX_LOAD = 0.8;

/**
 * An append-only table: entries in the order of their packs, and an open-addressing table of entry numbers over them.
 * A blob that lies in several packs has an entry for each; `find` gives the first one.
 */
export class BlobIndex {
  readonly #blocks: Uint32Array[] = [];
  #entries = 0;
  /** Entry number + 1; 0 is free. */
  #slots = new Uint32Array(new SharedArrayBuffer(1024 * WORD_BYTES));
  readonly #packIds: string[] = [];
  readonly #packNumbers = new Map<string, number>();
  /** Where the entries of a pack begin; they end where the next pack's begin. */
  readonly #packStarts: number[] = [];
  readonly #wanted = new Uint32Array(8);

  /** All blobs, duplicates included. */
  get blobCount(): number {
    return this.#entries;
  }

  get packCount(): number {
    return this.#packIds.length;
  }

  hasPack(packId: string): boolean {
    return this.#packNumbers.has(packId);
  }

  /**
   * Takes a pack. One that is already known (two index files may name it) is left as it is; false is returned then.
   */
  add(pack: IndexedPack | PackEntries): boolean {
    return this.addEntries('words' in pack ? pack : packEntries(pack));
  }

  addEntries({ id, words }: PackEntries): boolean {
    if (this.#packNumbers.has(id)) return false;
    const packNumber = this.#packIds.length;
    this.#packIds.push(id);
    this.#packNumbers.set(id, packNumber);
    this.#packStarts.push(this.#entries);
    for (let at = 0; at < words.length; at += ENTRY_WORDS) this.#append(packNumber, words, at);
    return true;
  }

  /** For other threads: all that is in the index now. */
  share(): SharedBlobTable {
    const blocks = this.#blocks.map((block) => block.buffer as SharedArrayBuffer);
    return { blocks, slots: this.#slots.buffer as SharedArrayBuffer, entries: this.#entries };
  }

  has(type: BlobType, id: string): boolean {
    return this.#findEntry(type, id) >= 0;
  }

  /** The number of a blob's first entry, for marking; -1 when it is not there. */
  entryOf(type: BlobType, id: string): number {
    return this.#findEntry(type, id);
  }

  /** Like `entryOf`, of the 32 bytes at `offset`. */
  entryOfBytes(type: BlobType, ids: Uint8Array, offset: number): number {
    readIdBytes(ids, offset, this.#wanted);
    return this.#findWanted(type);
  }

  /** The blob of an entry number, and the number of its pack in the order of `packs()`. */
  entryAt(entry: number): { blob: IndexedBlob; packNumber: number } {
    return { blob: this.#blobAt(entry), packNumber: this.#packNumberAt(entry) };
  }

  packIdAt(packNumber: number): string {
    return this.#packIds[packNumber]!;
  }

  /** Entry numbers of a pack: from `start` up to, not including, `end`. */
  entriesOfPack(packNumber: number): { start: number; end: number } {
    return { start: this.#packStarts[packNumber]!, end: this.#packStarts[packNumber + 1] ?? this.#entries };
  }

  /** Entry numbers of all copies of a blob, in the order they were added. */
  copiesOf(entry: number): number[] {
    const { id, type } = this.#blobAt(entry);
    const copies: number[] = [];
    readIdText(id, this.#wanted);
    const tree = type === 'tree';
    const mask = this.#slots.length - 1;
    for (let slot = this.#wanted[0]! & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]! - 1;
      if (isEntry(this.#blocks, found, tree, this.#wanted)) copies.push(found);
    }
    return copies.toSorted((a, b) => a - b);
  }

  /** The bytes that the pack has to have, header included. */
  packSizeBytes(packNumber: number): number {
    const { start, end } = this.entriesOfPack(packNumber);
    let sizeBytes = packSizeBytes([]);
    for (let entry = start; entry < end; entry++) {
      const block = this.#block(entry);
      const base = (entry % BLOCK_ENTRIES) * ENTRY_WORDS;
      sizeBytes += block[base + LENGTH]! + headerEntryBytes(block[base + PLAIN_LENGTH]! > 0);
    }
    return sizeBytes;
  }

  find(type: BlobType, id: string): BlobLocation | undefined {
    const entry = this.#findEntry(type, id);
    if (entry < 0) return undefined;
    // Not by way of #blobAt: putting the id together again would cost more than all the rest.
    const block = this.#block(entry);
    const base = (entry % BLOCK_ENTRIES) * ENTRY_WORDS;
    const packId = this.#packIds[block[base + PACK]! & PACK_MASK]!;
    const location: BlobLocation = { packId, offset: block[base + OFFSET]!, length: block[base + LENGTH]! };
    const plainLength = block[base + PLAIN_LENGTH]!;
    if (plainLength > 0) location.uncompressedLength = plainLength - 1;
    return location;
  }

  /** The packs in the order they were added; each is made anew. */
  *packs(): Iterable<IndexedPack> {
    for (const [number, id] of this.#packIds.entries()) yield this.#packAt(number, id);
  }

  /** undefined when the index does not name the pack. */
  pack(packId: string): IndexedPack | undefined {
    const number = this.#packNumbers.get(packId);
    return number === undefined ? undefined : this.#packAt(number, packId);
  }

  /** Like `pack`. */
  packEntries(packId: string): PackEntries | undefined {
    const number = this.#packNumbers.get(packId);
    if (number === undefined) return undefined;
    const { start, end } = this.entriesOfPack(number);
    const words = new Uint32Array((end - start) * ENTRY_WORDS);
    for (let entry = start; entry < end;) {
      const within = entry % BLOCK_ENTRIES;
      const run = Math.min(end - entry, BLOCK_ENTRIES - within);
      const block = this.#block(entry).subarray(within * ENTRY_WORDS, (within + run) * ENTRY_WORDS);
      words.set(block, (entry - start) * ENTRY_WORDS);
      entry += run;
    }
    for (let at = PACK; at < words.length; at += ENTRY_WORDS) words[at] = (words[at]! & TREE_BIT) >>> 0;
    return { id: packId, words };
  }

  /** Bytes held, to be compared with the number of blobs. */
  get memoryBytes(): number {
    return this.#slots.byteLength + this.#blocks.length * BLOCK_ENTRIES * ENTRY_WORDS * 4;
  }

  #packAt(number: number, id: string): IndexedPack {
    const { start, end } = this.entriesOfPack(number);
    const blobs: IndexedBlob[] = [];
    for (let entry = start; entry < end; entry++) blobs.push(this.#blobAt(entry));
    return { id, blobs };
  }

  #append(packNumber: number, words: Uint32Array, at: number): void {
    if (this.#entries + 1 > this.#slots.length * MAX_LOAD) this.#grow();
    const entry = this.#entries++;
    const within = entry % BLOCK_ENTRIES;
    if (within === 0)
      this.#blocks.push(new Uint32Array(new SharedArrayBuffer(BLOCK_ENTRIES * ENTRY_WORDS * WORD_BYTES)));
    const block = this.#blocks.at(-1)!;
    const base = within * ENTRY_WORDS;
    for (let word = 0; word < ENTRY_WORDS; word++) block[base + word] = words[at + word]!;
    block[base + PACK] = (block[base + PACK]! | packNumber) >>> 0;
    this.#insert(entry, block[base]!);
  }

  #insert(entry: number, firstWord: number): void {
    const mask = this.#slots.length - 1;
    let slot = firstWord & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #grow(): void {
    this.#slots = new Uint32Array(new SharedArrayBuffer(this.#slots.byteLength * 2));
    for (let entry = 0; entry < this.#entries; entry++) {
      this.#insert(entry, this.#block(entry)[(entry % BLOCK_ENTRIES) * ENTRY_WORDS]!);
    }
  }

  #findEntry(type: BlobType, id: string): number {
    readIdText(id, this.#wanted);
    return this.#findWanted(type);
  }

  #findWanted(type: BlobType): number {
    return findEntry(this.#blocks, this.#slots, this.#entries, type === 'tree', this.#wanted);
  }

  #block(entry: number): Uint32Array {
    return this.#blocks[Math.floor(entry / BLOCK_ENTRIES)]!;
  }

  #packNumberAt(entry: number): number {
    return this.#block(entry)[(entry % BLOCK_ENTRIES) * ENTRY_WORDS + PACK]! & PACK_MASK;
  }

  #blobAt(entry: number): IndexedBlob {
    const block = this.#block(entry);
    const base = (entry % BLOCK_ENTRIES) * ENTRY_WORDS;
    const blob: IndexedBlob = {
      id: writeIdText(block, base),
      type: block[base + PACK]! >= TREE_BIT ? 'tree' : 'data',
      offset: block[base + OFFSET]!,
      length: block[base + LENGTH]!,
    };
    const plainLength = block[base + PLAIN_LENGTH]!;
    if (plainLength > 0) blob.uncompressedLength = plainLength - 1;
    return blob;
  }
}
