/** The index in memory: where every blob lies, in typed arrays of about 60 bytes a blob. */
import { IntegrityError } from '../common/errors.ts';
import type { BlobLocation, BlobType, IndexedBlob, IndexedPack } from './repository.ts';

/** Entries live in blocks of this many, so that growing never copies them. */
const BLOCK_ENTRIES = 1 << 14;

/** Words of an entry: eight of the id, then pack (with the type in the highest bit), offset, length, plain length + 1 or 0. */
const ENTRY_WORDS = 12;
const PACK = 8;
const OFFSET = 9;
const LENGTH = 10;
const PLAIN_LENGTH = 11;

const TREE_BIT = 0x8000_0000;
const PACK_MASK = 0x7fff_ffff;

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
  #slots = new Uint32Array(1024);
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
  add(pack: IndexedPack): boolean {
    if (this.#packNumbers.has(pack.id)) return false;
    const packNumber = this.#packIds.length;
    this.#packIds.push(pack.id);
    this.#packNumbers.set(pack.id, packNumber);
    this.#packStarts.push(this.#entries);
    for (const blob of pack.blobs) this.#append(packNumber, blob);
    return true;
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
    for (let word = 0; word < 8; word++) {
      const at = offset + word * 4;
      this.#wanted[word] = (ids[at]! << 24) | (ids[at + 1]! << 16) | (ids[at + 2]! << 8) | ids[at + 3]!;
    }
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
    readId(id, this.#wanted);
    const tree = type === 'tree';
    const mask = this.#slots.length - 1;
    for (let slot = this.#wanted[0]! & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]! - 1;
      if (this.#isWanted(found, tree)) copies.push(found);
    }
    return copies.toSorted((a, b) => a - b);
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

  #append(packNumber: number, blob: IndexedBlob): void {
    if (this.#entries + 1 > this.#slots.length * MAX_LOAD) this.#grow();
    const entry = this.#entries++;
    const within = entry % BLOCK_ENTRIES;
    if (within === 0) this.#blocks.push(new Uint32Array(BLOCK_ENTRIES * ENTRY_WORDS));
    const block = this.#blocks.at(-1)!;
    const base = within * ENTRY_WORDS;
    readId(blob.id, this.#wanted);
    block.set(this.#wanted, base);
    block[base + PACK] = (packNumber | (blob.type === 'tree' ? TREE_BIT : 0)) >>> 0;
    block[base + OFFSET] = blob.offset;
    block[base + LENGTH] = blob.length;
    block[base + PLAIN_LENGTH] = blob.uncompressedLength === undefined ? 0 : blob.uncompressedLength + 1;
    this.#insert(entry, this.#wanted[0]!);
  }

  #insert(entry: number, firstWord: number): void {
    const mask = this.#slots.length - 1;
    let slot = firstWord & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let entry = 0; entry < this.#entries; entry++) {
      this.#insert(entry, this.#block(entry)[(entry % BLOCK_ENTRIES) * ENTRY_WORDS]!);
    }
  }

  #findEntry(type: BlobType, id: string): number {
    readId(id, this.#wanted);
    return this.#findWanted(type);
  }

  #findWanted(type: BlobType): number {
    const tree = type === 'tree';
    const mask = this.#slots.length - 1;
    for (let slot = this.#wanted[0]! & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1;
      if (this.#isWanted(entry, tree)) return entry;
    }
    return -1;
  }

  #isWanted(entry: number, tree: boolean): boolean {
    const block = this.#block(entry);
    const base = (entry % BLOCK_ENTRIES) * ENTRY_WORDS;
    for (let word = 0; word < 8; word++) if (block[base + word] !== this.#wanted[word]) return false;
    return block[base + PACK]! >= TREE_BIT === tree;
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
    let id = '';
    for (let word = 0; word < 8; word++) id += block[base + word]!.toString(16).padStart(8, '0');
    const blob: IndexedBlob = {
      id,
      type: block[base + PACK]! >= TREE_BIT ? 'tree' : 'data',
      offset: block[base + OFFSET]!,
      length: block[base + LENGTH]!,
    };
    const plainLength = block[base + PLAIN_LENGTH]!;
    if (plainLength > 0) blob.uncompressedLength = plainLength - 1;
    return blob;
  }
}

/** 64 hex digits as eight words. */
function readId(id: string, words: Uint32Array): void {
  if (id.length !== 64) throw new IntegrityError(`"${id}" is no id of 64 hex digits`);
  for (let word = 0; word < 8; word++) words[word] = Number.parseInt(id.slice(word * 8, word * 8 + 8), 16);
}
