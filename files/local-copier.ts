/** Copies many files between two folders of this machine: threads write them, and all of a batch are made durable at once. */
import { closeSync, constants, openSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import type { ByteString } from '../common/byte-string.ts';
import { InterruptedError } from '../common/errors.ts';
import { baseName, displayPath, joinPath, parentPath, toBytes } from './byte-path.ts';
import type { CopyJob, CopyReply, CopyRequest, CopyThreadSettings } from './copy-messages.ts';
import { endThread } from './end-thread.ts';
import { errorCode, somethingThere, translateFileError } from './file-errors.ts';
import type { CopyTold, EntryMetadata, FileEntry, TreeCopier } from './file-tree.ts';
import { syncFileSystem } from './native-sync.ts';
import { NewFolders, type NewFolder, type Waiting } from './new-folders.ts';
import { workerModule } from './worker-module.ts';
import { startThread } from './v8-flags.ts';

/** More than two disturb each other more than they help, on the disks that were measured. */
const MAX_THREADS = 4;
/** What crosses to a thread at once: whole folders, since two threads that make files in one wait for each other; but not of the largest. */
const MESSAGE_JOBS = 128;
const MOST_MESSAGE_JOBS = 512;
const MESSAGE_BYTES = 8 * 1024 * 1024;
/** A thread has the next message at hand when it finishes one. */
const MESSAGES_A_THREAD = 2;
/** A batch is made durable when so much of it was written: a crash costs no more than this. */
const BATCH_FILES = 4096;
const BATCH_BYTES = 128 * 1024 * 1024;
/** Jobs live until their batch has its names, all else for one file. */
const YOUNG_GENERATION_MIB = 2;
/** So many new folders get their names, too, and no more are held open. */
const BATCH_FOLDERS = 512;
const MAX_FOLDERS_AHEAD = 2 * BATCH_FOLDERS;
/** Written while the disk is still busy with the batch before. */
const MAX_FILES_AHEAD = 2 * BATCH_FILES;

const MORE_COMES = { isLast: false };

interface Thread {
  worker: Worker;
  /** Of the messages that were sent and not answered. */
  underWay: Job[][];
  /** Written under temporary names, not yet durable. */
  written: Job[];
  /** Durable, and about to get their names. */
  renaming: Job[][];
}

interface Job extends Waiting {
  /** The folder that it goes into, if that is a new one. */
  folder: NewFolder | undefined;
  /** It has its own name at once. */
  takesName: boolean;
}

export interface LocalCopierOptions {
  /** Absolute. */
  source: ByteString;
  /** Absolute. */
  target: ByteString;
  signal: AbortSignal;
  told: CopyTold;
}

/**
 * Durable before it is visible: a batch is written under temporary names, then `syncfs` puts all of it on the disk, and only
 * then its files get their names. A crash at any moment therefore leaves under each name the old content, or nothing, or
 * the whole new one, as `fsync` of each file would; what it leaves under temporary names the next run removes. The names
 * themselves are durable after `settle`, which syncs once more: until then the run has not succeeded, and the next one
 * makes anew what a crash has undone.
 */
export class LocalCopier implements TreeCopier {
  readonly #options: LocalCopierOptions;
  readonly #settings: CopyThreadSettings;
  readonly #threads: Thread[] = [];
  readonly #descriptor: number;
  readonly #onAbort = (): void => this.#fail(new InterruptedError());
  readonly #folders: NewFolders;
  #next: { entries: Job[]; jobs: CopyJob[] } = { entries: [], jobs: [] };
  #nextBytes = 0;
  /** Written since the last sync began. */
  #unsyncedFiles = 0;
  #unsyncedBytes = 0;
  #unsyncedFolders = 0;
  #syncing: Promise<void> | undefined;
  #failure: Error | undefined;
  /** Somebody waits for a thread to answer. */
  #wanted: PromiseWithResolvers<void> | undefined;

  constructor(options: LocalCopierOptions) {
    this.#options = options;
    const { source, target } = options;
    this.#settings = { source, target, stop: new SharedArrayBuffer(4) };
    this.#folders = new NewFolders(target);
    this.#descriptor = openSync(toBytes(target), constants.O_RDONLY | constants.O_DIRECTORY);
    const count = Math.min(MAX_THREADS, Math.max(2, availableParallelism()));
    for (let number = 0; number < count; number++) this.#threads.push(this.#startThread());
    options.signal.addEventListener('abort', this.#onAbort);
    if (options.signal.aborted) this.#onAbort();
  }

  async copy(entry: FileEntry, metadata: EntryMetadata): Promise<void> {
    const parent = parentPath(entry.path);
    const { jobs } = this.#next;
    const isFull = jobs.length >= MESSAGE_JOBS && jobs.at(-1)!.folder !== parent;
    if (isFull || jobs.length >= MOST_MESSAGE_JOBS || this.#nextBytes >= MESSAGE_BYTES) await this.#send();
    const folder = this.#folders.find(parent);
    const takesName = folder?.takesNames === true;
    if (folder !== undefined) folder.uses++;
    if (takesName) folder!.underWay++;
    this.#next.jobs.push(messageOf(entry, metadata, { folder: parent, made: folder?.descriptor, takesName }));
    const sizeBytes = entry.type === 'file' ? entry.sizeBytes : 0;
    this.#next.entries.push({ path: entry.path, sizeBytes, folder, takesName });
    this.#nextBytes += sizeBytes;
  }

  async makeFolder(path: ByteString, mode: number): Promise<void> {
    while (this.#folders.count >= MAX_FOLDERS_AHEAD) await this.#settleWritten();
    try {
      if (this.#folders.make(path, mode)) this.#unsyncedFolders++;
    } catch (error) {
      throw translateFileError(error, 'make', this.#describe(path));
    }
    if (this.#unsyncedFolders >= BATCH_FOLDERS) this.#sync();
  }

  async settle(): Promise<void> {
    await this.#settleWritten({ isLast: true });
    await this.#until(() => this.#threads.every(({ renaming }) => renaming.length === 0));
    await this.#syncAll();
  }

  /** What was given so far is durable, and its folders have their names. */
  async #settleWritten(end: { isLast: boolean } = MORE_COMES): Promise<void> {
    await this.#send();
    await this.#until(() => this.#threads.every(({ underWay }) => underWay.length === 0));
    await this.#syncing;
    this.#sync(end);
    await this.#until(() => this.#syncing === undefined);
  }

  async close(): Promise<void> {
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    Atomics.store(new Int32Array(this.#settings.stop), 0, 1);
    await this.#syncing?.catch(() => undefined);
    await Promise.all(this.#threads.map(({ worker }) => endThread(worker, { name: 'end' } satisfies CopyRequest)));
    this.#folders[Symbol.dispose]();
    closeSync(this.#descriptor);
  }

  async #send(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#next.jobs.length === 0) return;
    const isFree = ({ underWay }: Thread): boolean => underWay.length < MESSAGES_A_THREAD;
    const isAhead = (): boolean => this.#syncing !== undefined && this.#unsyncedFiles >= MAX_FILES_AHEAD;
    await this.#until(() => this.#threads.some(isFree) && !isAhead());
    const [thread] = this.#threads.toSorted((a, b) => a.underWay.length - b.underWay.length);
    const { entries, jobs } = this.#next;
    this.#next = { entries: [], jobs: [] };
    this.#nextBytes = 0;
    thread!.underWay.push(entries);
    this.#post(thread!, { name: 'write', jobs });
  }

  async #until(holds: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (holds()) return;
      this.#wanted ??= Promise.withResolvers();
      await this.#wanted.promise;
    }
  }

  #startThread(): Thread {
    const worker = startThread(workerModule('./copy-worker', import.meta.url), {
      workerData: this.#settings,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    });
    const thread: Thread = { worker, underWay: [], written: [], renaming: [] };
    worker.on('message', (reply: CopyReply) => this.#receive(thread, reply));
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', () => this.#fail(new Error('a thread that copies files has ended')));
    return thread;
  }

  #receive(thread: Thread, { name, failed }: CopyReply): void {
    const entries = (name === 'written' ? thread.underWay : thread.renaming).shift() ?? [];
    const isFailed = new Set(failed);
    for (const [index, entry] of entries.entries()) {
      const { folder, takesName } = entry;
      if (takesName) folder!.underWay--;
      const isOver = isFailed.has(index) || name === 'renamed' || takesName;
      if (isFailed.has(index)) this.#tellFailed(entry);
      else if (name === 'renamed') this.#options.told.onCopied(entry.path, entry.sizeBytes);
      else {
        (takesName ? folder! : thread).written.push(entry);
        this.#unsyncedFiles++;
        this.#unsyncedBytes += entry.sizeBytes;
      }
      if (isOver && folder !== undefined) this.#folders.release(folder);
    }
    if (this.#unsyncedFiles >= BATCH_FILES || this.#unsyncedBytes >= BATCH_BYTES) this.#sync();
    this.#wake();
  }

  /** Whoever is told looks for the folder by its name. */
  #tellFailed({ path, folder }: Job): void {
    if (folder === undefined || folder.isNamed) this.#options.told.onFailed(path);
    else folder.failed.push(path);
  }

  /** Makes durable what has been written, while the threads go on, and then has it named. */
  #sync(end: { isLast: boolean } = MORE_COMES): void {
    if (this.#syncing !== undefined || this.#failure !== undefined) return;
    this.#unsyncedFiles = this.#unsyncedBytes = this.#unsyncedFolders = 0;
    const written = this.#threads.map((thread) => thread.written.splice(0));
    const folders = this.#folders.seal(end);
    this.#syncing = this.#syncAll()
      .then(() => {
        for (const folder of folders) this.#name(folder);
        for (const [index, thread] of this.#threads.entries()) {
          const entries = written[index]!;
          if (entries.length === 0) continue;
          thread.renaming.push(entries);
          this.#post(thread, { name: 'rename', count: entries.length });
        }
      })
      .catch((error: unknown) => this.#fail(error as Error))
      .finally(() => {
        this.#syncing = undefined;
        this.#wake();
      });
  }

  #name(folder: NewFolder): void {
    try {
      this.#folders.name(folder);
    } catch (error) {
      const subject = this.#describe(folder.path);
      // Both are reached through folders that are held: what has the name is none.
      throw errorCode(error) === 'ENOTDIR'
        ? somethingThere('make', subject, error)
        : translateFileError(error, 'make', subject);
    }
    for (const { path, sizeBytes } of folder.written.splice(0)) this.#options.told.onCopied(path, sizeBytes);
    for (const path of folder.failed.splice(0)) this.#options.told.onFailed(path);
  }

  async #syncAll(): Promise<void> {
    try {
      await syncFileSystem(this.#descriptor);
    } catch (error) {
      throw translateFileError(error, 'sync', this.#describe('' as ByteString));
    }
  }

  #describe(path: ByteString): string {
    return displayPath(path === '' ? this.#options.target : joinPath(this.#options.target, path));
  }

  #post(thread: Thread, request: CopyRequest): void {
    thread.worker.postMessage(request);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    Atomics.store(new Int32Array(this.#settings.stop), 0, 1);
    this.#wake();
  }

  #wake(): void {
    this.#wanted?.resolve();
    this.#wanted = undefined;
  }
}

function messageOf(
  entry: FileEntry,
  { mode, uid, gid, mtimeNs }: EntryMetadata,
  place: Pick<CopyJob, 'folder' | 'made' | 'takesName'>,
): CopyJob {
  const { path, linkTarget, inode, sizeBytes } = entry;
  return {
    ...place,
    name: baseName(path),
    linkTarget,
    inode,
    sizeBytes,
    mtimeNs: mtimeNs ?? entry.mtimeNs,
    mode,
    owner: uid === undefined && gid === undefined ? undefined : { uid: uid ?? -1, gid: gid ?? -1 },
  };
}
