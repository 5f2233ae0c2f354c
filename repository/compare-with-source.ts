/** Re-reads a share of a snapshot's files from the source and compares them with what the snapshot holds. */
import { availableParallelism } from 'node:os';
import type { ByteString } from '../common/byte-string.ts';
import { InterruptedError, throwIfAborted } from '../common/errors.ts';
import { silentProgress, type Progress } from '../common/progress.ts';
import { isTurnOf, turnsOfShare } from '../domain/turns.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { displayPath } from '../files/byte-path.ts';
import { BATCH_BYTES, BATCH_FILES, isReadFailure } from './archive-messages.ts';
import type { FileRead, FileToRead, ReadFailure } from './archive-messages.ts';
import { createArchivePool } from './archive-pool.ts';
import { parseGoTime } from './go-time.ts';
import type { Repository } from './repository.ts';
import type { TreeNode } from './tree-node.ts';
import { walkSnapshot } from './walk-snapshot.ts';
import type { WorkerPool } from './worker-pool.ts';

/** Of a small snapshot more than the share is compared: a handful of files costs nothing. */
const FEWEST_FILES = 20;
/** Large files are compared by one thread each, so no more than this is waited for when the work is stopped. */
const MAX_WORKERS = 4;

export interface CompareRequest {
  /** Made of this machine's files a short time ago. */
  snapshot: Snapshot;
  /** Share (0-1) of the files. */
  share: number;
  /** The number of this run: consecutive numbers take turns, so that after 1/share of them all files have been compared. */
  rotation: number;
  signal?: AbortSignal | undefined;
  progress?: Progress | undefined;
}

export interface CompareResult {
  filesCompared: number;
  bytesCompared: number;
  /** The same file by size, times and inode, yet of other content, or no longer readable: memory, disk or program failed. */
  differences: { path: string; message: string }[];
  /** Changed, or gone, since the backup: nothing can be said of them. */
  changed: { path: string }[];
}

/** A file that the comparison is about. */
interface Compared {
  path: ByteString;
  node: TreeNode;
}

/**
 * Compares by the hashes of the blobs: each file is cut as for a backup. The repository's index must be loaded. Paths
 * below the snapshot's root are read where they were, so the snapshot must be of this machine.
 */
export async function compareWithSource(repository: Repository, request: CompareRequest): Promise<CompareResult> {
  const { signal } = request;
  throwIfAborted(signal);
  const result: CompareResult = { filesCompared: 0, bytesCompared: 0, differences: [], changed: [] };
  const isWanted = turnRule(request);
  const pool = createArchivePool(repository, {
    maxWorkers: Math.min(availableParallelism(), MAX_WORKERS),
    savePack: () => Promise.reject(new Error('a comparison stores nothing')),
  });
  const onAbort = (): void => void pool.stop(new InterruptedError());
  signal?.addEventListener('abort', onAbort, { once: true });
  const comparison = new Comparison(pool, request.progress ?? silentProgress, result);
  try {
    for await (const { path, node } of walkSnapshot(repository, request.snapshot.tree, signal ? { signal } : {})) {
      if (node.type !== 'file' || !isWanted(path)) continue;
      const missing = (node.content ?? []).find((id) => !repository.hasBlob('data', id));
      if (missing === undefined) await comparison.add({ path, node });
      else comparison.differ(path, `blob ${missing} is not in the repository's index`);
    }
    await comparison.finish();
    return result;
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await pool.stop(new Error('the comparison has finished'));
  }
}

function turnRule({ snapshot, share, rotation }: CompareRequest): (path: string) => boolean {
  const turns = turnsOfShare(share);
  if (turns === 0) return () => false;
  if (turns === 1) return () => true;
  const files = snapshot.summary?.total_files_processed ?? Number.POSITIVE_INFINITY;
  const width = Math.min(turns, Math.max(1, Math.ceil((FEWEST_FILES * turns) / Math.max(1, files))));
  return (path) => isTurnOf(path, rotation, turns, width);
}

/** Hands the files to the workers in batches, and judges what they found. */
class Comparison {
  readonly #pool: WorkerPool;
  readonly #progress: Progress;
  readonly #result: CompareResult;
  readonly #underWay = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;
  #batch: Compared[] = [];
  #batchBytes = 0;

  constructor(pool: WorkerPool, progress: Progress, result: CompareResult) {
    this.#pool = pool;
    this.#progress = progress;
    this.#result = result;
  }

  async add(file: Compared): Promise<void> {
    this.#batch.push(file);
    this.#batchBytes += file.node.size ?? 0;
    if (this.#batch.length < BATCH_FILES && this.#batchBytes < BATCH_BYTES) return;
    this.#send();
    await this.#pool.whenReady();
  }

  async finish(): Promise<void> {
    this.#send();
    await Promise.all(this.#underWay);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  differ(path: ByteString, message: string): void {
    this.#result.filesCompared++;
    this.#result.differences.push({ path: displayPath(path), message });
  }

  #send(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#batchBytes = 0;
    const compared = this.#pool
      .run({ kind: 'hash', files: batch.map((file) => toRead(file)) })
      .then(({ files }) => batch.forEach((file, index) => this.#judge(file, files[index]!)))
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#underWay.delete(compared));
    this.#underWay.add(compared);
  }

  #judge({ path, node }: Compared, read: FileRead | ReadFailure): void {
    const result = this.#result;
    if (isReadFailure(read)) {
      if (isPassing(read.code)) result.changed.push({ path: displayPath(path) });
      else this.differ(path, `it can no longer be read: ${read.message}`);
    } else if (read.identity !== undefined) {
      result.changed.push({ path: displayPath(path) });
    } else if (isEqualContent(read.content, node.content ?? [])) {
      result.filesCompared++;
      result.bytesCompared += read.sizeBytes;
    } else {
      this.differ(path, 'its content is another, though size, times and inode are the same');
    }
    const { filesCompared, bytesCompared } = result;
    this.#progress.report({ phase: 'comparing with the source', files: filesCompared, bytes: bytesCompared });
  }
}

function toRead({ path, node }: Compared): FileToRead {
  const identity = {
    inode: node.inode ?? 0n,
    sizeBytes: node.size ?? 0,
    mtimeNs: parseGoTime(node.mtime) ?? 0n,
    ctimeNs: parseGoTime(node.ctime) ?? 0n,
  };
  return { path, identity };
}

/** Gone, replaced or closed to us since the backup: a change, no damage. */
function isPassing(code: string): boolean {
  return ['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO', 'EACCES', 'EPERM', 'CHANGED_TYPE'].includes(code);
}

function isEqualContent(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}
