/** Folders that a copy makes: each is filled under a temporary name and gets its own when what is in it is durable. */
import { chmodSync, constants, fstatSync, lstatSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { baseName, parentPath, toBytes } from './byte-path.ts';
import { errorCode } from './file-errors.ts';
import { loadNativeFolderCalls } from './native-folder.ts';
import { removeBelow } from './remove-below.ts';
import { borrowFolder, openFolderBelow, type SafeFolder } from './safe-folder.ts';
import { createTemporaryNames, removeAbandoned } from './temporary-name.ts';

/** Linux's, which Node does not name. */
const O_PATH = 0o10000000;
const FLAGS = constants.O_DIRECTORY | O_PATH;
/** What may wait for a name in and below a folder that is being filled: some seconds of work, which a crash undoes. Beyond it what comes later is renamed. */
const MOST_WAITING: Readonly<WaitingBelow> = { files: 32_768, bytes: 128 * 1024 * 1024, folders: 128 };
/** Folders remembered as swept of what killed processes left; beyond this the memory starts anew. */
const SWEPT_FOLDERS = 10_000;
const MODE_BITS = 0o7777;

/** A file or link that was given to a copy: thousands wait for their names. */
export interface Waiting {
  path: ByteString;
  sizeBytes: number;
}

export interface NewFolder {
  readonly path: ByteString;
  /** Of the folder itself, for all threads. */
  readonly descriptor: number;
  /** What is written into it from now on has its own name at once, because the folder has none. */
  takesNames: boolean;
  /** Of what gets its own name at once: given away and not answered; written. */
  underWay: number;
  written: Waiting[];
  /** To be told of when the folder has its name, by which whoever is told will look for them. */
  failed: ByteString[];
  /** Whatever needs the descriptor: files without their names, folders in it without theirs, and more to come. */
  uses: number;
  isNamed: boolean;
}

/** Without names, in a folder and all below it. */
interface WaitingBelow {
  files: number;
  bytes: number;
  folders: number;
}

interface Made extends NewFolder {
  /** Of the folder above, by which this one gets its name. */
  parent: Made | SafeFolder;
  temporary: ByteString;
}

/** Folders come in walk order. One whose name is taken by a folder, from whatever time, is none of these: what comes into it has to be whole first. */
export class NewFolders {
  readonly #root: ByteString;
  readonly #calls = loadNativeFolderCalls();
  readonly #temporaryName = createTemporaryNames();
  /** The way down to the last one. */
  readonly #way: Made[] = [];
  /** In the order in which they were made. */
  readonly #unnamed = new Set<Made>();
  /** With a descriptor. */
  readonly #open = new Set<NewFolder>();
  readonly #swept = new Set<ByteString>();

  /** @param root Absolute. */
  constructor(root: ByteString) {
    this.#root = root;
  }

  /** Without their names yet. */
  get count(): number {
    return this.#unnamed.size;
  }

  /** false: there is such a folder. Throws Node's error. */
  make(path: ByteString, mode: number): boolean {
    const name = baseName(path);
    const above = this.find(parentPath(path)) as Made | undefined;
    const parent = above ?? this.#openOld(parentPath(path));
    try {
      if (!('uses' in parent) && isFolder(parent, name)) {
        parent[Symbol.dispose]();
        return false;
      }
      const temporary = this.#temporaryName();
      this.#calls.makeFolder(parent.descriptor, temporary, mode);
      const descriptor = this.#calls.open(parent.descriptor, temporary, FLAGS, 0);
      const made: Made = {
        ...{ path, descriptor, parent, temporary, takesNames: true },
        ...{ underWay: 0, written: [], failed: [], uses: 2, isNamed: false },
      };
      this.#unnamed.add(made);
      this.#open.add(made);
      this.#way.push(made);
      if (above !== undefined) above.uses++;
      // The mask of the process and an access list of the folder above have their part in what a new folder gets.
      if ((fstatSync(descriptor).mode & MODE_BITS) !== mode)
        chmodSync(toBytes(borrowFolder(descriptor).entry('' as ByteString)), mode);
      return true;
    } catch (error) {
      if (above === undefined) (parent as SafeFolder)[Symbol.dispose]();
      throw error;
    }
  }

  /** The folder at a path, when it is one of these: nothing comes into those that the walk has gone past. */
  find(path: ByteString): NewFolder | undefined {
    for (let last = this.#way.at(-1); last !== undefined; last = this.#way.at(-1)) {
      if (last.path === path) return last;
      if (path.startsWith(`${last.path}/`)) return undefined;
      this.#way.pop();
      this.release(last);
    }
    return undefined;
  }

  /**
   * No more is given a name in what was written into so far, but for the end of the way down while little waits there: all that comes into
   * a folder after it was sealed has to be renamed, a third of the work of making it. Returns those of which all has been
   * answered: durable, they can be named in this order. One below another that has to wait waits with it, as nobody would
   * find it by its path.
   *
   * @param isLast Nothing more will come into any.
   */
  seal({ isLast }: { isLast: boolean }): NewFolder[] {
    const filled = isLast ? new Set<Made>() : this.#stillFilled();
    const sealed = new Set<Made>();
    for (const folder of this.#unnamed) {
      if (filled.has(folder)) continue;
      folder.takesNames = false;
      const { parent, underWay } = folder;
      const isReached = !('uses' in parent) || parent.isNamed || sealed.has(parent);
      if (underWay === 0 && isReached) sealed.add(folder);
    }
    return [...sealed];
  }

  #stillFilled(): ReadonlySet<Made> {
    const waiting = new Map<Made, WaitingBelow>();
    for (const folder of this.#unnamed) waiting.set(folder, waitingIn(folder));
    // One below another comes after it.
    for (const [folder, { files, bytes, folders }] of [...waiting].toReversed()) {
      const above = 'uses' in folder.parent ? waiting.get(folder.parent) : undefined;
      if (above === undefined) continue;
      above.files += files;
      above.bytes += bytes;
      above.folders += folders;
    }
    return new Set(this.#way.filter((folder) => folder.takesNames && isLittle(waiting.get(folder)!)));
  }

  /** Throws Node's error, where something has taken the name meanwhile. */
  name(folder: NewFolder): void {
    const { parent, temporary, path } = folder as Made;
    this.#calls.rename(parent.descriptor, temporary, baseName(path));
    this.#unnamed.delete(folder as Made);
    folder.isNamed = true;
    if ('uses' in parent) this.release(parent);
    else parent[Symbol.dispose]();
    this.release(folder);
  }

  release(folder: NewFolder): void {
    if (--folder.uses > 0) return;
    this.#open.delete(folder);
    this.#calls.close(folder.descriptor);
  }

  /** Removes those without names, and all in them. Nothing may be written into them any more. */
  [Symbol.dispose](): void {
    for (const folder of this.#unnamed) {
      const { parent, temporary } = folder;
      try {
        removeBelow('uses' in parent ? borrowFolder(parent.descriptor) : parent, temporary);
      } catch (error) {
        // It went with the one above it; what cannot be removed now is by the next run.
        if (errorCode(error) === undefined) throw error;
      }
    }
    for (const { parent } of this.#unnamed) if (!('uses' in parent)) parent[Symbol.dispose]();
    for (const { descriptor } of this.#open) this.#calls.close(descriptor);
    for (const set of [this.#unnamed, this.#open]) set.clear();
    this.#way.length = 0;
  }

  /** What a killed process has left there goes first. */
  #openOld(path: ByteString): SafeFolder {
    const folder = openFolderBelow(this.#root, path);
    if (this.#swept.has(path)) return folder;
    if (this.#swept.size >= SWEPT_FOLDERS) this.#swept.clear();
    this.#swept.add(path);
    removeAbandoned(folder);
    return folder;
  }
}

function waitingIn({ written, underWay }: Made): WaitingBelow {
  const bytes = written.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { files: written.length + underWay, bytes, folders: 1 };
}

function isLittle({ files, bytes, folders }: WaitingBelow): boolean {
  return files <= MOST_WAITING.files && bytes <= MOST_WAITING.bytes && folders <= MOST_WAITING.folders;
}

/** Throws Node's error when something else is there. */
function isFolder(parent: SafeFolder, name: ByteString): boolean {
  const stats = lstatSync(toBytes(parent.entry(name)), { throwIfNoEntry: false });
  if (stats === undefined || stats.isDirectory()) return stats !== undefined;
  throw Object.assign(new Error('EEXIST: file already exists'), { code: 'EEXIST', syscall: 'mkdir' });
}
