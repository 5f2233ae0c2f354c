/** Copies single files and links of one local tree to another, under temporary names first: the work of a copying thread. */
import { constants, fchmodSync, fchownSync, fstatSync, lchownSync, readSync, unlinkSync, writeSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { toBytes } from './byte-path.ts';
import type { CopyJob, CopyThreadSettings } from './copy-messages.ts';
import { errorCode } from './file-errors.ts';
import { HeldFolders } from './held-folders.ts';
import { loadNativeFolderCalls } from './native-folder.ts';
import { type Creator, NewFiles, PRIVATE_MODE } from './new-files.ts';
import { loadNativeMetadata } from './native-metadata.ts';
import { borrowFolder, type BorrowedFolder } from './safe-folder.ts';
import { createTemporaryNames, removeAbandoned } from './temporary-name.ts';

/** What is read stays in the processor's cache until it is written. */
const PIECE_BYTES = 256 * 1024;

// Without O_NONBLOCK a fifo that was put there meanwhile would hang the thread.
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;
const CREATOR: Creator = { uid: process.geteuid?.() ?? -1, gid: process.getegid?.() ?? -1 };

/** Which folder of the target: its descriptor, or where it is to be found. */
type Where = Pick<CopyJob, 'folder' | 'made'>;

interface Written extends Where {
  temporary: ByteString;
  name: ByteString;
}

interface Place {
  made: number | undefined;
  target: BorrowedFolder;
  files: NewFiles;
}

/** Neither the file at a place nor a folder on the way to it is ever reached through a link below the trees' roots. */
export class EntryCopies implements Disposable {
  readonly #source: HeldFolders;
  readonly #target: HeldFolders;
  readonly #stop: Int32Array;
  readonly #calls = loadNativeFolderCalls();
  readonly #native = loadNativeMetadata();
  readonly #temporaryName = createTemporaryNames();
  readonly #piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  /** What has no name yet, in the order in which it was written. */
  #written: Written[] = [];
  /** The folder that is being written into. */
  #current: Place | undefined;

  constructor({ source, target, stop }: CopyThreadSettings) {
    this.#source = new HeldFolders(source);
    this.#target = new HeldFolders(target);
    this.#stop = new Int32Array(stop);
  }

  /** Returns the numbers of those that failed, which includes files that are not, or no longer, as the walk saw them. */
  write(jobs: readonly CopyJob[]): number[] {
    if (this.#current?.made !== undefined) this.#current = undefined;
    return jobs.flatMap((job, index) => (this.#writeOne(job) ? [] : [index]));
  }

  /** Gives the first `count` of what was written their names. Returns the numbers of those that failed. */
  rename(count: number): number[] {
    const failed: number[] = [];
    for (const [index, { temporary, name, ...where }] of this.#written.splice(0, count).entries()) {
      try {
        this.#calls.rename(this.#folderOf(where).descriptor, temporary, name);
      } catch {
        failed.push(index);
        this.#remove(where, temporary);
      }
    }
    return failed;
  }

  /** Removes what has no name yet. */
  [Symbol.dispose](): void {
    for (const { temporary, ...where } of this.#written.splice(0)) this.#remove(where, temporary);
    this.#source[Symbol.dispose]();
    this.#target[Symbol.dispose]();
  }

  #writeOne(job: CopyJob): boolean {
    const { folder, made, name, takesName } = job;
    if (this.#isStopped) return false;
    const temporary = takesName ? name : this.#temporaryName();
    try {
      const place = this.#enter(job);
      const whole =
        job.linkTarget === undefined
          ? this.#copyFile(job, place.files, temporary)
          : this.#makeLink(job, job.linkTarget, place, temporary);
      if (!whole) this.#remove(job, temporary);
      else if (!takesName) this.#written.push({ folder, made, temporary, name });
      return whole;
    } catch {
      // Whoever gave the job does it once more, for the error: nothing of it needs to cross from here.
      this.#remove(job, temporary);
      return false;
    }
  }

  #enter({ folder, made }: Where): Place {
    // Another folder may have the number of one that was closed: of each message the first file asks anew.
    if (made !== undefined && this.#current?.made === made) return this.#current;
    const target = this.#folderOf({ folder, made });
    if (made === undefined) {
      if (this.#current?.target === target) return this.#current;
      removeAbandoned(target);
    }
    const files = new NewFiles(this.#calls, target.descriptor, CREATOR);
    this.#current = { made, target, files };
    return this.#current;
  }

  #folderOf({ folder, made }: Where): BorrowedFolder {
    return made === undefined ? this.#target.open(folder) : borrowFolder(made);
  }

  #makeLink(job: CopyJob, linkTarget: ByteString, { target, files }: Place, temporary: ByteString): boolean {
    const { owner } = job;
    this.#calls.makeLink(target.descriptor, temporary, linkTarget);
    const isOwned = owner === undefined || (owner.uid === files.owner?.uid && owner.gid === files.owner.gid);
    if (!isOwned) lchownSync(toBytes(target.entry(temporary)), owner.uid, owner.gid);
    this.#calls.setTimes(target.descriptor, temporary, { mtimeNs: job.mtimeNs });
    return true;
  }

  /** false: the source is not what the walk saw, or changed meanwhile. */
  #copyFile(job: CopyJob, files: NewFiles, temporary: ByteString): boolean {
    const from = this.#calls.open(this.#source.open(job.folder).descriptor, job.name, READ_FLAGS, 0);
    try {
      const { mode, owner } = job;
      const wanted = { mode: mode ?? PRIVATE_MODE, owner, isNarrowed: false };
      const { descriptor: to, made } = files.open(temporary, wanted);
      try {
        if (this.#copyContent(from, to, job.sizeBytes) !== job.sizeBytes) return false;
        // The owner first: changing it clears setuid. Times last: all else touches them.
        const isOwned = owner === undefined || (owner.uid === made.uid && owner.gid === made.gid);
        if (!isOwned) fchownSync(to, owner.uid, owner.gid);
        if (mode !== undefined && (made.mode !== mode || !isOwned)) fchmodSync(to, mode);
        this.#native.setTimesOfOpen(to, { mtimeNs: job.mtimeNs });
      } finally {
        this.#calls.close(to);
      }
      const after = fstatSync(from, { bigint: true });
      return (
        after.isFile() &&
        after.ino === job.inode &&
        after.mtimeNs === job.mtimeNs &&
        Number(after.size) === job.sizeBytes
      );
    } finally {
      this.#calls.close(from);
    }
  }

  /** Returns the number of bytes; fewer when the thread was told to stop. */
  #copyContent(from: number, to: number, sizeBytes: number): number {
    let copied = 0;
    for (;;) {
      const count = readSync(from, this.#piece, 0, PIECE_BYTES, null);
      for (let at = 0; at < count;) at += writeSync(to, this.#piece, at, count - at);
      copied += count;
      // A short read at the size that was expected is the end: one more call would say so of each small file.
      if (count === 0 || (count < PIECE_BYTES && copied === sizeBytes) || this.#isStopped) return copied;
    }
  }

  get #isStopped(): boolean {
    return Atomics.load(this.#stop, 0) !== 0;
  }

  #remove(where: Where, temporary: ByteString): void {
    try {
      unlinkSync(toBytes(this.#folderOf(where).entry(temporary)));
    } catch (error) {
      // It was never made, or its folder is gone; what cannot be removed now is by the next run in this folder.
      if (errorCode(error) === undefined) throw error;
    }
  }
}
