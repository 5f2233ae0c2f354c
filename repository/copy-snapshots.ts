/** Copies snapshots into another repository: reads only what it lacks, and saves a snapshot once all of it is there. */
import { throwIfAborted } from '../common/errors.ts';
import { silentProgress, type Progress } from '../common/progress.ts';
import { asCopy } from '../domain/copy-plan.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { BlobIndex } from './blob-index.ts';
import { IndexKeeper } from './index-keeper.ts';
import { loadIndexFiles } from './index-loading.ts';
import { BlobMarks, markBlobs } from './mark-blobs.ts';
import { ReaderPool } from './reader-pool.ts';
import type { Repository } from './repository.ts';
import { requireWritableFormat } from './require-writable-format.ts';
import { rewriteBlobs } from './rewrite-blobs.ts';

/** Snapshots are saved after so many stored bytes: an interruption loses no more than the last ones. */
const BATCH_BYTES = 512 * 1024 * 1024;

/** After a failure: what the index of the packs already written may take. */
const LAST_WORDS_MILLISECONDS = 1000;

export interface CopyOptions {
  signal?: AbortSignal | undefined;
  progress?: Progress;
  /** Reads the trees and counts; writes nothing. */
  dryRun?: boolean;
  /** Told when a copy is saved. */
  onCopied?: (copied: CopiedSnapshot) => void;
  /** Of new packs; default: 16 MiB. */
  packSizeBytes?: number;
  batchBytes?: number;
}

export interface CopiedSnapshot {
  snapshot: Snapshot;
  /** Its id in the destination; undefined in a dry run. */
  copyId?: string;
}

export interface CopyResult {
  copied: CopiedSnapshot[];
  /** Left out, because the source cannot give all that they need: with the first reason. */
  damaged: { snapshot: Snapshot; message: string }[];
  /** Blobs that the destination lacked, and their stored bytes in the source. */
  blobs: number;
  bytesRead: number;
  /** Bytes of the packs that were written. */
  bytesWritten: number;
}

/**
 * The caller has chosen the snapshots (`planCopy`) and holds a shared lock on both repositories. They are copied in
 * their order. A snapshot that is damaged in the source is left out and reported; the others are copied all the same.
 * Packs come first, then the index, snapshots last: whatever is interrupted is sound, and what is there is not copied
 * again. Throws NotBuilt for a destination of format version 1.
 */
export async function copySnapshots(
  source: Repository,
  destination: Repository,
  snapshots: readonly Snapshot[],
  options: CopyOptions = {},
): Promise<CopyResult> {
  requireWritableFormat(destination);
  const { signal, packSizeBytes } = options;
  const result: CopyResult = { copied: [], damaged: [], blobs: 0, bytesRead: 0, bytesWritten: 0 };
  if (snapshots.length === 0) return result;
  const { index } = await loadIndexFiles(source, { signal });
  await destination.loadIndex(signal === undefined ? {} : { signal });
  const pool = new ReaderPool(source, { signal, packSizeBytes, target: destination });
  try {
    const run = new CopyRun(source, destination, index, pool, options, result);
    let batch: Snapshot[] = [];
    for (const snapshot of snapshots) {
      throwIfAborted(signal);
      if (await run.collect(snapshot)) batch.push(snapshot);
      if (run.waitingBytes < (options.batchBytes ?? BATCH_BYTES)) continue;
      await run.finish(batch);
      batch = [];
    }
    await run.finish(batch);
    return result;
  } finally {
    await pool.close();
  }
}

class CopyRun {
  readonly #source: Repository;
  readonly #destination: Repository;
  readonly #index: BlobIndex;
  readonly #pool: ReaderPool;
  readonly #options: CopyOptions;
  readonly #progress: Progress;
  readonly #result: CopyResult;
  /** Trees of snapshots that are whole are followed once. From the first damage on each snapshot is followed alone. */
  #followed: BlobMarks | undefined;
  /** What was looked at, and what of it is to be copied next, by entry number. */
  readonly #seen: BlobMarks;
  #waiting: BlobMarks;
  #waitingBytes = 0;
  /** Entries that no pack of the source holds whole. */
  readonly #unreadable = new Map<number, string>();

