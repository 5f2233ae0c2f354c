/** Copies single files and links of one local tree to another, under temporary names first: the work of a copying thread. */
import { constants, fchmodSync, fchownSync, fstatSync, lchownSync, readSync, unlinkSync, writeSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { toBytes } from './byte-path.ts';
import type { CopyJob, CopyThreadSettings } from './copy-messages.ts';
import { errorCode } from './file-errors.ts';
import { HeldFolders } from './held-folders.ts';
import { loadNativeFolderCalls } from './native-folder.ts';
import { loadNativeMetadata } from './native-metadata.ts';
import type { SafeFolder } from './safe-folder.ts';
import { createTemporaryNames, removeAbandoned } from './temporary-name.ts';

/** What is read stays in the processor's cache until it is written. */
const PIECE_BYTES = 256 * 1024;

// Without O_NONBLOCK a fifo that was put there meanwhile would hang the thread.
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;
const WRITE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/** Until it has its own mode, nobody else reads it. */
const PRIVATE_MODE = 0o600;

interface Written {
  id: number;
  folder: ByteString;
  temporary: ByteString;
  name: ByteString;
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
  #swept: ByteString | undefined;

  constructor({ source, target, stop }: CopyThreadSettings) {
    this.#source = new HeldFolders(source);
    this.#target = new HeldFolders(target);
    this.#stop = new Int32Array(stop);
  }

  /** Returns the ids of those that failed, which includes files that are not, or no longer, as the walk saw them. */
  write(jobs: readonly CopyJob[]): number[] {
    return jobs.filter((job) => !this.#writeOne(job)).map(({ id }) => id);
  }

  /** Gives the first `count` of what was written their names. Returns the ids of those that failed. */
  rename(count: number): number[] {
    const failed: number[] = [];
    for (const { id, folder, temporary, name } of this.#written.splice(0, count)) {
      try {
        this.#calls.rename(this.#target.open(folder).descriptor, temporary, name);
      } catch {
        failed.push(id);
        this.#remove(folder, temporary);
      }
    }
    return failed;
  }

  /** Removes what has no name yet. */
  [Symbol.dispose](): void {
    for (const { folder, temporary } of this.#written.splice(0)) this.#remove(folder, temporary);
    this.#source[Symbol.dispose]();
    this.#target[Symbol.dispose]();
  }

  #writeOne(job: CopyJob): boolean {
    const { id, folder, name } = job;
    if (this.#isStopped) return false;
    const temporary = this.#temporaryName();
    try {
      const target = this.#target.open(folder);
      if (job.isOld && this.#swept !== folder) removeAbandoned(target);
      this.#swept = folder;
      const whole =
        job.linkTarget === undefined
          ? this.#copyFile(job, target, temporary)
          : this.#makeLink(job, job.linkTarget, target, temporary);
      if (whole) this.#written.push({ id, folder, temporary, name });
      else this.#remove(folder, temporary);
      return whole;
    } catch {
      // Whoever gave the job does it once more, for the error: nothing of it needs to cross from here.
      this.#remove(folder, temporary);
      return false;
    }
  }

  #makeLink(job: CopyJob, linkTarget: ByteString, target: SafeFolder, temporary: ByteString): boolean {
    this.#calls.makeLink(target.descriptor, temporary, linkTarget);
    if (job.owner !== undefined) lchownSync(toBytes(target.entry(temporary)), job.owner.uid, job.owner.gid);
    this.#calls.setTimes(target.descriptor, temporary, { mtimeNs: job.mtimeNs });
    return true;
  }

  /** false: the source is not what the walk saw, or changed meanwhile. */
  #copyFile(job: CopyJob, target: SafeFolder, temporary: ByteString): boolean {
    const from = this.#calls.open(this.#source.open(job.folder).descriptor, job.name, READ_FLAGS, 0);
    try {
      const to = this.#calls.open(target.descriptor, temporary, WRITE_FLAGS, PRIVATE_MODE);
      try {
        if (this.#copyContent(from, to, job.sizeBytes) !== job.sizeBytes) return false;
        // The owner first: changing it clears setuid. Times last: all else touches them.
        if (job.owner !== undefined) fchownSync(to, job.owner.uid, job.owner.gid);
        if (job.mode !== undefined) fchmodSync(to, job.mode);
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

  #remove(folder: ByteString, temporary: ByteString): void {
    try {
      unlinkSync(toBytes(this.#target.open(folder).entry(temporary)));
    } catch (error) {
      // It was never made, or its folder is gone; what cannot be removed now is by the next run in this folder.
      if (errorCode(error) === undefined) throw error;
    }
  }
}
