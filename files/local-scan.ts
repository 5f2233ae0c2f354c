/** Lists all folders of a local tree, in the order in which a walk comes to them, and packs what is there: the work of a thread. */
import { readdirSync, readlinkSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { joinPath, toBytes } from './byte-path.ts';
import { loadEntryReader } from './entry-reader.ts';
import { toNanoseconds, type EntryStat } from './entry-stat.ts';
import { errorCode } from './file-errors.ts';
import { fileTypeOf } from './file-entry.ts';
import type { FileEntry } from './file-tree.ts';
import { ListingPacker, type ListedEntry, type ListingNotes, type PackedListings } from './packed-listings.ts';
import { openChildFolder, openRootFolder, type SafeFolder } from './safe-folder.ts';
import type { ScanControl } from './scan-control.ts';
import { walkedNames } from './temporary-shape.ts';

/** What is packed leaves the thread when it is this much, or when this time (milliseconds) has passed: somebody may wait for it. */
const MESSAGE_BYTES = 96 * 1024;
const MESSAGE_MILLISECONDS = 10;
const PERMISSIONS = 0o7777;
const SELF = '' as ByteString;

export interface LocalScanOptions {
  /** Absolute. */
  root: ByteString;
  /** As of `WalkOptions`; undefined: all entries of this folder are. */
  includeIn: (folder: ByteString) => ((entry: FileEntry) => boolean) | undefined;
  /** Bits that a mode has in any case. */
  addedMode: { dir: number; file: number };
  /** Owners are told; else they are 0. */
  owners: boolean;
  control: ScanControl;
  send: (packed: PackedListings) => void;
}

/** As `walkLocalTree`: folders are held open one in the other, so that no link is followed, and what vanished meanwhile is passed over. */
export class LocalScan {
  readonly #options: LocalScanOptions;
  readonly #reader = loadEntryReader();
  readonly #packer = new ListingPacker();
  #lastSent = performance.now();

  constructor(options: LocalScanOptions) {
    this.#options = options;
  }

  /** Keeps its thread until it is at the end, or is stopped. A folder that cannot be read, also the root, is noted in its own listing. */
  run(): void {
    this.#scan(SELF, () => openRootFolder(this.#options.root));
    this.#sendPacked();
  }

  #scan(path: ByteString, open: () => SafeFolder): void {
    const { control } = this.#options;
    if (control.isFull) {
      this.#sendPacked();
      control.waitForRoom();
    }
    if (control.isStopped) return;
    const notes: ListingNotes = { leftOut: [], unreadable: [] };
    let folder: SafeFolder | undefined;
    let names: ByteString[] = [];
    const below: ByteString[] = [];
    try {
      try {
        folder = open();
        names = walkedNames(readdirSync(toBytes(folder.entry(SELF)), 'latin1') as ByteString[]);
      } catch (error) {
        this.#refuse(notes, path, error, path !== SELF);
      }
      const include = this.#options.includeIn(path);
      for (const name of names) this.#visit({ path, folder: folder!, include, notes, below }, name);
      control.sent(this.#packer.endFolder(notes) + 1);
      const isDue = performance.now() - this.#lastSent > MESSAGE_MILLISECONDS;
      if (isDue || this.#packer.sizeBytes >= MESSAGE_BYTES) this.#sendPacked();
      const parent = folder;
      for (const name of below) this.#scan(joinPath(path, name), () => openChildFolder(parent!, name));
    } finally {
      folder?.[Symbol.dispose]();
    }
  }

  #visit(place: Place, name: ByteString): void {
    const { path, folder, include, notes, below } = place;
    try {
      const stat = this.#reader.lstatIn(folder, name);
      if (stat === undefined) return;
      const entry = this.#toListed(folder, name, stat);
      if (include !== undefined) {
        const seen = toFileEntry(joinPath(path, name), entry);
        if (!include(seen)) {
          notes.leftOut.push(seen.path);
          return;
        }
      }
      this.#packer.add(name, entry);
      if (entry.type === 'dir') below.push(name);
    } catch (error) {
      this.#refuse(notes, joinPath(path, name), error, true);
    }
  }

  #toListed(folder: SafeFolder, name: ByteString, stat: EntryStat): ListedEntry {
    const { addedMode, owners } = this.#options;
    const type = fileTypeOf(stat.mode);
    const linkTarget =
      type === 'symlink' ? (readlinkSync(toBytes(folder.entry(name)), 'latin1') as ByteString) : undefined;
    const added = type === 'dir' ? addedMode.dir : type === 'symlink' ? 0 : addedMode.file;
    if (!owners) stat.uid = stat.gid = 0;
    return { type, mode: (stat.mode & PERMISSIONS) | added, linkTarget, stat };
  }

  /** What vanished between the listing and the look is not there, and no error; but the root has to be. */
  #refuse(notes: ListingNotes, path: ByteString, error: unknown, mayVanish: boolean): void {
    const code = errorCode(error);
    if (code === undefined) throw error;
    if (mayVanish && code === 'ENOENT') return;
    notes.unreadable.push({ path, error: { message: (error as Error).message, code } });
  }

  #sendPacked(): void {
    if (!this.#packer.isEmpty) this.#options.send(this.#packer.take());
    this.#lastSent = performance.now();
  }
}

interface Place {
  path: ByteString;
  folder: SafeFolder;
  include: ((entry: FileEntry) => boolean) | undefined;
  notes: ListingNotes;
  /** Filled with the folders among the entries. */
  below: ByteString[];
}

function toFileEntry(path: ByteString, { type, mode, linkTarget, stat }: ListedEntry): FileEntry {
  return {
    path,
    type,
    mode,
    sizeBytes: stat.sizeBytes,
    mtimeNs: toNanoseconds(stat.mtime),
    ctimeNs: toNanoseconds(stat.ctime),
    uid: stat.uid,
    gid: stat.gid,
    inode: stat.inode,
    device: stat.device,
    links: stat.links,
    ...(linkTarget === undefined ? {} : { linkTarget }),
  };
}
