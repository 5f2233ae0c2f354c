/** Folders of a local tree as they cross from the thread that lists them: memory that can be compared as a whole, and no object for each entry. */
import type { ByteString } from '../common/byte-string.ts';
import { joinPath } from './byte-path.ts';
import { toNanoseconds, type EntryStat } from './entry-stat.ts';
import type { FileEntry, FileType } from './file-tree.ts';

/** What is seldom: of most folders there is nothing to tell. */
export interface ListingNotes {
  /** What the selection left out, by its path. */
  leftOut: ByteString[];
  unreadable: { path: ByteString; error: ListingError }[];
}

/** An error with what Node says of it: as an error it would lose its code on the way. */
export interface ListingError {
  message: string;
  code: string | undefined;
}

/** An entry as its thread sees it. */
export interface ListedEntry {
  type: FileType;
  /** Permission bits. */
  mode: number;
  linkTarget: ByteString | undefined;
  stat: EntryStat;
}

/** Of several folders that follow each other in pre-order: each folder's listing comes before those of the folders in it. */
export interface PackedListings {
  /** Of each entry what `FileTree` keeps of it, `KEPT_BYTES`: equal memory is an equal entry. */
  kept: Uint8Array<ArrayBuffer>;
  /** Of each entry what is its own in every tree, `OWN_BYTES`. */
  own: Uint8Array<ArrayBuffer>;
  /** Of each folder: name and link target of each entry (empty for what is no link), with NULs between. */
  text: Uint8Array<ArrayBuffer>;
  /** `FOLDER_WORDS` of each folder: its entries, the bytes of its text, folders and special files among the entries. */
  folders: Uint32Array<ArrayBuffer>;
  /** Of each folder: the bytes of its files. */
  bytes: Float64Array<ArrayBuffer>;
  /** By the folder's number in this message. */
  notes: Map<number, ListingNotes>;
}

const TYPES: readonly FileType[] = ['file', 'dir', 'symlink', 'fifo', 'socket', 'chardev', 'dev'];
const DIR = TYPES.indexOf('dir');
const LAST_COPIED = TYPES.indexOf('symlink');
const NUMBER_OF_TYPE: ReadonlyMap<FileType, number> = new Map(TYPES.map((type, index) => [type, index]));

/** Type (u8, in a u32), mode, uid, gid, nanoseconds of mtime (u32); unused; seconds of mtime (f64); size, of a file (f64). */
const KEPT_BYTES = 40;
const TYPE_AT = 0;
const MODE_AT = 4;
const UID_AT = 8;
const GID_AT = 12;
const MTIME_NANOSECONDS_AT = 16;
const MTIME_AT = 24;
const SIZE_AT = 32;
/** Inode, device (u64), seconds of ctime (f64), nanoseconds of ctime, links (u32). */
const OWN_BYTES = 32;
const INODE_AT = 0;
const DEVICE_AT = 8;
const CTIME_AT = 16;
const CTIME_NANOSECONDS_AT = 24;
const LINKS_AT = 28;
const FOLDER_WORDS = 4;

const INITIAL_ENTRIES = 1024;
const INITIAL_TEXT = 32 * 1024;
/** A message that was larger, of a folder with many thousand entries, leaves no memory for the next. */
const MOST_KEPT_BYTES = 512 * 1024;

/** Fills one message after the other. */
export class ListingPacker {
  #kept = new DataView(new ArrayBuffer(INITIAL_ENTRIES * KEPT_BYTES));
  #own = new DataView(new ArrayBuffer(INITIAL_ENTRIES * OWN_BYTES));
  #text = Buffer.allocUnsafeSlow(INITIAL_TEXT);
  #textUsed = 0;
  #entries = 0;
  #folders: number[] = [];
  #bytes: number[] = [];
  #notes = new Map<number, ListingNotes>();
  /** Of the folder that is being filled. */
  #names: string[] = [];
  #fileBytes = 0;
  #folderCount = 0;
  #specialCount = 0;

  get isEmpty(): boolean {
    return this.#folders.length === 0;
  }

  /** Of what is packed so far. */
  get sizeBytes(): number {
    return this.#textUsed + this.#entries * (KEPT_BYTES + OWN_BYTES);
  }

