/** The folders of a scan as they cross from its thread: all heads of their entries in few pieces of memory, and no object for each entry. */
import type { ByteString } from '../common/byte-string.ts';
import { toNanoseconds, type EntryStat, type StatTime } from '../files/entry-stat.ts';
import type { FileIdentity } from './archive-messages.ts';

export type EntryKind = 'file' | 'dir' | 'other';

/** What is seldom: of most folders there is nothing to tell. */
export interface FolderNotes {
  /** Left out by the selection: entries of this folder, by their paths. */
  excluded: ByteString[];
  unreadable: { path: ByteString; error: ScanFailure }[];
  /** The folder itself could not be listed. */
  failure?: ScanFailure | undefined;
}

/** An error with what Node says of it: as an error it would lose its code on the way. */
export interface ScanFailure {
  message: string;
  code?: string | undefined;
  errno?: number | undefined;
  syscall?: string | undefined;
  path?: string | undefined;
}

/** Of several folders that follow each other in the scan. */
export interface PackedFolders {
  /** Of each folder: the heads of its entries (`encodeNodeHead`, as UTF-8), then their names with slashes between them. */
  bytes: Uint8Array<ArrayBuffer>;
  /** `RECORD_BYTES` of each entry: kind and length of its head (u32), and of a file its inode (u64), size, seconds of mtime and of ctime (f64), nanoseconds of both (u32). */
  records: Uint8Array<ArrayBuffer>;
  /** `FOLDER_WORDS` of each folder: its entries, and the bytes of all their heads and of their names. */
  folders: Uint32Array<ArrayBuffer>;
  /** By the folder's number in this message. */
  notes: Map<number, FolderNotes>;
}

const RECORD_BYTES = 48;
const FOLDER_WORDS = 3;
const KINDS: readonly EntryKind[] = ['file', 'dir', 'other'];
const KIND_AT = 0;
const HEAD_LENGTH_AT = 4;
const INODE_AT = 8;
const SIZE_AT = 16;
const MTIME_AT = 24;
const CTIME_AT = 32;
const MTIME_NANOSECONDS_AT = 40;
const CTIME_NANOSECONDS_AT = 44;

const INITIAL_BYTES = 160 * 1024;
const INITIAL_RECORDS = 512 * RECORD_BYTES;
/** A message that was larger, of a folder with many thousand entries, leaves no memory for the next. */
const MOST_KEPT_BYTES = 1024 * 1024;
const BYTES_A_UNIT = 3;
/** Heads are made strings in pieces of at least this: a folder of a million entries has too many for one string. */
const TEXT_BYTES = 64 * 1024;

/** Fills one message after the other. */
export class FolderPacker {
  #bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #used = 0;
  #records = new DataView(new ArrayBuffer(INITIAL_RECORDS));
  #entries = 0;
  #folders: number[] = [];
  #notes = new Map<number, FolderNotes>();
  /** Of the folder that is being filled. */
  #headsStart = 0;
  #firstEntry = 0;
  #names: ByteString[] = [];
  /** Heads that are not yet in `#bytes`: to write many at once costs little more than to write one. */
  #heads = '';
  #unwritten: number[] = [];

  get isEmpty(): boolean {
    return this.#folders.length === 0;
  }

  /** Of what is packed so far. */
  get sizeBytes(): number {
    return this.#used;
  }

