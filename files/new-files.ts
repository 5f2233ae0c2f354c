/** Making files of a folder with their final mode at once, where this shows nobody more than the finished file does. */
import { constants, fstatSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import type { NativeFolderCalls } from './native-folder.ts';

const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/** Until its owner and mode are set. */
export const PRIVATE_MODE = 0o600;
const PERMISSION_BITS = 0o777;
const MODE_BITS = 0o7777;

/** What of this process decides about new files. */
export interface Creator {
  uid: number;
  gid: number;
}

/** What a file is to have when it is finished. */
export interface WantedFile {
  /** Permission bits with setuid, setgid and sticky. */
  mode: number;
  /** Absent: it stays whose it is. */
  owner: { uid: number; gid: number } | undefined;
  /** Something else will narrow who may read it: an access list. */
  isNarrowed: boolean;
}

/** What making a file has given it already. */
export interface MadeFile {
  mode: number;
  uid: number;
  gid: number;
}

/**
 * The files of one folder. Its default access list, its group bit, the umask and the file system decide what a new file
 * gets; it is the same for all files that ask for the same mode, so that the first one tells.
 */
export class NewFiles {
  readonly #calls: NativeFolderCalls;
  readonly #folder: number;
  readonly #creator: Creator;
  readonly #made = new Map<number, MadeFile>();

  /** @param folder Its descriptor. */
  constructor(calls: NativeFolderCalls, folder: number, creator: Creator) {
    this.#calls = calls;
    this.#folder = folder;
    this.#creator = creator;
  }

  /** What new entries get; undefined before the first file. */
  get owner(): { uid: number; gid: number } | undefined {
    return this.#made.values().next().value;
  }

  /** A fresh file, open for writing, and what it has already; the caller closes it by `calls`. Throws Node's error (`EEXIST`). */
  open(name: ByteString, wanted: WantedFile): { descriptor: number; made: MadeFile } {
    const mode = this.#firstMode(wanted);
    const descriptor = this.#calls.open(this.#folder, name, FLAGS, mode);
    try {
      let made = this.#made.get(mode);
      if (made === undefined) {
        const { mode: actual, uid, gid } = fstatSync(descriptor);
        made = { mode: actual & MODE_BITS, uid, gid };
        this.#made.set(mode, made);
      }
      return { descriptor, made };
    } catch (error) {
      this.#calls.close(descriptor);
      throw error;
    }
  }

  #firstMode({ mode, owner, isNarrowed }: WantedFile): number {
    const staysOurs = owner === undefined || (owner.uid === this.#creator.uid && owner.gid === this.#creator.gid);
    if (!staysOurs || isNarrowed || (mode & ~PERMISSION_BITS) !== 0) return PRIVATE_MODE;
    return mode;
  }
}
