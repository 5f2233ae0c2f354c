/** Backs up directories into a repository: one snapshot, in which what is known already is not stored again. */
import { throwIfAborted } from '../common/errors.ts';
import type { Progress } from '../common/progress.ts';
import type { AwaitedThread } from '../files/awaited-thread.ts';
import type { BackupFigures } from '../domain/run-record.ts';
import type { Snapshot, SnapshotSummary } from '../domain/snapshot.ts';
import { ArchiveReport, type ArchivedEntry, type UnreadableEntry } from './archive-report.ts';
import { describeSnapshot, figuresOf, storeArchive, type ArchiveSink, type StoreSettings } from './archive-run.ts';
import { ArchiveWalk } from './archive-walk.ts';
import type { ChangeDetection } from './change-detection.ts';
import { FileQueue } from './file-queue.ts';
import { findParent, parentById, type ParentCriterion } from './find-parent.ts';
import { ParentTrees } from './parent-trees.ts';
import type { Repository } from './repository.ts';
import { requireContent, requireSources } from './source-guards.ts';
import { SourceScan } from './source-scan.ts';
import type { SelectionSettings } from './source-selection.ts';
import { absoluteSources, buildSourceTree } from './source-tree.ts';
import { areSourcesUnchanged } from './unchanged-sources.ts';

/** The source as policies describe it (`SourceSettings`). */
export interface ArchiveSource extends SelectionSettings {
  /** Absolute, in the order given; bytes that are not UTF-8 may be escaped as in `escaped-text.ts`. Symbolic links are followed. */
  directories: string[];
  /** Those of `directories` that are symbolic links and are not followed. */
  links?: string[];
}

export interface ArchiveContext {
  signal?: AbortSignal | undefined;
  progress?: Progress | undefined;
  /** Told of each entry once it is finished. */
  onEntry?: ((entry: ArchivedEntry) => void) | undefined;
  /** Of the same request, begun earlier (`scanSources`): while the repository was being opened. One that is old is not used. */
  scan?: SourceScan | undefined;
  /**
   * While the lock settles: nothing is written to the repository before it has resolved. Rejected when the lock was
   * withdrawn; then the signal fires, too. Default: the lock is held.
   */
  held?: Promise<void> | undefined;
}

export interface ArchiveRequest extends ArchiveContext, StoreSettings {
  source: ArchiveSource;
  hostname: string;
  tags: string[];
  /** The snapshot's time. */
  time: Date;
  /** What unchanged files are recognized by. `auto` (default): the newest snapshot of the same host and paths; `none`: all is read; or an id. */
  parent?: 'auto' | 'none' | (string & {});
  /** With `auto`: what the parent must have in common with this backup. */
  groupBy?: readonly ParentCriterion[];
  /** With `auto`: snapshots with all these tags are preferred, or with `groupBy` tags demanded. */
  parentTags?: string[];
  /** With `auto`: snapshots of a policy with one of these names are of this source, whatever host they name. */
  ownPolicies?: string[];
  changeDetection?: ChangeDetection;
  /** The access times are kept. By default they are put equal to the modification times, as restic does. */
  withAtime?: boolean;
  /** No snapshot is saved when the sources are as in the parent; folders that only lead to them do not count. */
  skipIfUnchanged?: boolean;
  /** A source that is empty now, though it was not in the parent snapshot, is backed up all the same. */
  acceptEmpty?: boolean;
}

export interface ArchiveResult {
  /** Of a backup that was skipped (`skipIfUnchanged`): the parent's. */
  snapshotId: string;
  snapshot: Snapshot;
  /** No snapshot was saved, because nothing had changed. */
  skipped: boolean;
  parentId?: string;
  /** As a snapshot has it; also when none was saved. */
  summary: SnapshotSummary;
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
  const scan = freshScan(request, context.scan);
  const { signal } = { ...request, ...context };
  const stop = (): void => scan.stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await archiveScanned(repository, request, { ...request, ...context, scan });
  } finally {
    signal?.removeEventListener('abort', stop);
    scan.stop();
  }
}

