/** Gives files to the workers: small ones in batches, large ones window by window, and their content to their nodes. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { ByteString } from '../common/byte-string.ts';
import { toBytes } from '../files/byte-path.ts';
import { BATCH_BYTES, BATCH_FILES, isSameIdentity, WINDOW_BYTES } from './archive-messages.ts';
import type { FileIdentity, FileRead, JobResult, ReadFailure, Slice, StoredFigures } from './archive-messages.ts';
import { createCursor } from './file-cursor.ts';
import { identityOf } from './source-node.ts';
import type { WorkerPool } from './worker-pool.ts';

/** Large files that are read at the same time. */
const MAX_LARGE_FILES = 2;

export interface QueuedFile {
  path: ByteString;
  identity: FileIdentity;
  /** Called once, with the content or with why it could not be read. */
  done: (read: FileRead | ReadFailure) => void;
}

export interface FileQueueOptions {
  pool: WorkerPool;
  onStored: (stored: StoredFigures) => void;
  /** The workers cannot go on. */
  onFailure: (error: unknown) => void;
}

export class FileQueue {
  readonly #options: FileQueueOptions;
  readonly #underWay = new Set<Promise<void>>();
  #batch: QueuedFile[] = [];
  #batchBytes = 0;
  #largeFiles = 0;

  constructor(options: FileQueueOptions) {
    this.#options = options;
  }

  /** Takes a file; resolves when the walk may go on. */
  async add(file: QueuedFile): Promise<void> {
    if (file.identity.sizeBytes > BATCH_BYTES) return this.#addLarge(file);
    this.#batch.push(file);
    this.#batchBytes += file.identity.sizeBytes;
    if (this.#batch.length < BATCH_FILES && this.#batchBytes < BATCH_BYTES) return;
    this.#sendBatch();
    await this.#options.pool.whenReady();
  }

  /** Resolves when every file has been answered. */
  async flush(): Promise<void> {
    this.#sendBatch();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #sendBatch(): void {
    const files = this.#batch;
    if (files.length === 0) return;
    this.#batch = [];
    this.#batchBytes = 0;
    const request = files.map(({ path, identity }) => ({ path, identity }));
    this.#track(
      this.#options.pool.run({ kind: 'files', files: request }).then((result) => {
        this.#options.onStored(result.stored);
        for (const [index, file] of files.entries()) file.done(result.files[index]!);
      }),
    );
  }

  async #addLarge(file: QueuedFile): Promise<void> {
    while (this.#largeFiles >= MAX_LARGE_FILES) await Promise.race(this.#underWay);
    this.#largeFiles++;
    this.#track(this.#readLarge(file).finally(() => this.#largeFiles--));
    await this.#options.pool.whenReady();
  }

  async #readLarge(file: QueuedFile): Promise<void> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(toBytes(file.path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      file.done(await this.#readOpenFile(handle, file.identity));
    } catch (error) {
      if (this.#options.pool.hasFailed) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      file.done({ code: code ?? 'UNKNOWN', message });
    } finally {
      await handle?.close();
    }
  }

  /** Twice, when the file is afterwards not what it was; see FileReader.readFile. */
  async #readOpenFile(handle: FileHandle, expected: FileIdentity): Promise<FileRead> {
    const before = await identityOfHandle(handle);
    const first = await this.#readSlices(handle.fd, before.sizeBytes);
    const after = await identityOfHandle(handle);
    if (isSameIdentity(before, after)) {
      return isSameIdentity(before, expected) ? first : { ...first, identity: before };
    }
    const second = await this.#readSlices(handle.fd, after.sizeBytes);
    const changedWhileRead = !isSameIdentity(after, await identityOfHandle(handle));
    return { ...second, identity: after, ...(changedWhileRead ? { changedWhileRead } : {}) };
  }

  async #readSlices(descriptor: number, expectedBytes: number): Promise<FileRead> {
    const cursor = createCursor();
    const slices: Slice[] = [];
    const failures: ReadFailure[] = [];
    let ended = false;
    let read = 0;
    const readOn = async (): Promise<void> => {
      while (!ended) {
        const result = await this.#options.pool.run({ kind: 'slice', file: descriptor, cursor });
        this.#options.onStored(result.stored);
        noteSlice(result);
      }
    };
    const noteSlice = (result: Extract<JobResult, { kind: 'slice' }>): void => {
      if (result.failure !== undefined) failures.push(result.failure);
      if (result.slice === undefined || result.slice.last) ended = true;
      if (result.slice === undefined) return;
      slices.push(result.slice);
      read += result.slice.sizeBytes;
    };
    const readers = Math.min(this.#options.pool.maxWorkers * 2, Math.ceil(expectedBytes / WINDOW_BYTES) || 1);
    const outcomes = await Promise.allSettled(Array.from({ length: readers }, readOn));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    if (failures[0] !== undefined) throw Object.assign(new Error(failures[0].message), { code: failures[0].code });
    const content = slices.toSorted((a, b) => a.offset - b.offset).flatMap((slice) => slice.content);
    return { content, sizeBytes: read };
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch(this.#options.onFailure).finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }
}

async function identityOfHandle(handle: FileHandle): Promise<FileIdentity> {
  const stat = await handle.stat({ bigint: true });
  if (!stat.isFile()) throw Object.assign(new Error('it is no longer a regular file'), { code: 'CHANGED_TYPE' });
  return identityOf(stat);
}