  /** Adds an entry to the folder that `endFolder` will end. `head` is text. */
  addEntry(kind: EntryKind, name: ByteString, head: string, stat: EntryStat): void {
    this.#names.push(name);
    this.#heads += head;
    this.#unwritten.push(head.length);
    const at = this.#entries++ * RECORD_BYTES;
    if (at === this.#records.byteLength) this.#records = new DataView(this.#records.buffer.transfer(at * 2));
    const records = this.#records;
    records.setUint32(at + KIND_AT, KINDS.indexOf(kind));
    if (kind === 'file') {
      records.setBigUint64(at + INODE_AT, stat.inode);
      records.setFloat64(at + SIZE_AT, stat.sizeBytes);
      records.setFloat64(at + MTIME_AT, stat.mtime.seconds);
      records.setFloat64(at + CTIME_AT, stat.ctime.seconds);
      records.setUint32(at + MTIME_NANOSECONDS_AT, stat.mtime.nanoseconds);
      records.setUint32(at + CTIME_NANOSECONDS_AT, stat.ctime.nanoseconds);
    }
    if (this.#heads.length >= TEXT_BYTES) this.#writeHeads();
  }

  /** Returns the number of the folder's entries. */
  endFolder(notes: FolderNotes): number {
    const { excluded, unreadable, failure } = notes;
    if (excluded.length > 0 || unreadable.length > 0 || failure !== undefined) {
      this.#notes.set(this.#folders.length / FOLDER_WORDS, notes);
    }
    this.#writeHeads();
    const headBytes = this.#used - this.#headsStart;
    const names = this.#names.join('/');
    this.#reserve(names.length);
    this.#used += this.#bytes.write(names, this.#used, 'latin1');
    const size = this.#entries - this.#firstEntry;
    this.#folders.push(size, headBytes, names.length);
    this.#headsStart = this.#used;
    this.#firstEntry = this.#entries;
    this.#names = [];
    return size;
  }

  /** All that was packed, in memory to be handed over (`transferables`), and no more of it than that takes: a message that could not wait may have one small folder. */
  take(): PackedFolders {
    const packed = {
      bytes: new Uint8Array(this.#bytes.buffer.slice(0, this.#used)),
      records: new Uint8Array(this.#records.buffer.slice(0, this.#entries * RECORD_BYTES)),
      folders: Uint32Array.from(this.#folders),
      notes: this.#notes,
    };
    if (this.#used > MOST_KEPT_BYTES) {
      this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
      this.#records = new DataView(new ArrayBuffer(INITIAL_RECORDS));
    }
    this.#used = this.#entries = this.#headsStart = this.#firstEntry = 0;
    this.#folders = [];
    this.#notes = new Map();
    return packed;
  }

  #writeHeads(): void {
    const heads = this.#heads;
    const lengths = this.#unwritten;
    if (lengths.length === 0) return;
    this.#reserve(heads.length * BYTES_A_UNIT);
    const written = this.#bytes.write(heads, this.#used, 'utf8');
    this.#used += written;
    const isAscii = written === heads.length;
    let record = (this.#entries - lengths.length) * RECORD_BYTES + HEAD_LENGTH_AT;
    let start = 0;
    for (const length of lengths) {
      const bytes = isAscii ? length : Buffer.byteLength(heads.slice(start, start + length), 'utf8');
      this.#records.setUint32(record, bytes);
      record += RECORD_BYTES;
      start += length;
    }
    this.#heads = '';
    this.#unwritten = [];
  }

  #reserve(sizeBytes: number): void {
    if (this.#used + sizeBytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#used + sizeBytes));
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
  }
}

export function transferables({ bytes, records, folders }: PackedFolders): ArrayBuffer[] {
  return [bytes.buffer, records.buffer, folders.buffer];
}

/** The folders of a message, in order. */
export function unpackFolders({ bytes, records, folders, notes }: PackedFolders): ScannedFolder[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  const unpacked: ScannedFolder[] = [];
  let headsAt = 0;
  let recordAt = 0;
  for (let word = 0; word < folders.length; word += FOLDER_WORDS) {
    const size = folders[word]!;
    const namesAt = headsAt + folders[word + 1]!;
    const end = namesAt + folders[word + 2]!;
    const memory = { text, records: view, size, headsAt, namesAt, end, recordAt };
    unpacked.push(new ScannedFolder(memory, notes.get(unpacked.length)));
    headsAt = end;
    recordAt += size * RECORD_BYTES;
  }
  return unpacked;
}

interface FolderMemory {
  text: Buffer;
  records: DataView;
  /** Number of entries. */
  size: number;
  headsAt: number;
  namesAt: number;
  end: number;
  recordAt: number;
}

const NOTHING: FolderNotes = { excluded: [], unreadable: [] };

/** A folder as the scan found it; its entries are read one after the other, in byte order of their names. */
export class ScannedFolder {
  readonly notes: FolderNotes;
  readonly #memory: FolderMemory;
  #next = 0;
  /** Where the next head begins. */
  #headAt: number;
  /** Some heads as text, and where they begin. */
  #text = '';
  #textAt = 0;
  #names: ByteString[] | undefined;

  constructor(memory: FolderMemory, notes: FolderNotes = NOTHING) {
    this.#memory = memory;
    this.#headAt = memory.headsAt;
    this.notes = notes;
  }

  /** Number of entries. */
  get size(): number {
    return this.#memory.size;
  }

  /** undefined when all have been read. */
  next(): ScannedEntry | undefined {
    const { records, recordAt, size } = this.#memory;
    const index = this.#next;
    if (index === size) return undefined;
    this.#next++;
    const record = recordAt + index * RECORD_BYTES;
    const start = this.#headAt;
    const end = start + records.getUint32(record + HEAD_LENGTH_AT);
    this.#headAt = end;
    const kind = KINDS[records.getUint32(record + KIND_AT)]!;
    return new ScannedEntry(kind, this.#textOf(start, end), { folder: this, index, records, record });
  }

  name(index: number): ByteString {
    const { text, namesAt, end } = this.#memory;
    this.#names ??= text.toString('latin1', namesAt, end).split('/') as ByteString[];
    return this.#names[index]!;
  }

  #textOf(start: number, end: number): ByteString {
    if (end > this.#textAt + this.#text.length) {
      const { text, namesAt } = this.#memory;
      this.#text = text.toString('latin1', start, Math.max(end, Math.min(start + TEXT_BYTES, namesAt)));
      this.#textAt = start;
    }
    return this.#text.slice(start - this.#textAt, end - this.#textAt) as ByteString;
  }
}

interface EntryPlace {
  folder: ScannedFolder;
  index: number;
  records: DataView;
  record: number;
}

/** An entry as the scan found it: short-lived, since it holds the memory of all that came with it. */
export class ScannedEntry {
  readonly kind: EntryKind;
  /** The beginning of its node (`encodeNodeHead`) in UTF-8. */
  readonly head: ByteString;
  readonly #place: EntryPlace;

  constructor(kind: EntryKind, head: ByteString, place: EntryPlace) {
    this.kind = kind;
    this.head = head;
    this.#place = place;
  }

  get name(): ByteString {
    return this.#place.folder.name(this.#place.index);
  }

  /** Of a file. */
  get sizeBytes(): number {
    return this.#place.records.getFloat64(this.#place.record + SIZE_AT);
  }

  /** Of a file. */
  get identity(): FileIdentity {
    const { records, record } = this.#place;
    return {
      inode: records.getBigUint64(record + INODE_AT),
      sizeBytes: this.sizeBytes,
      mtimeNs: timeOf(records, record + MTIME_AT, record + MTIME_NANOSECONDS_AT),
      ctimeNs: timeOf(records, record + CTIME_AT, record + CTIME_NANOSECONDS_AT),
    };
  }
}

function timeOf(records: DataView, secondsAt: number, nanosecondsAt: number): bigint {
  const time: StatTime = { seconds: records.getFloat64(secondsAt), nanoseconds: records.getUint32(nanosecondsAt) };
  return toNanoseconds(time);
}
