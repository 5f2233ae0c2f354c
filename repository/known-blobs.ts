/** Which data blobs the repository already has, or some thread is about to store: tables in shared memory for all threads. */
import { BlobTable, ID_WORDS, readIdBytes, type SharedBlobTable } from './blob-table.ts';

/** Each entry: a state word, then the 32 bytes of the id as eight words. */
const WORDS_PER_ENTRY = 9;
const EMPTY = 0;
const CLAIMED = 1;
const PUBLISHED = 2;

/** Words before the entries: how many entries are taken. */
const HEADER_WORDS = 1;
/** Entries (9 MiB). So many claims take the packs of minutes, which are written when the next such segment is full. */
const LARGEST_SEGMENT = 1 << 18;
/** A fuller table finds slowly. */
const MAX_LOAD = 0.75;

/** What is sent to another thread. */
export interface KnownBlobsMemory {
  /** The repository's blobs. */
  index: SharedBlobTable | undefined;
  segments: SharedArrayBuffer[];
}

/**
 * A set of blob ids that threads share without messages: the index as it was when the work began, and the ids that came
 * since in tables of their own, open addressing over a SharedArrayBuffer. An entry is claimed
 * by compare-and-swap and then published, so that of two threads that meet the same blob at the same moment exactly
 * one is told to store it. When a segment is full the owner adds another one (`grow`) and sends the new memory to the
 * other threads; a thread that does not yet know of it may store a blob a second time, which costs space and is
 * otherwise harmless, since both copies are whole.
 */
export class KnownBlobs {
  #indexed: BlobTable | undefined;
  #memory: KnownBlobsMemory;
  #segments: Int32Array[] = [];
  #version = 0;
  readonly #id = new Uint32Array(ID_WORDS);
  readonly #signedId = new Int32Array(this.#id.buffer);

  constructor({ index, segments = [] }: Partial<KnownBlobsMemory> = {}) {
    this.#memory = { index, segments };
    this.replace(this.#memory);
  }

  /** To construct the same set in another thread. */
  get memory(): KnownBlobsMemory {
    return this.#memory;
  }

  /** Other threads need the new memory when this has changed. */
  get version(): number {
    return this.#version;
  }

  /** Takes over the memory that the owner has now. */
  replace(memory: KnownBlobsMemory): void {
    if (memory.index !== this.#memory.index || this.#indexed === undefined) {
      this.#indexed = memory.index === undefined ? undefined : new BlobTable(memory.index);
    }
    this.#memory = memory;
    this.#segments = memory.segments.map((segment) => new Int32Array(segment));
    this.#version++;
  }

  /** Whether the newest segment should be followed by another one. Only the owner asks. */
  get nearlyFull(): boolean {
    const newest = this.#segments.at(-1);
    return newest === undefined || Atomics.load(newest, 0) > capacity(newest) * MAX_LOAD;
  }

  /**
   * Makes room for at least this many more ids. Only the owner calls it.
   *
   * @param shareIndex The index as it is now. It has what was claimed long ago and is written by now, so that the claims
   * of that time are given up; one that is not there yet may be stored a second time.
   */
  grow(ids: number, shareIndex?: () => SharedBlobTable): void {
    const newest = this.#segments.at(-1);
    const wanted = Math.max(ids / MAX_LOAD, newest === undefined ? 0 : Math.min(capacity(newest) * 2, LARGEST_SEGMENT));
    const entries = 2 ** Math.ceil(Math.log2(Math.max(wanted, 1024)));
    const segment = new SharedArrayBuffer((HEADER_WORDS + entries * WORDS_PER_ENTRY) * Int32Array.BYTES_PER_ELEMENT);
    const isLarge = newest !== undefined && capacity(newest) >= LARGEST_SEGMENT;
    const { index, segments } = this.#memory;
    if (isLarge && shareIndex !== undefined)
      this.replace({ index: shareIndex(), segments: [segments.at(-1)!, segment] });
    else this.replace({ index, segments: [...segments, segment] });
  }

  /**
   * Puts the id (32 bytes) into the set. true: it was not there, and the caller must store the blob; false: it is
   * stored, or another thread has taken it on itself.
   */
  claim(id: Uint8Array): boolean {
    readIdBytes(id, 0, this.#id);
    if (this.#indexed?.has('data', this.#id) === true) return false;
    const words = this.#signedId;
    for (let index = 0; index < this.#segments.length - 1; index++) {
      if (contains(this.#segments[index]!, words)) return false;
    }
    const newest = this.#segments.at(-1);
    return newest === undefined || insert(newest, words);
  }
}

function capacity(segment: Int32Array): number {
  return (segment.length - HEADER_WORDS) / WORDS_PER_ENTRY;
}

function contains(segment: Int32Array, id: Int32Array): boolean {
  return probe(segment, id, (entry) => Atomics.load(segment, entry) === EMPTY) === 'found';
}

function insert(segment: Int32Array, id: Int32Array): boolean {
  const outcome = probe(segment, id, (entry) => {
    if (Atomics.compareExchange(segment, entry, EMPTY, CLAIMED) !== EMPTY) return false;
    for (let word = 0; word < 8; word++) segment[entry + 1 + word] = id[word]!;
    Atomics.store(segment, entry, PUBLISHED);
    Atomics.add(segment, 0, 1);
    return true;
  });
  return outcome !== 'found';
}

/** Walks the entries where the id may be. `stopAtFree` is asked at each entry that looked free: true ends the walk there. */
function probe(
  segment: Int32Array,
  id: Int32Array,
  stopAtFree: (entry: number) => boolean,
): 'found' | 'stopped' | 'full' {
  const entries = capacity(segment);
  // The id is a SHA-256: any 32 of its bits are as good as a hash.
  let index = (id[0]! >>> 0) % entries;
  for (let step = 0; step < entries; step++) {
    const entry = HEADER_WORDS + index * WORDS_PER_ENTRY;
    if (Atomics.load(segment, entry) === EMPTY && stopAtFree(entry)) return 'stopped';
    // Between claim and publication lie a few instructions of another thread.
    while (Atomics.load(segment, entry) === CLAIMED);
    if (sameId(segment, entry + 1, id)) return 'found';
    index = index + 1 === entries ? 0 : index + 1;
  }
  return 'full';
}

function sameId(segment: Int32Array, offset: number, id: Int32Array): boolean {
  for (let word = 0; word < 8; word++) if (segment[offset + word] !== id[word]) return false;
  return true;
}
