/** Backs up directories into a repository: one snapshot, in which what is known already is not stored again. */
import { availableParallelism, userInfo } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { throwIfAborted, InterruptedError } from '../common/errors.ts';
import { silentProgress, type Progress } from '../common/progress.ts';
import type { BackupFigures } from '../domain/run-record.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { createArchivePool, fillKnownBlobs } from './archive-pool.ts';
import { ArchiveReport, type UnreadableEntry } from './archive-report.ts';
import { ArchiveWalk } from './archive-walk.ts';
import { FileQueue } from './file-queue.ts';
import { findParent, parentById } from './find-parent.ts';
import { formatGoTime } from './go-time.ts';
import { IndexKeeper } from './index-keeper.ts';
import { KnownBlobs } from './known-blobs.ts';
import { ParentTrees } from './parent-trees.ts';
import { programVersion } from './program-version.ts';
import type { Repository } from './repository.ts';
import { requireContent, requireSources } from './source-guards.ts';
import { SourceNodes } from './source-node.ts';
import { SourceSelection, type SelectionSettings } from './source-selection.ts';
import { absoluteSources, buildSourceTree } from './source-tree.ts';
import { TreeSaver } from './tree-saver.ts';

const MAX_WORKERS = 4;
/** The walk works this long (milliseconds) before it lets others use the thread. */
const TURN_MILLISECONDS = 10;
/** How long the index of what is stored may take after an interruption; with the threads' own grace it stays below two seconds. */
const LAST_WORDS_MILLISECONDS = 700;

/** The source as policies describe it (`SourceSettings`). */
export interface ArchiveSource extends SelectionSettings {
  /** Absolute, in the order given. Symbolic links to them are followed. */
  directories: string[];
}

export interface ArchiveContext {
  signal?: AbortSignal | undefined;
  progress?: Progress | undefined;
}

export interface ArchiveRequest extends ArchiveContext {
  source: ArchiveSource;
  hostname: string;
  tags: string[];
  /** The snapshot's time. */
  time: Date;
  /** What unchanged files are recognized by. `auto` (default): the newest snapshot of the same host and paths; `none`: all is read; or an id. */
  parent?: 'auto' | 'none' | (string & {});
  /** With `auto`: snapshots with all these tags are preferred. */
  parentTags?: string[];
  /** A source that is empty now, though it was not in the parent snapshot, is backed up all the same. */
  acceptEmpty?: boolean;
  /** Threads that read and store. Default: one for each processor, at most 4. */
  workers?: number;
}

export interface ArchiveResult {
  snapshotId: string;
  snapshot: Snapshot;
  parentId?: string;
  figures: BackupFigures;
  /** Left out of the snapshot, since they could not be read. */
  unreadable: UnreadableEntry[];
  /** In the snapshot, perhaps with content of two moments. */
  changedWhileRead: { path: string }[];
  /** Sentences about the repository: parts of the parent that were missing or damaged, and were stored again. */
  notices: string[];
}

/**
 * Makes a snapshot. The caller holds a shared lock, and has the index loaded or lets it be loaded here. Packs are
 * written first, then the index, the snapshot last, so that whatever is interrupted leaves a sound repository; packs
 * that an index names (written every five minutes, and at an interruption, within a second) are used by the next run.
 *
 * Throws GuardRefused (`context.guard`: `missingSource`, `emptySource`), AccessDenied when no source may be read,
 * NotFound for an unknown parent, InterruptedError, and what the storage throws. Files that cannot be read are no
 * error: they are in `unreadable`.
 */
export async function archive(
  repository: Repository,
  request: ArchiveRequest,
  context: ArchiveContext = {},
): Promise<ArchiveResult> {
  const signal = context.signal ?? request.signal;
  throwIfAborted(signal);
  const sources = absoluteSources(request.source.directories);
  requireSources(sources);
  const snapshots = await repository.listSnapshots({ onError: () => undefined, ...(signal ? { signal } : {}) });
  await repository.loadIndex(signal ? { signal } : {});
  const query = { ...request, paths: sources, tags: request.parentTags ?? [] };
  const newest = findParent(snapshots, query);
  if (!request.acceptEmpty) await requireContent(repository, sources, newest, signal);
  const { parent: wanted = 'auto' } = request;
  const parent = wanted === 'none' ? undefined : wanted === 'auto' ? newest : parentById(snapshots, wanted);
  const report = new ArchiveReport(context.progress ?? request.progress ?? silentProgress);
  const start = new Date();
  const tree = await saveSources(repository, { request, sources, parent, report, signal });
  throwIfAborted(signal);
  const snapshot = describeSnapshot({ request, sources, parent, tree, report, start });
  const snapshotId = await repository.saveSnapshot(snapshot, signal ? { signal } : {});
  return {
    snapshotId,
    snapshot: { ...snapshot, id: snapshotId },
    ...(parent === undefined ? {} : { parentId: parent.id }),
    figures: figuresOf(report),
    unreadable: report.unreadableEntries,
    changedWhileRead: report.changedFiles,
    notices: report.notices,
  };
}

interface SaveOptions {
  request: ArchiveRequest;
  sources: string[];
  parent: Snapshot | undefined;
  report: ArchiveReport;
  signal: AbortSignal | undefined;
}

/** Stores all trees and blobs, and the index that names them; returns the root tree's id. */
async function saveSources(repository: Repository, options: SaveOptions): Promise<string> {
  const { request, sources, parent, report, signal } = options;
  const breathe = createBreathing();
  const known = new KnownBlobs();
  const keeper = new IndexKeeper(repository);
  const pool = createArchivePool(repository, {
    known,
    maxWorkers: request.workers ?? Math.min(availableParallelism(), MAX_WORKERS),
    savePack: (pack, content) => repository.savePack(pack, content, signal ? { signal } : {}),
  });
  const onAbort = (): void => void pool.stop(new InterruptedError());
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const onFailure = (error: unknown): void => void pool.stop(error);
    const onTrees = { repository, pool, breathe, onFailure, onFolder: report.folder.bind(report) };
    const trees = new TreeSaver({ ...onTrees, onStored: (stored) => report.stored('trees', stored) });
    const prepare = (): Promise<void> => fillKnownBlobs(known, repository, breathe);
    const queue = new FileQueue({ pool, prepare, onFailure, onStored: (stored) => report.stored('data', stored) });
    const selection = new SourceSelection(request.source);
    const parents = new ParentTrees(repository, { signal, onError: report.damagedTree.bind(report) });
    const walk = new ArchiveWalk({
      repository,
      parents,
      nodes: new SourceNodes(),
      selection,
      queue,
      trees,
      report,
      breathe,
      signal,
    });
    await walk.run(buildSourceTree(sources), parent?.tree);
    await queue.flush();
    await trees.flush();
    await pool.finish();
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

function describeSnapshot(made: {
  request: ArchiveRequest;
  sources: string[];
  parent: Snapshot | undefined;
  tree: string;
  report: ArchiveReport;
  start: Date;
}): Omit<Snapshot, 'id'> {
  const { request, sources, parent, tree, report, start } = made;
  return {
    time: formatGoTime(BigInt(request.time.getTime()) * 1_000_000n),
    ...(parent === undefined ? {} : { parent: parent.id }),
    tree,
    paths: sources,
    hostname: request.hostname,
    username: currentUserName(),
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    excludes: request.source.exclude,
    tags: request.tags,
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

function figuresOf(report: ArchiveReport): BackupFigures {
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
