/** Looks at the sources of a backup, folder by folder in the order of the walk, ahead of whoever compares and stores what is there. */
import { lstatSync, readdirSync, statSync, type BigIntStats } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ByteString } from '../common/byte-string.ts';
import { InterruptedError } from '../common/errors.ts';
import { fromText, joinPath, toBytes } from '../files/byte-path.ts';
import type { FileIdentity } from './archive-messages.ts';
import { identityOf, typeOf, SourceNodes } from './source-node.ts';
import { SourceSelection, type SelectionSettings } from './source-selection.ts';
import type { SourceFolder } from './source-tree.ts';
import { encodeNodeHead } from './tree-node.ts';

/** A folder whose own size is beyond this has thousands of entries: listing it would hold the thread up. */
const LARGE_FOLDER_BYTES = 65_536n;
/** Entries that are looked at before they are asked for: some 600 bytes each. */
const MAX_ENTRIES_AHEAD = 60_000;
/** The scan works this long (milliseconds) before it lets others use the thread. */
const TURN_MILLISECONDS = 10;

const LSTAT = { bigint: true, throwIfNoEntry: false } as const;

/** An entry as the scan found it. */
export interface ScannedEntry {
  name: ByteString;
  kind: 'file' | 'dir' | 'other';
  /** The beginning of its node (`encodeNodeHead`) in UTF-8. */
  head: ByteString;
  /** Of a file. */
  identity?: FileIdentity;
}

export interface ScannedFolder {
  path: ByteString;
  /** In byte order of the names. */
  entries: ScannedEntry[];
  /** Left out by the selection: entries of this folder, by their paths. */
  excluded: ByteString[];
  unreadable: { path: ByteString; error: unknown }[];
  /** The folder itself could not be listed. */
  failure?: Error;
}

export interface ScanSettings {
  selection: SelectionSettings;
  withAtime?: boolean | undefined;
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
  /** Its own size. */
  sizeBytes: bigint;
}

/**
 * Begins at once and goes on while its thread has nothing else to do, until so much is known that it waits to be asked.
 * `next` gives the folders in pre-order: the root (or the folder that the sources have in common), then for each folder
 * among its entries, in their order, that folder and all below it.
 */
export class SourceScan {
  readonly nodes: SourceNodes;
  readonly #startedAt = performance.now();
  readonly #selection: SourceSelection;
  readonly #scanned: ScannedFolder[] = [];
  #entriesAhead = 0;
  #stopped = false;
  #failure: Error | undefined;
  /** Somebody waits for a folder. */
  #wanted: PromiseWithResolvers<void> | undefined;
  /** The scan waits for room. */
  #room: PromiseWithResolvers<void> | undefined;
  #turnStart = performance.now();
  /** Of the folder that is being looked at. */
  #current: ScannedFolder | undefined;

  /** Throws a Usage error for malformed patterns. */
  constructor(plan: SourceFolder, { selection, withAtime }: ScanSettings) {
    this.#selection = new SourceSelection(selection, (path) => this.#current?.excluded.push(path));
    this.nodes = new SourceNodes({ withAtime });
    void this.#run(plan);
  }

  /** Milliseconds since it began. */
  get age(): number {
    return performance.now() - this.#startedAt;
  }

  /** The next folder; a promise only where it is not there yet. Throws what made the scan fail. */
  next(): ScannedFolder | Promise<ScannedFolder> {
    const folder = this.#scanned.shift();
    if (folder === undefined) return this.#wait();
    this.#entriesAhead -= folder.entries.length + 1;
    if (this.#entriesAhead < MAX_ENTRIES_AHEAD) this.#room?.resolve();
    return folder;
  }

  /** Ends the scan, if it is not at its end; whoever waits for a folder gets InterruptedError. */
  stop(): void {
    this.#stopped = true;
    this.#room?.resolve();
    this.#wanted?.resolve();
  }

  async #wait(): Promise<ScannedFolder> {
    while (this.#scanned.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#stopped) throw new InterruptedError();
      this.#wanted = Promise.withResolvers();
      await this.#wanted.promise;
    }
    return this.next();
  }

