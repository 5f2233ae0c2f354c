/** What a restore has done so far: counts, problems, each entry on demand, and how far it is. */
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError, StorageError } from '../common/errors.ts';
import type { Severity } from '../domain/finding.ts';
import type { FindingList } from '../domain/findings.ts';
import { displayPath } from '../files/byte-path.ts';
import type { RestoreRequest } from './restore.ts';
import type { RestoreAnswer } from './restore-messages.ts';
import type { RestoreSelection } from './restore-selection.ts';

/** restic's words: `updated` had another content before, `unchanged` is the snapshot's already, or stays as `overwrite` says. */
export type RestoreAction = 'restored' | 'updated' | 'unchanged' | 'deleted';

export interface RestoredEntry {
  action: RestoreAction;
  /** Below the target. */
  path: ByteString;
  isFolder: boolean;
  /** Of a file. */
  sizeBytes?: number;
}

const SEVERITIES: Record<string, Severity> = {
  'restore/metadata': 'warning',
  'restore/left-out': 'notice',
  'restore/not-deleted': 'warning',
};

const HINTS: Record<string, string> = {
  'restore/damaged': 'Run "holdfast check --read-data" on the repository, and restore the file from another snapshot.',
  'restore/invalid': 'Run "holdfast check" on the repository; do not trust it if somebody else may write there.',
  'restore/unwritable': 'Restore into a fresh folder.',
  'restore/denied': 'Restore as an account that may write there, or into another folder.',
  'restore/mismatch': 'Restore the file again; when it differs again, look at the disk.',
  'restore/not-deleted': 'Look at it, and restore again with --delete if it is to go.',
};

export class RestoreReport {
  readonly counts = { files: 0, updated: 0, unchanged: 0, bytes: 0, bytesUnchanged: 0, deleted: 0 };
  /** Below the target: what is told of already, or was left as it was, and need not be verified. */
  readonly exempt = new Set<ByteString>();
  readonly #request: RestoreRequest;
  readonly #selection: RestoreSelection;
  readonly #problems: FindingList;

  constructor(request: RestoreRequest, selection: RestoreSelection, problems: FindingList) {
    this.#request = request;
    this.#selection = selection;
    this.#problems = problems;
  }

  /** Whether somebody wants to hear of each entry. */
  get tellsEntries(): boolean {
    return this.#request.onEntry !== undefined;
  }

  /** Something of the snapshot is not there as it should be. */
  get isDamaged(): boolean {
    return this.#problems.all().some(({ severity }) => severity === 'critical');
  }

  tell(action: RestoreAction, path: ByteString, sizeBytes?: number): void {
    this.#request.onEntry?.({
      action,
      path,
      isFolder: false,
      ...(sizeBytes === undefined ? {} : { sizeBytes }),
    });
  }

  tellFolder(action: RestoreAction, path: ByteString): void {
    this.#request.onEntry?.({ action, path, isFolder: true });
  }

  deleted(path: ByteString, isFolder: boolean, sizeBytes: number): void {
    this.counts.deleted++;
    if (isFolder) this.tellFolder('deleted', path);
    else this.tell('deleted', path, sizeBytes);
  }

  unchanged(path: ByteString, sizeBytes: number): void {
    this.counts.unchanged++;
    this.counts.bytesUnchanged += sizeBytes;
    this.tell('unchanged', path, sizeBytes);
  }

  /** Throws StorageError when nothing more can be written. */
  take(answer: RestoreAnswer): void {
    this.counts.files += answer.files;
    this.counts.bytes += answer.bytes;
    this.addProblems(answer);
    this.progress();
    if (answer.fatal === undefined) return;
    throw new StorageError(`nothing more can be written to ${this.#request.target} (${answer.fatal})`, {
      hint: 'Free space, then run it again with --overwrite if-changed: what is there is not written again.',
    });
  }

  progress(): void {
    const { snapshot, subPath, progress } = this.#request;
    const whole = this.#selection.isEverything && subPath === undefined;
    const summary = whole ? snapshot.summary : undefined;
    const totals = { totalFiles: summary?.total_files_processed, totalBytes: summary?.total_bytes_processed };
    const { files, unchanged, bytes, bytesUnchanged } = this.counts;
    progress?.report({ phase: 'restoring', files: files + unchanged, bytes: bytes + bytesUnchanged, ...totals });
  }

  addProblems(answer: Pick<RestoreAnswer, 'problems'>): void {
    for (const { code, path, message } of answer.problems) this.addProblem(code, path, message);
  }

  /** The target is the root of what a finding names. */
  addProblem(code: string, path: ByteString, message: string): void {
    if (code !== 'restore/metadata') this.exempt.add(path);
    const hint = HINTS[code];
    const finding = { code, severity: SEVERITIES[code] ?? 'critical', subject: `/${displayPath(path)}`, message };
    this.#problems.add(hint === undefined ? finding : { ...finding, hint });
  }

  /** Rethrows what is not the snapshot's fault. */
  addWalkProblem(path: ByteString, error: unknown): void {
    if (!(error instanceof HoldfastError) || (error.code !== 'Integrity' && error.code !== 'NotFound')) throw error;
    this.addProblem('restore/invalid', path, error.message);
  }
}
