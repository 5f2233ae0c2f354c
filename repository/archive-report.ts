/** What a backup has met so far: counts for the figures and the snapshot's summary, and the paths that need attention. */
import type { ByteString } from '../common/byte-string.ts';
import { silentProgress, type Progress } from '../common/progress.ts';
import type { SnapshotSummary } from '../domain/snapshot.ts';
import { displayPath, joinPath } from '../files/byte-path.ts';
import type { StoredFigures } from './archive-messages.ts';
import { formatGoTime } from './go-time.ts';
import type { FolderPlace } from './open-folder.ts';

/** A source entry that could not be read; its path is made fit for a terminal. */
export interface UnreadableEntry {
  path: string;
  message: string;
}

export type FileOutcome = 'new' | 'changed' | 'unmodified';

/** What became of one entry of the sources. Of others than files and folders only their exclusion is told, as by restic. */
export interface ArchivedEntry {
  outcome: FileOutcome | 'excluded';
  /** Absolute; a folder that is in the snapshot with a slash at its end. */
  path: ByteString;
  /** Of a file in the snapshot. */
  sizeBytes?: number;
}

export interface ReportListeners {
  progress?: Progress | undefined;
  /** Told of each entry once it is finished, a folder after what is in it. */
  onEntry?: ((entry: ArchivedEntry) => void) | undefined;
}

export class ArchiveReport {
  readonly unreadableEntries: UnreadableEntry[] = [];
  readonly changedFiles: { path: string }[] = [];
  /** Notes for a person: parts of the repository that should have been there. */
  readonly notices: string[] = [];
  readonly files: Record<FileOutcome, number> = { new: 0, changed: 0, unmodified: 0 };
  readonly folders: Record<FileOutcome, number> = { new: 0, changed: 0, unmodified: 0 };
  readonly data: StoredFigures = { blobs: 0, plainBytes: 0, storedBytes: 0 };
  readonly trees: StoredFigures = { blobs: 0, plainBytes: 0, storedBytes: 0 };
  /** Of all files in the snapshot. */
  bytesProcessed = 0;
  readonly #progress: Progress;
  readonly #onEntry: ((entry: ArchivedEntry) => void) | undefined;

  constructor({ progress = silentProgress, onEntry }: ReportListeners = {}) {
    this.#progress = progress;
    this.#onEntry = onEntry;
  }

  file(outcome: FileOutcome, path: ByteString, sizeBytes: number): void {
    this.#onEntry?.({ outcome, path, sizeBytes });
    this.files[outcome]++;
    this.bytesProcessed += sizeBytes;
    const { new: added, changed, unmodified } = this.files;
    this.#progress.report({ phase: 'backing up', files: added + changed + unmodified, bytes: this.bytesProcessed });
  }

  folder(place: FolderPlace, isSame: boolean): void {
    const outcome = place.previousTreeId === undefined ? 'new' : isSame ? 'unmodified' : 'changed';
    this.folders[outcome]++;
    this.#onEntry?.({ outcome, path: `${pathOfFolder(place)}/` as ByteString });
  }

  excluded(path: ByteString): void {
    this.#onEntry?.({ outcome: 'excluded', path });
  }

  stored(kind: 'data' | 'trees', stored: StoredFigures): void {
    this[kind].blobs += stored.blobs;
    this[kind].plainBytes += stored.plainBytes;
    this[kind].storedBytes += stored.storedBytes;
  }

  unreadable(path: ByteString, error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    this.unreadableEntries.push({ path: displayPath(path), message: describeError(code, message) });
  }

  changedWhileRead(path: ByteString): void {
    this.changedFiles.push({ path: displayPath(path) });
  }

  missingContent(path: ByteString): void {
    this.notices.push(`parts of ${displayPath(path)} were missing in the repository; the file was stored again`);
  }

  damagedTree(treeId: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.notices.push(`tree ${treeId} of the parent snapshot could not be read, its files were read again: ${message}`);
  }

  /** As restic writes it into the snapshot. */
  summary(start: Date, end: Date): SnapshotSummary {
    return {
      backup_start: formatGoTime(BigInt(start.getTime()) * 1_000_000n),
      backup_end: formatGoTime(BigInt(end.getTime()) * 1_000_000n),
      files_new: this.files.new,
      files_changed: this.files.changed,
      files_unmodified: this.files.unmodified,
      dirs_new: this.folders.new,
      dirs_changed: this.folders.changed,
      dirs_unmodified: this.folders.unmodified,
      data_blobs: this.data.blobs,
      tree_blobs: this.trees.blobs,
      data_added: this.data.plainBytes + this.trees.plainBytes,
      data_added_packed: this.data.storedBytes + this.trees.storedBytes,
      total_files_processed: this.files.new + this.files.changed + this.files.unmodified,
      total_bytes_processed: this.bytesProcessed,
    };
  }
}

function pathOfFolder({ name, parent }: FolderPlace): ByteString {
  return joinPath(parent.place === undefined ? ('/' as ByteString) : pathOfFolder(parent.place), name);
}

/** A sentence instead of the system's code where there is a common one. */
function describeError(code: string | undefined, message: string): string {
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EIO') return 'the file system reports a read error (EIO)';
  return message;
}
