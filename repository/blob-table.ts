/** The memory of an index of blobs, shared between threads: what any of them needs to look blobs up. */
import { IntegrityError } from '../common/errors.ts';
import { hexDigitValue } from './hex.ts';
import type { BlobType } from './repository.ts';

/** Entries live in blocks of this many, so that growing never copies them. */
export const BLOCK_ENTRIES = 1 << 14;

/** Words of an entry: eight of the id, then pack (with the type in the highest bit), offset, length, plain length + 1 or 0. */
export const ENTRY_WORDS = 12;
export const PACK = 8;
export const OFFSET = 9;
export const LENGTH = 10;
export const PLAIN_LENGTH = 11;
export const TREE_BIT = 0x8000_0000;
export const PACK_MASK = 0x7fff_ffff;

export const ID_WORDS = 8;
export const ID_BYTES = 32;

/** What is sent to another thread. It answers for the entries that were there when it was made, for good. */
export interface SharedBlobTable {
  blocks: SharedArrayBuffer[];
  /** Open addressing: entry number + 1, 0 is free; a power of two of 32-bit words. */
  slots: SharedArrayBuffer;
  entries: number;
}

/** Looks blobs up in the table of another thread. */
export class BlobTable {
  readonly #blocks: readonly Uint32Array[];
  readonly #slots: Uint32Array;
  readonly #entries: number;

  constructor(shared: SharedBlobTable) {
    this.#blocks = shared.blocks.map((block) => new Uint32Array(block));
    this.#slots = new Uint32Array(shared.slots);
    this.#entries = shared.entries;
  }

  /** @param id Eight words (`readIdBytes`). */
  has(type: BlobType, id: Uint32Array): boolean {
    return findEntry(this.#blocks, this.#slots, this.#entries, type === 'tree', id) >= 0;
  }
}

/**
 * The number of the first entry of the blob; -1 when it is not there. Entries from `limit` on are passed over: their
 * owner may be writing them just now.
 */
export function findEntry(
  blocks: readonly Uint32Array[],
  slots: Uint32Array,
  limit: number,
  tree: boolean,
  id: Uint32Array,
): number {
  const mask = slots.length - 1;
  for (let slot = id[0]! & mask; ; slot = (slot + 1) & mask) {
    const entry = slots[slot]! - 1;
    if (entry < 0) return -1;
    if (entry < limit && isEntry(blocks, entry, tree, id)) return entry;
  }
}

/** Whether the entry is of this blob. */
export function isEntry(blocks: readonly Uint32Array[], entry: number, tree: boolean, id: Uint32Array): boolean {
  const block = blocks[Math.floor(entry / BLOCK_ENTRIES)]!;
  const base = (entry % BLOCK_ENTRIES) * ENTRY_WORDS;
  for (let word = 0; word < ID_WORDS; word++) if (block[base + word] !== id[word]) return false;
  return block[base + PACK]! >= TREE_BIT === tree;
}

/** The 32 bytes at `offset` as words; the first byte is the highest of its word. */
export function readIdBytes(bytes: Uint8Array, offset: number, words: Uint32Array, at = 0): void {
  for (let word = 0; word < ID_WORDS; word++) {
    const byte = offset + word * 4;
    words[at + word] = (bytes[byte]! << 24) | (bytes[byte + 1]! << 16) | (bytes[byte + 2]! << 8) | bytes[byte + 3]!;
  }
}

/** 64 hex digits as words. Throws IntegrityError when they are not that many. */
export function readIdText(id: string, words: Uint32Array, at = 0): void {
  if (id.length !== ID_BYTES * 2) throw new IntegrityError(`"${id}" is no id of 64 hex digits`);
  for (let word = 0; word < ID_WORDS; word++) {
    let value = 0;
    for (let digit = word * 8; digit < word * 8 + 8; digit++)
      value = (value << 4) | hexDigitValue(id.charCodeAt(digit));
    words[at + word] = value;
  }
}

export function writeIdText(words: Uint32Array, at: number): string {
  let id = '';
  for (let word = at; word < at + ID_WORDS; word++) id += words[word]!.toString(16).padStart(8, '0');
  return id;
}