  /** Adds an entry to the folder that `endFolder` will end. Its size counts for a file alone: of folders it differs in every file system. */
  add(name: ByteString, { type: typeName, mode, linkTarget, stat }: ListedEntry): void {
    this.#names.push(name, linkTarget ?? '');
    const type = NUMBER_OF_TYPE.get(typeName)!;
    const at = this.#entries++;
    if (at * KEPT_BYTES === this.#kept.byteLength) {
      this.#kept = new DataView(this.#kept.buffer.transfer(this.#kept.byteLength * 2));
      this.#own = new DataView(this.#own.buffer.transfer(this.#own.byteLength * 2));
    }
    const sizeBytes = typeName === 'file' ? stat.sizeBytes : 0;
    const kept = this.#kept;
    const first = at * KEPT_BYTES;
    kept.setUint32(first + TYPE_AT, type);
    kept.setUint32(first + MODE_AT, mode);
    kept.setUint32(first + UID_AT, stat.uid);
    kept.setUint32(first + GID_AT, stat.gid);
    kept.setUint32(first + MTIME_NANOSECONDS_AT, stat.mtime.nanoseconds);
    kept.setFloat64(first + MTIME_AT, stat.mtime.seconds);
    kept.setFloat64(first + SIZE_AT, sizeBytes);
    const own = this.#own;
    const second = at * OWN_BYTES;
    own.setBigUint64(second + INODE_AT, stat.inode);
    own.setBigUint64(second + DEVICE_AT, stat.device);
    own.setFloat64(second + CTIME_AT, stat.ctime.seconds);
    own.setUint32(second + CTIME_NANOSECONDS_AT, stat.ctime.nanoseconds);
    own.setUint32(second + LINKS_AT, stat.links);
    this.#fileBytes += sizeBytes;
    if (type === DIR) this.#folderCount++;
    if (type > LAST_COPIED) this.#specialCount++;
  }

  /** Returns the number of the folder's entries. */
  endFolder(notes: ListingNotes): number {
    if (notes.leftOut.length > 0 || notes.unreadable.length > 0) {
      this.#notes.set(this.#folders.length / FOLDER_WORDS, notes);
    }
    const text = this.#names.join('\0');
    if (this.#textUsed + text.length > this.#text.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#text.length * 2, this.#textUsed + text.length));
      this.#text.copy(larger, 0, 0, this.#textUsed);
      this.#text = larger;
    }
    this.#textUsed += this.#text.write(text, this.#textUsed, 'latin1');
    const size = this.#names.length / 2;
    this.#folders.push(size, text.length, this.#folderCount, this.#specialCount);
    this.#bytes.push(this.#fileBytes);
    this.#names = [];
    this.#fileBytes = this.#folderCount = this.#specialCount = 0;
    return size;
  }

