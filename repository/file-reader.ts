/** Reads files in a worker thread, cuts them into chunks and gives these on, and notices when a file changes meanwhile. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { toBytes } from '../files/byte-path.ts';
import { isSameIdentity, WINDOW_BYTES } from './archive-messages.ts';
import type { FileIdentity, FileRead, FileToRead, ReadFailure, Slice } from './archive-messages.ts';
import { createChunkWindow } from './chunk-window.ts';
import type { ChunkWindow } from './chunk-window.ts';
import { parsePolynomial } from './chunker.ts';
import { FileCursor } from './file-cursor.ts';

/** Not through a symbolic link, and without waiting when a pipe was put in the file's place. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Takes a blob's plain bytes, which are only there during the call, and returns its id. */
export type BlobSink = (plain: Uint8Array) => string;

export class FileReader {
  readonly #window: ChunkWindow;
  readonly #abort: Int32Array;

  constructor(polynomial: string, abort: Int32Array) {
    this.#window = createChunkWindow(parsePolynomial(polynomial), WINDOW_BYTES);
    this.#abort = abort;
  }

  /**
   * Reads a whole file. When it is not, after the reading, what the walk found, it is read once more; the
   * identity then told is that of before the second reading, so that the next backup meets a change again.
   */
  readFile(file: FileToRead, sink: BlobSink): FileRead | ReadFailure {
    try {
      const descriptor = openSync(toBytes(file.path), OPEN_FLAGS);
      try {
        const first = this.#readWhole(descriptor, file.identity.sizeBytes, sink);
        if (isSameIdentity(identityOf(descriptor), file.identity)) return first;
        const identity = identityOf(descriptor);
        const second = this.#readWhole(descriptor, identity.sizeBytes, sink);
        const changedWhileRead = !isSameIdentity(identityOf(descriptor), identity);
        return { ...second, identity, ...(changedWhileRead ? { changedWhileRead } : {}) };
      } finally {
        closeSync(descriptor);
      }
    } catch (error) {
      return readFailure(error);
    }
  }

  /** Reads and cuts the next window of a file that is open in this process; undefined when it had ended. */
  readSlice(
    descriptor: number,
    cursor: SharedArrayBuffer,
    sink: BlobSink,
  ): { slice: Slice | undefined; failure?: ReadFailure } {
    try {
      const cuts = new FileCursor(cursor).advance((offset) => {
        const { ends, last } = this.#readWindow(descriptor, offset, WINDOW_BYTES);
        const sizeBytes = ends.at(-1) ?? 0;
        return { next: offset + sizeBytes, ended: last, result: { offset, sizeBytes, ends, last } };
      });
      if (cuts === undefined) return { slice: undefined };
      const { offset, sizeBytes, last } = cuts;
      return { slice: { offset, sizeBytes, last, content: this.#store(cuts.ends, sink) } };
    } catch (error) {
      return { slice: undefined, failure: readFailure(error) };
    }
  }

  /** Gives chunks on that were cut elsewhere: those of a stream. When the work must stop, not all of them. */
  storeChunks(memory: SharedArrayBuffer, ends: readonly number[], sink: BlobSink): string[] {
    // What takes the chunks need not know of shared memory.
    this.#window.bytes.set(new Uint8Array(memory, 0, ends.at(-1)));
    const ids: string[] = [];
    let start = 0;
    for (const end of ends) {
      if (Atomics.load(this.#abort, 0) !== 0) break;
      ids.push(sink(this.#window.bytes.subarray(start, end)));
      start = end;
    }
    return ids;
  }

  #readWhole(descriptor: number, expectedBytes: number, sink: BlobSink): FileRead {
    const content: string[] = [];
    for (let offset = 0; ;) {
      // One byte more than expected tells the end without a second read.
      const wanted = Math.min(WINDOW_BYTES, Math.max(expectedBytes - offset, 0) + 1);
      const { ends, last } = this.#readWindow(descriptor, offset, wanted, expectedBytes);
      content.push(...this.#store(ends, sink));
      offset += ends.at(-1) ?? 0;
      if (last) return { content, sizeBytes: offset };
    }
  }

  /**
   * Fills the window from the offset; `ends` are the ends of its chunks, relative to the window. A file system in between
   * may give less than there is: only where the file is expected to end does that tell the end.
   */
  #readWindow(
    descriptor: number,
    offset: number,
    wanted: number,
    expectedBytes = Number.POSITIVE_INFINITY,
  ): { ends: number[]; last: boolean } {
    let filled = 0;
    let ended = false;
    let goal = wanted;
    while (filled < goal && !ended) {
      const read = readSync(descriptor, this.#window.bytes, filled, goal - filled, offset + filled);
      filled += read;
      ended = read === 0 || (filled < goal && offset + filled === expectedBytes);
      // It is longer than expected.
      if (filled === goal) goal = WINDOW_BYTES;
    }
    const ends: number[] = [];
    for (let start = 0; start < filled; start = ends.at(-1)!) {
      const cut = this.#window.findCut(start, filled, ended);
      if (cut === -1) break;
      ends.push(cut);
    }
    return { ends, last: ended };
  }

  #store(ends: number[], sink: BlobSink): string[] {
    let start = 0;
    return ends.map((end) => {
      if (Atomics.load(this.#abort, 0) !== 0) throw new Error('stopped');
      const id = sink(this.#window.bytes.subarray(start, end));
      start = end;
      return id;
    });
  }
}

/** The identity of an open file. Throws when it is not a regular one. */
function identityOf(descriptor: number): FileIdentity {
  const stat = fstatSync(descriptor, { bigint: true });
  if (!stat.isFile()) throw Object.assign(new Error('it is no longer a regular file'), { code: 'CHANGED_TYPE' });
  return { inode: stat.ino, sizeBytes: Number(stat.size), mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs };
}

function readFailure(error: unknown): ReadFailure {
  const { code, message } = error as NodeJS.ErrnoException;
  return { code: code ?? 'UNKNOWN', message };
}
