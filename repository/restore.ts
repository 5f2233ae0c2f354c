/** Restore: a snapshot, or a part of it, brought back into a folder with all its metadata; nothing is ever written outside it. */
import { mkdirSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { throwIfAborted } from '../common/errors.ts';
import type { Progress } from '../common/progress.ts';
import { createFindingList } from '../domain/findings.ts';
import type { Finding } from '../domain/finding.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { fromText } from '../files/byte-path.ts';
import { translateFileError } from '../files/file-errors.ts';
import { openRootFolder, type SafeFolder } from '../files/safe-folder.ts';
import { ReaderPool } from './reader-pool.ts';
import type { Repository } from './repository.ts';
import { RestoreRun } from './restore-run.ts';
import { createSelection } from './restore-selection.ts';
import type { TreeNode } from './tree-node.ts';
import { verifyRestored } from './verify-restored.ts';

export interface RestoreRequest {
  snapshot: Snapshot;
  /** Made when it is not there. What is in it stays, unless an entry of the snapshot has the same name. */
  target: string;
  /** Only what it takes is restored, with the folders on the way. */
  select?: (path: ByteString, node: TreeNode) => boolean;
  /** restic's patterns, on absolute paths of the snapshot. */
  include?: readonly string[];
  exclude?: readonly string[];
  /** A folder of the snapshot whose content goes right into the target; or one file. */
  subPath?: string;
  /** Reads every restored file again and compares it with the snapshot. */
  verify?: boolean;
  /** Whether uid and gid are set; default: for root. */
  owners?: boolean;
  signal?: AbortSignal;
  progress?: Progress;
}

export interface RestoreResult {
  /** Everything that is not a folder. */
  files: number;
  directories: number;
  /** Content written (holes count as what they stand for). */
  bytes: number;
  seconds: number;
  /** `restore/damaged`, `restore/unwritable`, `restore/metadata`, `restore/mismatch`, `restore/invalid`. */
  problems: Finding[];
}

/**
 * An entry whose place is free is written there at once, and gets the snapshot's time of modification last: what has it
 * is whole. What is there already stays until the new entry is whole, under a temporary name; so do files of many parts.
 * Interrupted by the signal, it leaves whole entries alone; killed, also at most one file a thread that has a
 * time of modification of its own, and files named `.holdfast-tmp-…`. What cannot be restored is a problem of the result,
 * and the rest goes on.
 *
 * Errors: NotFound (the sub-path), Usage (malformed patterns), Integrity (the root tree), StorageUnreachable (the
 * target's disk is full), AccessDenied (the target), Interrupted within about a second of the signal. Sockets are left out.
 */
export async function restore(repository: Repository, request: RestoreRequest): Promise<RestoreResult> {
  const { signal } = request;
  throwIfAborted(signal);
  const startedAt = performance.now();
  const selection = createSelection(request);
  await repository.loadIndex({ signal });
  using root = openTarget(request.target);
  const problems = createFindingList();
  const pool = new ReaderPool(repository, { signal });
  const run = new RestoreRun({ repository, request, selection, pool, root, problems });
  try {
    await run.restore();
    if (request.verify === true) {
      const { target, failed } = run;
      const onAnswer = run.addProblems.bind(run);
      await verifyRestored({ repository, request, selection, pool, target, failed, onAnswer });
    }
  } finally {
    await pool.close();
    run.removeUnfinished();
  }
  const { files, directories, bytes } = run.counts;
  return { files, directories, bytes, seconds: (performance.now() - startedAt) / 1000, problems: problems.all() };
}

function openTarget(target: string): SafeFolder {
  try {
    mkdirSync(target, { recursive: true });
    return openRootFolder(fromText(target));
  } catch (error) {
    throw translateFileError(error, 'write', target);
  }
}
