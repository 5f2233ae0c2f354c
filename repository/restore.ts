/** Restore: a snapshot, or a part of it, brought back into a folder with all its metadata; nothing is ever written outside it. */
import { readdirSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { Progress } from '../common/progress.ts';
import type { Finding } from '../domain/finding.ts';
import { createFindingList } from '../domain/findings.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { fromText } from '../files/byte-path.ts';
import { errorCode, translateFileError } from '../files/file-errors.ts';
import { makeFolders } from '../files/make-folders.ts';
import { openRootFolder, type SafeFolder } from '../files/safe-folder.ts';
import { deleteExtras, findExtras, type ExtraEntry } from './delete-extras.ts';
import { ReaderPool } from './reader-pool.ts';
import type { Repository } from './repository.ts';
import type { Overwrite } from './restore-messages.ts';
import { createOwnerMap, type OwnerMap, type OwnerRule } from './restore-owners.ts';
import { RestoreReport, type RestoredEntry } from './restore-report.ts';
import { RestoreRun } from './restore-run.ts';
import { createSelection, type RestoreSelection } from './restore-selection.ts';
import { findStart, type RestoreStart } from './restore-walk.ts';
import type { StartedThreads } from './started-threads.ts';
import type { TreeNode } from './tree-node.ts';
import { verifyRestored } from './verify-restored.ts';

export interface RestoreRequest {
  snapshot: Snapshot;
  /** Made when it is not there. What is in it stays, unless an entry of the snapshot has the same name. */
  target: string;
  /** Only what it takes is restored, with the folders on the way. */
  select?: (path: ByteString, node: TreeNode) => boolean;
  /** restic's patterns, on paths from the snapshot's root or, with `subPath`, from there; `i…`: case does not count. */
  include?: readonly string[];
  exclude?: readonly string[];
  iinclude?: readonly string[];
  iexclude?: readonly string[];
  /** A folder of the snapshot whose content goes right into the target; or one file. */
  subPath?: string;
  /** Of what is there under the same names; default: `always`. */
  overwrite?: Overwrite;
  /** Runs of zeros become holes; default: true. */
  sparse?: boolean;
  /** Nothing is changed; the result says what would be. */
  dryRun?: boolean;
  /**
   * Deletes what the snapshot does not have, after all is restored. Told first, before anything is changed, what will go
   * (but in a dry run); throws to refuse.
   */
  deleteExtras?: (extras: readonly ExtraEntry[]) => Promise<void>;
  /** Reads every restored file again and compares it with the snapshot. */
  verify?: boolean;
  /** Default: `number` for root, `none` for others, who may not set them. */
  owners?: OwnerRule;
  /** Told what becomes of each entry. Must not throw. */
  onEntry?: (entry: RestoredEntry) => void;
  /** Until it has resolved, the repository is read and nothing else happens: nothing is written, nobody is asked or told. */
  held?: Promise<void>;
  /** Threads that run already. */
  started?: StartedThreads;
  signal?: AbortSignal;
  progress?: Progress;
}

export interface RestoreResult {
  /** Everything that is not a folder and was made or changed; `updated` of them had another content. */
  files: number;
  updated: number;
  /** Not folders; they were the snapshot's already, or stay as `overwrite` says. */
  unchanged: number;
  bytesUnchanged: number;
  /** Folders, too. */
  deleted: number;
  directories: number;
  /** Content written (holes count as what they stand for). */
  bytes: number;
  seconds: number;
  /** `restore/damaged`, `restore/unwritable`, `restore/denied`, `restore/metadata`, `restore/mismatch`, `restore/invalid`, `restore/left-out`, `restore/not-deleted`. */
  problems: Finding[];
}

/**
 * An entry whose place is free is written there at once, and gets the snapshot's time of modification last: what has it
 * is whole. In a file that is there already, the blobs that differ are written; anything else stays until the new entry
 * is whole, under a temporary name, and so do files of many parts. Interrupted by the signal, it leaves whole entries
 * alone; killed, also at most one file a thread that has a time of modification of its own, and files named
 * `.holdfast-tmp-…`, which the next restore into the folder removes. What cannot be restored is a problem of the result, and
 * the rest goes on.
 *
 * Errors: NotFound (the sub-path), Usage (malformed patterns; deleting around one file), Integrity (the root tree; with
 * `deleteExtras` any tree), StorageUnreachable (the target's disk is full), AccessDenied (the target), Interrupted within
 * about a second of the signal, and what `deleteExtras` throws. Sockets are left out.
 */
export async function restore(repository: Repository, request: RestoreRequest): Promise<RestoreResult> {
  const { signal } = request;
  throwIfAborted(signal);
  const startedAt = performance.now();
  const pool = new ReaderPool(repository, { signal, started: request.started });
  try {
    // They get ready while the index is read.
    if (request.dryRun !== true) pool.start();
    await repository.loadIndex({ signal });
    const start = await findStart(repository, request.snapshot.tree, request.subPath, signal);
    const selection = createSelection(request, start.prefix);
    await request.held;
    throwIfAborted(signal);
    using root = openTarget(request);
    const problems = createFindingList();
    const report = new RestoreReport(request, selection, problems);
    const work = { repository, request, selection, start, pool, root, report };
    const extras = await chooseExtras(work);
    const directories = await restoreEntries({ ...work, owners: ownersOf(request, report) }, extras);
    const seconds = (performance.now() - startedAt) / 1000;
    return { ...report.counts, directories, seconds, problems: problems.all() };
  } finally {
    await pool.close();
  }
}

interface RestoreWork {
  repository: Repository;
  request: RestoreRequest;
  selection: RestoreSelection;
  start: RestoreStart;
  pool: ReaderPool;
  root: SafeFolder | undefined;
  report: RestoreReport;
}

/** Returns how many folders there are in the end. */
async function restoreEntries(
  work: RestoreWork & { owners: OwnerMap },
  extras: readonly ExtraEntry[],
): Promise<number> {
  const { repository, request, selection, pool, root, report } = work;
  const { signal } = request;
  const fresh = root === undefined || isEmpty(root);
  const run = new RestoreRun({ ...work, fresh });
  try {
    await run.restore();
    if (root !== undefined) removeExtras(extras, { root, report, signal, dryRun: request.dryRun === true });
    await run.finish();
    if (request.verify === true && request.dryRun !== true) {
      const { target } = run;
      const onAnswer = report.addProblems.bind(report);
      await verifyRestored({ repository, request, selection, pool, target, failed: report.exempt, onAnswer });
    }
  } catch (error) {
    // No thread is to make what is being removed.
    await pool.close();
    throw error;
  } finally {
    run.removeUnfinished();
  }
  return run.directories;
}

async function chooseExtras({ root, request, ...work }: RestoreWork): Promise<ExtraEntry[]> {
  if (request.deleteExtras === undefined || root === undefined) return [];
  if (work.start.file !== undefined) {
    throw new HoldfastError('Usage', 'one file is restored: nothing around it can be deleted', {
      hint: 'Leave --delete out, or name a folder of the snapshot.',
    });
  }
  const extras = await findExtras({ ...work, root, signal: request.signal });
  if (request.dryRun !== true && extras.length > 0) await request.deleteExtras(extras);
  return extras;
}

function removeExtras(
  extras: readonly ExtraEntry[],
  work: { root: SafeFolder; report: RestoreReport; signal: AbortSignal | undefined; dryRun: boolean },
): void {
  const { report } = work;
  if (work.dryRun) for (const { path, isFolder, sizeBytes } of extras) report.deleted(path, isFolder, sizeBytes);
  else if (!report.isDamaged) deleteExtras(extras, work);
  // What is there may be all that is left of something that could not be restored.
  else if (extras.length > 0) {
    const message = `nothing was deleted (${extras.length} entries stay), because not everything could be restored`;
    report.addProblem('restore/not-deleted', '' as ByteString, message);
  }
}

function ownersOf({ owners }: RestoreRequest, report: RestoreReport): OwnerMap {
  const isRoot = process.geteuid?.() === 0;
  return createOwnerMap(owners ?? (isRoot ? 'number' : 'none'), (kind, name) => {
    const message = `this machine knows no ${kind} ${JSON.stringify(name)}: what it owned stays with who restores`;
    report.addProblem('restore/metadata', '' as ByteString, message);
  });
}

/** undefined in a dry run into a folder that is not there. */
function openTarget({ target, dryRun }: RestoreRequest): SafeFolder | undefined {
  try {
    if (dryRun !== true) makeFolders(fromText(target));
    return openRootFolder(fromText(target));
  } catch (error) {
    if (dryRun === true && errorCode(error) === 'ENOENT') return undefined;
    throw translateFileError(error, 'write', target);
  }
}

function isEmpty(root: SafeFolder): boolean {
  return readdirSync(root.entry('' as ByteString)).length === 0;
}