  async #run(plan: SourceFolder): Promise<void> {
    try {
      // Not before its maker has done what it has to do.
      await nextTurn();
      const device = plan.isSource ? statSync('/', { bigint: true }).dev : undefined;
      await this.#scan({ path: plan.path, plan, inSource: plan.isSource, device, sizeBytes: 0n });
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    this.#wanted?.resolve();
  }

  async #scan(place: Place): Promise<void> {
    if (this.#stopped) return;
    const below: Place[] = [];
    const folder: ScannedFolder = { path: place.path, entries: [], excluded: [], unreadable: [] };
    try {
      this.#current = folder;
      for (const name of await this.#listNames(place)) {
        const pause = this.#breathe();
        if (pause !== undefined) await pause;
        if (this.#stopped) return;
        this.#visit(place, name, folder, below);
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      folder.failure = error;
    }
    this.#scanned.push(folder);
    this.#entriesAhead += folder.entries.length + 1;
    this.#wanted?.resolve();
    for (const each of below) {
      while (this.#entriesAhead >= MAX_ENTRIES_AHEAD && !this.#stopped) {
        this.#room = Promise.withResolvers();
        await this.#room.promise;
      }
      await this.#scan(each);
    }
  }

  #breathe(): Promise<void> | undefined {
    if (performance.now() - this.#turnStart < TURN_MILLISECONDS) return undefined;
    return nextTurn().then(() => {
      this.#turnStart = performance.now();
    });
  }

  /** In byte order. Throws Node's error when the folder cannot be listed. */
  async #listNames({ path, plan, inSource, sizeBytes }: Place): Promise<ByteString[]> {
    if (!inSource) return [...(plan?.children.keys() ?? [])].toSorted();
    const bytes = toBytes(path);
    const names = sizeBytes > LARGE_FOLDER_BYTES ? await readdir(bytes, 'latin1') : readdirSync(bytes, 'latin1');
    // What a marker file excludes stays away, but for sources that are named in their own right.
    return this.#selection.keepNames(path, names as ByteString[], plan?.children).toSorted();
  }

  #visit(place: Place, name: ByteString, folder: ScannedFolder, below: Place[]): void {
    const plan = place.plan?.children.get(name);
    const path = joinPath(place.path, name);
    if (plan === undefined && this.#selection.excludesPath(path)) return;
    try {
      // Above a source, and most often at it, a link stands for what it points to; within one it is itself.
      const stat = isFollowed(plan) ? statSync(toBytes(path), LSTAT) : lstatSync(toBytes(path), LSTAT);
      if (stat === undefined) {
        // It vanished since its folder was listed; but what was named must not be missing in silence.
        if (plan !== undefined) folder.unreadable.push({ path, error: new Error('it is not there') });
        return;
      }
      if (plan === undefined && this.#selection.excludesEntry(path, stat, place.device)) return;
      const type = typeOf(stat);
      // restic leaves sockets out: a program makes its own anew.
      if (type === 'socket' || type === undefined) return;
      const isAbove = plan !== undefined && !plan.isSource && !place.inSource;
      const head = fromText(encodeNodeHead(this.nodes.make(path, name, stat, { ignoreAttributes: isAbove })));
      if (type === 'file') folder.entries.push({ name, kind: 'file', head, identity: identityOf(stat) });
      else folder.entries.push({ name, kind: type === 'dir' ? 'dir' : 'other', head });
      if (type === 'dir') below.push(this.#placeBelow(place, path, stat, plan));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      folder.unreadable.push({ path, error });
    }
  }

  #placeBelow(place: Place, path: ByteString, stat: BigIntStats, plan: SourceFolder | undefined): Place {
    const isSource = plan?.isSource ?? false;
    // Where another file system is mounted the folder stays, empty, as restic keeps it.
    const isForeign = !isSource && this.#selection.isForeignFolder(stat, place.device);
    const inSource = (place.inSource && !isForeign) || isSource;
    return { path, plan, inSource, device: isSource ? stat.dev : place.device, sizeBytes: stat.size };
  }
}

function isFollowed(plan: SourceFolder | undefined): boolean {
  return plan !== undefined && !(plan.isLink && plan.children.size === 0);
}

/** Node's, of a call of the system. */
export function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}