  constructor(
    source: Repository,
    destination: Repository,
    index: BlobIndex,
    pool: ReaderPool,
    options: CopyOptions,
    result: CopyResult,
  ) {
    this.#source = source;
    this.#destination = destination;
    this.#index = index;
    this.#pool = pool;
    this.#options = options;
    this.#progress = options.progress ?? silentProgress;
    this.#result = result;
    this.#followed = new BlobMarks(index);
    this.#seen = new BlobMarks(index);
    this.#waiting = new BlobMarks(index);
  }

  /** Stored bytes of the source that `finish` will read. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Notes what the destination lacks of the snapshot; false: it is damaged, which is in the result. */
  async collect(snapshot: Snapshot): Promise<boolean> {
    const message = await this.#follow(snapshot);
    if (message === undefined) return true;
    this.#followed = undefined;
    this.#result.damaged.push({ snapshot, message });
    return false;
  }

  /** Copies what was noted, then saves these snapshots. */
  async finish(snapshots: readonly Snapshot[]): Promise<void> {
    if (this.#options.dryRun === true) {
      this.#waitingBytes = 0;
      this.#result.copied.push(...snapshots.map((snapshot) => ({ snapshot })));
      return;
    }
    const whole = await this.#copyWaiting(snapshots);
    const { signal } = this.#options;
    for (const snapshot of whole) {
      throwIfAborted(signal);
      const copyId = await this.#destination.saveSnapshot(asCopy(snapshot), signal === undefined ? {} : { signal });
      this.#result.copied.push({ snapshot, copyId });
      this.#options.onCopied?.({ snapshot, copyId });
    }
  }

  /** What is wrong with the snapshot's trees and blobs, as far as is known; undefined: nothing. */
  async #follow(snapshot: Snapshot): Promise<string | undefined> {
    const problems: string[] = [];
    const marks = this.#followed ?? new BlobMarks(this.#index);
    await markBlobs(this.#source, this.#index, [snapshot.tree], this.#pool, {
      signal: this.#options.signal,
      marks,
      onProblem: ({ message }) => problems.push(message),
      onTree: (tree, dataEntries) => {
        this.#note(tree);
        for (const entry of dataEntries) if (entry >= 0) this.#note(entry);
      },
      onProgress: (files) => this.#progress.report({ phase: 'reading trees', files }),
    });
    for (const [entry, message] of this.#unreadable) if (marks.has(entry)) problems.push(message);
    return problems[0];
  }

  #note(entry: number): void {
    if (!this.#seen.set(entry)) return;
    const { blob } = this.#index.entryAt(entry);
    if (this.#destination.hasBlob(blob.type, blob.id)) return;
    this.#waiting.set(entry);
    this.#waitingBytes += blob.length;
    this.#result.blobs++;
    this.#result.bytesRead += blob.length;
  }

  /** Returns the snapshots of which now everything is there. */
  async #copyWaiting(snapshots: readonly Snapshot[]): Promise<readonly Snapshot[]> {
    if (this.#waitingBytes === 0) return snapshots;
    const { signal } = this.#options;
    const waiting = this.#waiting;
    const totalBytes = this.#waitingBytes;
    this.#waiting = new BlobMarks(this.#index);
    this.#waitingBytes = 0;
    const keeper = new IndexKeeper(this.#destination);
    try {
      const { unreadable, storedBytes } = await rewriteBlobs(
        this.#source,
        this.#index,
        (entry) => waiting.has(entry),
        this.#pool,
        {
          signal,
          savePack: (pack, content) =>
            this.#destination.savePack(pack, content, signal === undefined ? {} : { signal }),
          onProgress: (bytes) => this.#progress.report({ phase: 'copying', bytes, totalBytes }),
        },
      );
      this.#result.bytesWritten += storedBytes;
      await keeper.finish(signal);
      return unreadable.size === 0 ? snapshots : await this.#leaveOutDamaged(snapshots, unreadable);
    } catch (error) {
      await keeper.abandon(AbortSignal.timeout(LAST_WORDS_MILLISECONDS));
      throw error;
    }
  }

  async #leaveOutDamaged(
    snapshots: readonly Snapshot[],
    unreadable: ReadonlyMap<number, string>,
  ): Promise<readonly Snapshot[]> {
    for (const [entry, message] of unreadable) this.#unreadable.set(entry, message);
    this.#followed = undefined;
    const whole: Snapshot[] = [];
    for (const snapshot of snapshots) if (await this.collect(snapshot)) whole.push(snapshot);
    return whole;
  }
}