  /** All that was packed, in memory to be handed over (`transferablesOf`), and no more of it than that takes: a message that could not wait may have one small folder. */
  take(): PackedListings {
    const packed = {
      kept: new Uint8Array(this.#kept.buffer.slice(0, this.#entries * KEPT_BYTES)),
      own: new Uint8Array(this.#own.buffer.slice(0, this.#entries * OWN_BYTES)),
      text: new Uint8Array(this.#text.buffer.slice(0, this.#textUsed)),
      folders: Uint32Array.from(this.#folders),
      bytes: Float64Array.from(this.#bytes),
      notes: this.#notes,
    };
    if (this.sizeBytes > MOST_KEPT_BYTES) {
      this.#kept = new DataView(new ArrayBuffer(INITIAL_ENTRIES * KEPT_BYTES));
      this.#own = new DataView(new ArrayBuffer(INITIAL_ENTRIES * OWN_BYTES));
      this.#text = Buffer.allocUnsafeSlow(INITIAL_TEXT);
    }
    this.#textUsed = this.#entries = 0;
    this.#folders = [];
    this.#bytes = [];
    this.#notes = new Map();
    return packed;
  }
}

export function transferablesOf({ kept, own, text, folders, bytes }: PackedListings): ArrayBuffer[] {
  return [kept.buffer, own.buffer, text.buffer, folders.buffer, bytes.buffer];
}

/** The folders of a message, in order. */
export function unpackListings({ kept, own, text, folders, bytes, notes }: PackedListings): FolderListing[] {
  const memory = {
    kept: Buffer.from(kept.buffer, kept.byteOffset, kept.length),
    own: Buffer.from(own.buffer, own.byteOffset, own.length),
    text: Buffer.from(text.buffer, text.byteOffset, text.length),
  };
  const unpacked: FolderListing[] = [];
  let first = 0;
  let textAt = 0;
  for (let word = 0; word < folders.length; word += FOLDER_WORDS) {
    const size = folders[word]!;
    const textEnd = textAt + folders[word + 1]!;
    const number = word / FOLDER_WORDS;
    const counts = { size, folders: folders[word + 2]!, special: folders[word + 3]!, bytes: bytes[number]! };
    unpacked.push(new FolderListing(memory, { first, textAt, textEnd }, counts, notes.get(number)));
    first += size;
    textAt = textEnd;
  }
  return unpacked;
}

interface Memory {
  kept: Buffer;
  own: Buffer;
  text: Buffer;
}

const NOTHING: ListingNotes = { leftOut: [], unreadable: [] };

/** A folder as its thread listed it: its entries by number, in byte order of their names. Short-lived: it holds the memory of its whole message. */
export class FolderListing {
  /** Of the entries. `special`: what is no file, folder or link. `bytes`: of files. */
  readonly counts: { size: number; folders: number; special: number; bytes: number };
  readonly notes: ListingNotes;
  readonly #memory: Memory;
  readonly #place: { first: number; textAt: number; textEnd: number };
  #text: ByteString[] | undefined;

  constructor(
    memory: Memory,
    place: { first: number; textAt: number; textEnd: number },
    counts: FolderListing['counts'],
    notes: ListingNotes = NOTHING,
  ) {
    this.#memory = memory;
    this.#place = place;
    this.counts = counts;
    this.notes = notes;
  }

  /** Whether all entries are equal in all that a tree keeps: names, types, modes, owners, times, sizes, link targets. */
  equals(other: FolderListing): boolean {
    const [a, b] = [this.#place, other.#place];
    const size = this.counts.size;
    return (
      size === other.counts.size &&
      this.#memory.kept.compare(
        other.#memory.kept,
        b.first * KEPT_BYTES,
        (b.first + size) * KEPT_BYTES,
        a.first * KEPT_BYTES,
        (a.first + size) * KEPT_BYTES,
      ) === 0 &&
      this.#memory.text.compare(other.#memory.text, b.textAt, b.textEnd, a.textAt, a.textEnd) === 0
    );
  }

  isFolder(index: number): boolean {
    return this.#memory.kept.readUInt32BE((this.#place.first + index) * KEPT_BYTES + TYPE_AT) === DIR;
  }

  name(index: number): ByteString {
    return this.#strings()[2 * index]!;
  }

  /** @param folder Its path in the tree. */
  entry(folder: ByteString, index: number): FileEntry {
    const { kept, own } = this.#memory;
    const at = (this.#place.first + index) * KEPT_BYTES;
    const ownAt = (this.#place.first + index) * OWN_BYTES;
    const type = TYPES[kept.readUInt32BE(at + TYPE_AT)]!;
    const timeAt = (memory: Buffer, seconds: number, nanoseconds: number): bigint =>
      toNanoseconds({ seconds: memory.readDoubleBE(seconds), nanoseconds: memory.readUInt32BE(nanoseconds) });
    const entry: FileEntry = {
      path: joinPath(folder, this.name(index)),
      type,
      mode: kept.readUInt32BE(at + MODE_AT),
      sizeBytes: kept.readDoubleBE(at + SIZE_AT),
      mtimeNs: timeAt(kept, at + MTIME_AT, at + MTIME_NANOSECONDS_AT),
      ctimeNs: timeAt(own, ownAt + CTIME_AT, ownAt + CTIME_NANOSECONDS_AT),
      uid: kept.readUInt32BE(at + UID_AT),
      gid: kept.readUInt32BE(at + GID_AT),
      inode: own.readBigUInt64BE(ownAt + INODE_AT),
      device: own.readBigUInt64BE(ownAt + DEVICE_AT),
      links: own.readUInt32BE(ownAt + LINKS_AT),
    };
    if (type === 'symlink') entry.linkTarget = this.#strings()[2 * index + 1]!;
    return entry;
  }

  #strings(): ByteString[] {
    const { textAt, textEnd } = this.#place;
    this.#text ??= this.#memory.text.toString('latin1', textAt, textEnd).split('\0') as ByteString[];
    return this.#text;
  }
}
