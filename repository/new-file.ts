/** Making files of a folder with their final mode at once, where this shows nobody more than the finished file does. */
import { constants, fchmodSync, fstatSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { errorCode } from '../files/file-errors.ts';
import type { NativeFolderCalls } from '../files/native-folder.ts';
import type { MadeWith } from './apply-metadata.ts';
import { fromGoMode } from './go-file-mode.ts';
import type { RestoredNode } from './restore-messages.ts';

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

/**
 * The files of one folder. Its default access list, its group bit, the umask and the file system decide what a new file
 * gets; it is the same for all files that ask for the same mode, so that the first one tells.
 */
export class NewFiles {
  readonly #calls: NativeFolderCalls;
  readonly #folder: number;
  readonly #creator: Creator;
  readonly #owners: boolean;
  readonly #made = new Map<number, MadeWith>();

  /**
   * @param folder Its descriptor.
   * @param owners Whether owner and group will be set.
   */
  constructor(calls: NativeFolderCalls, folder: number, creator: Creator, owners: boolean) {
    this.#calls = calls;
    this.#folder = folder;
    this.#creator = creator;
    this.#owners = owners;
  }

  /** What new entries get; undefined before the first file. */
  get owner(): { uid: number; gid: number } | undefined {
    return this.#made.values().next().value;
  }

  /** A fresh file, open for writing, and what it has already; the caller closes it by `calls`. Throws Node's error (`EEXIST`). */
  open(name: ByteString, node: RestoredNode): { descriptor: number; made: MadeWith } {
    const mode = this.#firstMode(node);
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

  #firstMode(node: RestoredNode): number {
    const mode = fromGoMode(node.mode ?? 0);
    const staysOurs = !this.#owners || (node.uid === this.#creator.uid && node.gid === this.#creator.gid);
    // Attributes may narrow who may read it: an access list.
    if (!staysOurs || node.extended_attributes?.length || (mode & ~PERMISSION_BITS) !== 0) return PRIVATE_MODE;
    return mode;
  }
}

/** Nobody else is to read the new content before the file has its owner and mode, where this account may say so. */
export function hideFile(descriptor: number): void {
  try {
    if ((fstatSync(descriptor).mode & MODE_BITS) !== PRIVATE_MODE) fchmodSync(descriptor, PRIVATE_MODE);
  } catch (error) {
    if (errorCode(error) !== 'EPERM') throw error;
  }
}