/** What was seen longer ago than this (milliseconds), while a lock or a password was waited for, is looked at anew. */
const MAX_SCAN_AGE = 2000;

/** A snapshot must not tell of the sources as they were long before its time. */
function freshScan(request: ArchiveRequest, begun: SourceScan | undefined): SourceScan {
  if (begun !== undefined && begun.age <= MAX_SCAN_AGE) return begun;
  begun?.stop();
  return scanSources(request);
}

/**
 * Begins to look at the sources. Whoever does not give it to `archive` stops it. Throws a Usage error for malformed patterns.
 *
 * @param started Its thread, started ahead.
 */
export function scanSources(
  { source, withAtime }: Pick<ArchiveRequest, 'source' | 'withAtime'>,
  started?: AwaitedThread,
): SourceScan {
  const plan = buildSourceTree(absoluteSources(source.directories), source.links);
  return new SourceScan(plan, { selection: source, withAtime }, started);
}

async function archiveScanned(
  repository: Repository,
  request: ArchiveRequest,
  { signal, progress, onEntry, scan, held }: ArchiveContext & { scan: SourceScan },
): Promise<ArchiveResult> {
  throwIfAborted(signal);
  const sources = absoluteSources(request.source.directories);
  requireSources(sources, request.source.links);
  const snapshots = await repository.listSnapshots({ onError: () => undefined, ...(signal ? { signal } : {}) });
  await repository.loadIndex(signal ? { signal } : {});
  const query = { ...request, paths: sources, tags: request.parentTags ?? [] };
  const newest = findParent(snapshots, query);
  if (!request.acceptEmpty) await requireContent(repository, sources, newest, signal);
  const { parent: wanted = 'auto' } = request;
  const parent = wanted === 'none' ? undefined : wanted === 'auto' ? newest : parentById(snapshots, wanted);
  const report = new ArchiveReport({ progress, onEntry });
  const start = new Date();
  const tree = await storeArchive(repository, { settings: request, report, signal, held }, (sink) =>
    walkSources(repository, { request, scan, parent, report, signal }, sink),
  );
  throwIfAborted(signal);
  const excludes = request.source.exclude;
  const made = describeSnapshot({ ...request, excludes, paths: sources, parent, tree }, report, start);
  const skipped =
    request.skipIfUnchanged === true &&
    parent !== undefined &&
    (await areSourcesUnchanged(repository, buildSourceTree(sources, request.source.links), tree, parent.tree, signal));
  const snapshot = skipped ? parent : await saveSnapshot(repository, made, signal);
  return {
    snapshotId: snapshot.id,
    snapshot,
    skipped,
    ...(parent === undefined ? {} : { parentId: parent.id }),
    summary: report.summary(start, new Date()),
    figures: figuresOf(report),
    unreadable: report.unreadableEntries,
    changedWhileRead: report.changedFiles,
    notices: report.notices,
  };
}

async function saveSnapshot(
  repository: Repository,
  snapshot: Omit<Snapshot, 'id'>,
  signal: AbortSignal | undefined,
): Promise<Snapshot> {
  const id = await repository.saveSnapshot(snapshot, signal ? { signal } : {});
  return { ...snapshot, id };
}

interface WalkOptions {
  request: ArchiveRequest;
  scan: SourceScan;
  parent: Snapshot | undefined;
  report: ArchiveReport;
  signal: AbortSignal | undefined;
}

async function walkSources(repository: Repository, options: WalkOptions, sink: ArchiveSink): Promise<void> {
  const { request, scan, parent, report, signal } = options;
  const { pool, trees, breathe, onFailure } = sink;
  const queue = new FileQueue({ pool, onFailure, onStored: (stored) => report.stored('data', stored) });
  const walk = new ArchiveWalk({
    repository,
    scan,
    parents: new ParentTrees(repository, { signal, onError: report.damagedTree.bind(report) }),
    changeDetection: request.changeDetection,
    queue,
    trees,
    report,
    breathe,
    signal,
  });
  await walk.run(parent?.tree);
  await queue.flush();
}
