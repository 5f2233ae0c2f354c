/** What every backup has around its walk: worker threads, trees, the index, and the snapshot that says what was made. */
import { availableParallelism, userInfo } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { throwIfAborted, InterruptedError } from '../common/errors.ts';
import type { BackupFigures } from '../domain/run-record.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { createArchivePool } from './archive-pool.ts';
import type { ArchiveReport } from './archive-report.ts';
import { formatGoTime } from './go-time.ts';
import { IndexKeeper } from './index-keeper.ts';
import { KnownBlobs } from './known-blobs.ts';
import { programVersion } from './program-version.ts';
import type { Repository } from './repository.ts';
import { TreeSaver } from './tree-saver.ts';
import type { WorkerPool } from './worker-pool.ts';

const MAX_WORKERS = 4;
/** The walk works this long (milliseconds) before it lets others use the thread. */
const TURN_MILLISECONDS = 10;
/** How long the index of what is stored may take after an interruption; with the threads' own grace it stays below two seconds. */
const LAST_WORDS_MILLISECONDS = 700;

export interface StoreSettings {
  /** Threads that read and store. Default: one for each processor, at most 4. */
  workers?: number | undefined;
  /** A pack is full at this size. */
  packSizeBytes?: number | undefined;
  /** Between two writings of the index, and so the work that a crash may make useless. Default: five minutes. */
  indexIntervalMilliseconds?: number | undefined;
}

/** What a backup puts files and trees into. */
export interface ArchiveSink {
  pool: WorkerPool;
  trees: TreeSaver;
  /** Lets other work of the thread go on, when it is time. */
  breathe: () => Promise<void> | undefined;
  /** The work cannot go on. */
  onFailure: (error: unknown) => void;
}

export interface StoreOptions {
  settings: StoreSettings;
  report: ArchiveReport;
  signal: AbortSignal | undefined;
  /** See `ArchiveContext.held`. */
  held: Promise<void> | undefined;
}

/**
 * Stores all trees and blobs that `fill` hands over, and the index that names them; returns the root tree's id. What was
 * stored before a failure or an interruption is named by an index, too, so that the next run uses it.
 */
export async function storeArchive(
  repository: Repository,
  { settings, report, signal, held }: StoreOptions,
  fill: (sink: ArchiveSink) => Promise<void>,
): Promise<string> {
  const breathe = createBreathing();
  const known = new KnownBlobs({ index: repository.shareIndex() });
  const keeper = new IndexKeeper(repository, settings.indexIntervalMilliseconds);
  const pool = createArchivePool(repository, {
    known,
    maxWorkers: settings.workers ?? Math.min(availableParallelism(), MAX_WORKERS),
    packSizeBytes: settings.packSizeBytes,
    savePack: async (pack, content) => {
      await held;
      await repository.savePack(pack, content, signal ? { signal } : {});
    },
  });
  const onAbort = (): void => void pool.stop(new InterruptedError());
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const onFailure = (error: unknown): void => void pool.stop(error);
    const onTrees = { repository, pool, onFailure, onFolder: report.folder.bind(report) };
    const trees = new TreeSaver({ ...onTrees, onStored: (stored) => report.stored('trees', stored) });
    await fill({ pool, trees, breathe, onFailure });
    await trees.flush(held, signal);
    await pool.finish();
    await held;
    await repository.flush(signal ? { signal } : {});
    await keeper.finish(signal);
    return trees.rootId!;
  } catch (error) {
    await pool.stop(error);
    await keeper.abandon(AbortSignal.timeout(LAST_WORDS_MILLISECONDS));
    throwIfAborted(signal);
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await pool.stop(new Error('the backup has finished'));
  }
}

/** Returns a function that, once the turn is over, gives a promise to wait for; most of the time there is none. */
function createBreathing(): () => Promise<void> | undefined {
  let turnStart = performance.now();
  return () => {
    if (performance.now() - turnStart < TURN_MILLISECONDS) return undefined;
    return nextTurn().then(() => {
      turnStart = performance.now();
    });
  };
}

export interface SnapshotFacts {
  time: Date;
  hostname: string;
  tags: string[];
  excludes: string[];
  paths: string[];
  parent: Snapshot | undefined;
  tree: string;
}

export function describeSnapshot(facts: SnapshotFacts, report: ArchiveReport, start: Date): Omit<Snapshot, 'id'> {
  return {
    time: formatGoTime(BigInt(facts.time.getTime()) * 1_000_000n),
    ...(facts.parent === undefined ? {} : { parent: facts.parent.id }),
    tree: facts.tree,
    paths: facts.paths,
    hostname: facts.hostname,
    username: currentUserName(),
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    excludes: facts.excludes,
    tags: facts.tags,
    program_version: programVersion(),
    summary: report.summary(start, new Date()),
  };
}

/** Empty where the account has no name, as in some containers. */
function currentUserName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

export function figuresOf(report: ArchiveReport): BackupFigures {
  return {
    kind: 'backup',
    filesNew: report.files.new,
    filesChanged: report.files.changed,
    filesUnmodified: report.files.unmodified,
    filesUnreadable: report.unreadableEntries.length,
    bytesProcessed: report.bytesProcessed,
    bytesAdded: report.data.plainBytes + report.trees.plainBytes,
    bytesStored: report.data.storedBytes + report.trees.storedBytes,
    filesVerified: 0,
  };
}
