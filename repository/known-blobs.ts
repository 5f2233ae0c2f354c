/** Which data blobs the repository already has, or some thread is about to store: tables in shared memory for all threads. */
import { BlobTable, ID_WORDS, readIdBytes, type SharedBlobTable } from './blob-table.ts';

/** Each entry: a state word, then the 32 bytes of the id as eight words. */
const WORDS_PER_ENTRY = 9;
const EMPTY = 0;
const CLAIMED = 1;
const PUBLISHED = 2;

/** Words before the entries: how many entries are taken. */
const HEADER_WORDS = 1;
/** A fuller table finds slowly. */
const MAX_LOAD = 0.6;

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
 * one is told to store it. When a segment is full the owner adds a larger one (`grow`, which hands back the memory to
 * send to the other threads); a thread that does not yet know of a segment may store a blob a second time, which costs
 * space and is otherwise harmless, since both copies are whole.
 */
export class KnownBlobs {
  readonly #indexed: BlobTable | undefined;
  readonly #sharedIndex: SharedBlobTable | undefined;
  readonly #segments: Int32Array[] = [];
  readonly #id = new Uint32Array(ID_WORDS);
  readonly #signedId = new Int32Array(this.#id.buffer);

  constructor({ index, segments = [] }: Partial<KnownBlobsMemory> = {}) {
    this.#sharedIndex = index;
    this.#indexed = index === undefined ? undefined : new BlobTable(index);
    for (const segment of segments) this.attach(segment);
  }

  /** To construct the same set in another thread. */
  get memory(): KnownBlobsMemory {
    const segments = this.#segments.map((segment) => segment.buffer as SharedArrayBuffer);
    return { index: this.#sharedIndex, segments };
  }

  /** Adds a segment that the owner made. */
  attach(segment: SharedArrayBuffer): void {
    this.#segments.push(new Int32Array(segment));
  }

  /** Whether the newest segment should be followed by a larger one. Only the owner asks. */
  get nearlyFull(): boolean {
    const newest = this.#segments.at(-1);
    return newest === undefined || Atomics.load(newest, 0) > capacity(newest) * MAX_LOAD;
  }

  /** Makes room for at least this many more ids, and returns the new memory. Only the owner calls it. */
  grow(ids: number): SharedArrayBuffer {
    const wanted = Math.max(ids / MAX_LOAD, this.#segments.length === 0 ? 0 : capacity(this.#segments.at(-1)!) * 2);
    const entries = 2 ** Math.ceil(Math.log2(Math.max(wanted, 1024)));
    const segment = new SharedArrayBuffer((HEADER_WORDS + entries * WORDS_PER_ENTRY) * Int32Array.BYTES_PER_ELEMENT);
    this.attach(segment);
    return segment;
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
