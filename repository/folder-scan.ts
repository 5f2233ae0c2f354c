/** Looks at the sources of a backup, folder by folder in the order of the walk: the work of a scan's thread. */
import { readdirSync, statSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { joinPath, toBytes } from '../files/byte-path.ts';
import { loadEntryReader } from '../files/entry-reader.ts';
import { entryStatOf, type EntryStat } from '../files/entry-stat.ts';
import { FolderPacker, type FolderNotes, type PackedFolders, type ScanFailure } from './packed-folders.ts';
import type { ScanControl } from '../files/scan-control.ts';
import { isSystemError, SourceNodes, typeOf } from './source-node.ts';
import { SourceSelection, type SelectionSettings } from './source-selection.ts';
import type { SourceFolder } from './source-tree.ts';
import { encodeNodeHead } from './tree-node.ts';

/** What is packed leaves the thread when it is this much, or when this time (milliseconds) has passed: somebody may wait for it. */
const MESSAGE_BYTES = 128 * 1024;
const MESSAGE_MILLISECONDS = 10;

export interface ScanSettings {
  selection: SelectionSettings;
  withAtime?: boolean | undefined;
  /** Entries that are looked at before they are asked for. */
  maxEntriesAhead?: number | undefined;
}

/** Where the scan is: a folder on disk, and how much of it belongs to the backup. */
interface Place {
  path: ByteString;
  /** Of a folder that is, or leads to, a source; absent further down. */
  plan: SourceFolder | undefined;
  /** Inside a source: everything is backed up, not only what the plan names. */
  inSource: boolean;
  /** The device a source is on, for `oneFileSystem`. */
  device: bigint | undefined;
}

/**
 * Sends the folders in pre-order: the root (or the folder that the sources have in common), then for each folder among its
 * entries, in their order, that folder and all below it. It keeps its thread until it is at the end, or is stopped.
 */
export class FolderScan {
  readonly #control: ScanControl;
  readonly #send: (packed: PackedFolders) => void;
  readonly #selection: SourceSelection;
  readonly #nodes: SourceNodes;
  readonly #reader = loadEntryReader();
  readonly #packer = new FolderPacker();
  #lastSent = performance.now();
  /** Of the folder that is being looked at. */
  #notes: FolderNotes = { excluded: [], unreadable: [] };

  /** Throws a Usage error for malformed patterns. */
  constructor({ selection, withAtime }: ScanSettings, control: ScanControl, send: (packed: PackedFolders) => void) {
    this.#control = control;
    this.#send = send;
    this.#selection = new SourceSelection(selection, (path) => this.#notes.excluded.push(path));
    this.#nodes = new SourceNodes({ withAtime });
  }

  run(plan: SourceFolder): void {
    const device = plan.isSource ? statSync('/', { bigint: true }).dev : undefined;
    this.#scan({ path: plan.path, plan, inSource: plan.isSource, device });
    this.#sendPacked();
  }

  #scan(place: Place): void {
    if (this.#control.isFull) {
      this.#sendPacked();
      this.#control.waitForRoom();
    }
    const below: Place[] = [];
    const notes: FolderNotes = { excluded: [], unreadable: [] };
    this.#notes = notes;
    try {
      for (const name of this.#listNames(place)) {
        if (this.#control.isStopped) return;
        this.#visit(place, name, below);
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      notes.failure = failureOf(error);
    }
    this.#control.sent(this.#packer.endFolder(notes) + 1);
    const isDue = performance.now() - this.#lastSent > MESSAGE_MILLISECONDS;
    if (isDue || this.#packer.sizeBytes >= MESSAGE_BYTES) this.#sendPacked();
    for (const each of below) this.#scan(each);
  }

  #sendPacked(): void {
    if (!this.#packer.isEmpty) this.#send(this.#packer.take());
    this.#lastSent = performance.now();
  }

  /** In byte order. Throws Node's error when the folder cannot be listed. */
  #listNames({ path, plan, inSource }: Place): ByteString[] {
    if (!inSource) return [...(plan?.children.keys() ?? [])].toSorted();
    const names = readdirSync(toBytes(path), 'latin1') as ByteString[];
    // What a marker file excludes stays away, but for sources that are named in their own right.
    return this.#selection.keepNames(path, names, plan?.children).toSorted();
  }

  #visit(place: Place, name: ByteString, below: Place[]): void {
    const plan = place.plan?.children.get(name);
    const path = joinPath(place.path, name);
    if (plan === undefined && this.#selection.excludesPath(path)) return;
    try {
      // Above a source, and most often at it, a link stands for what it points to; within one it is itself.
      const isItself = !isFollowed(plan);
      const stat = isItself ? this.#reader.lstat(place.path, name) : statOf(path);
      if (stat === undefined) {
        // It vanished since its folder was listed; but what was named must not be missing in silence.
        if (plan !== undefined) this.#notes.unreadable.push({ path, error: { message: 'it is not there' } });
        return;
      }
      if (plan === undefined && this.#selection.excludesEntry(path, stat, place.device)) return;
      const type = typeOf(stat);
      // restic leaves sockets out: a program makes its own anew.
      if (type === 'socket' || type === undefined) return;
      const isAbove = plan !== undefined && !plan.isSource && !place.inSource;
      const hasNoAttributes = isItself && !this.#reader.mayHaveAttributes();
      const node = this.#nodes.make(path, name, stat, { ignoreAttributes: isAbove, hasNoAttributes });
      this.#packer.addEntry(type === 'file' || type === 'dir' ? type : 'other', name, encodeNodeHead(node), stat);
      if (type === 'dir') below.push(this.#placeBelow(place, path, stat, plan));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#notes.unreadable.push({ path, error: failureOf(error) });
    }
  }

  #placeBelow(place: Place, path: ByteString, stat: EntryStat, plan: SourceFolder | undefined): Place {
    const isSource = plan?.isSource ?? false;
    // Where another file system is mounted the folder stays, empty, as restic keeps it.
    const isForeign = !isSource && this.#selection.isForeignFolder(stat, place.device);
    const inSource = (place.inSource && !isForeign) || isSource;
    return { path, plan, inSource, device: isSource ? stat.device : place.device };
  }
}

function isFollowed(plan: SourceFolder | undefined): boolean {
  return plan !== undefined && !(plan.isLink && plan.children.size === 0);
}

/** Of what the path leads to. */
function statOf(path: ByteString): EntryStat | undefined {
  const stat = statSync(toBytes(path), { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : entryStatOf(stat);
}

function failureOf(error: NodeJS.ErrnoException): ScanFailure {
  const { message, code, errno, syscall, path } = error;
  return { message, code, errno, syscall, path };
}
