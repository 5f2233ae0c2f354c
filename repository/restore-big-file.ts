/** Files that are written part by part: made before the first part, given metadata and place after the last. */
import { closeSync, constants, ftruncateSync, openSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { toBytes } from '../files/byte-path.ts';
import { errorCode } from '../files/file-errors.ts';
import type { NativeMetadata } from '../files/native-metadata.ts';
import { openFolderBelow } from '../files/safe-folder.ts';
import { hideFile } from './new-file.ts';
import { PRIVATE_MODE } from '../files/new-files.ts';
import { plainSize } from './plain-size.ts';
import type { LocatedBlob } from './restore-blobs.ts';
import { placeFile, removeQuietly } from './restore-entries.ts';
import { problemCodeOf, type RestoreEntry } from './restore-messages.ts';
import type { RestoreReport } from './restore-report.ts';

/** Larger files are written in parts, by whichever thread has time. */
export const BIG_FILE_BYTES = 16 * 1024 * 1024;

/** At most, but for a single blob that is larger: what is read for a part fits into a thread's memory (`ReadMemory`). */
const MAX_PART_BYTES = 6 * 1024 * 1024;

export interface BigFile {
  folder: ByteString;
  entry: RestoreEntry;
  path: ByteString;
  sizeBytes: number;
  /** The name under which it is written; its own when it is changed in its place. */
  workName: ByteString;
  /** Had another content before. */
  replaces: boolean;
  partsLeft: number;
  failed: boolean;
}

export interface PartUnit {
  kind: 'part';
  file: BigFile;
  pieces: { id: string; offset: number }[];
  content: LocatedBlob[];
}

export function isInPlace(file: BigFile): boolean {
  return file.workName === file.entry.name;
}

/** The parts of the file, without the blobs that are there. At least one, so that a last one finishes the file. */
export function planParts(file: BigFile, locations: readonly LocatedBlob[]): PartUnit[] {
  const { state } = file.entry;
  const missing = state?.kind === 'changed' ? new Set(state.missing) : undefined;
  const units: PartUnit[] = [{ kind: 'part', file, pieces: [], content: [] }];
  let offset = 0;
  let bytes = 0;
  for (const [index, blob] of locations.entries()) {
    const size = plainSize(blob);
    if (missing === undefined || missing.has(index)) {
      if (bytes > 0 && bytes + size > MAX_PART_BYTES) {
        units.push({ kind: 'part', file, pieces: [], content: [] });
        bytes = 0;
      }
      const unit = units.at(-1)!;
      unit.pieces.push({ id: blob.id, offset });
      unit.content.push(blob);
      bytes += size;
    }
    offset += size;
  }
  file.partsLeft = units.length;
  return units;
}

/** Makes the file, or opens the one that is to be changed, in its full length. false: it cannot be, and that is told. */
export function openBigFile(root: ByteString, file: BigFile, report: RestoreReport): boolean {
  try {
    using folder = openFolderBelow(root, file.folder);
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
    const flags = O_WRONLY | O_NOFOLLOW | (isInPlace(file) ? O_NONBLOCK : O_CREAT | O_EXCL);
    const descriptor = openSync(toBytes(folder.entry(file.workName)), flags, PRIVATE_MODE);
    try {
      if (isInPlace(file)) hideFile(descriptor);
      ftruncateSync(descriptor, file.sizeBytes);
    } finally {
      closeSync(descriptor);
    }
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    report.addProblem(problemCodeOf(code), file.path, `it could not be written (${code})`);
    return false;
  }
}

/** After its last part. */
export function finishBigFile(
  native: NativeMetadata,
  root: ByteString,
  file: BigFile,
  owners: boolean,
  report: RestoreReport,
): void {
  try {
    using folder = openFolderBelow(root, file.folder);
    if (file.failed) {
      if (!isInPlace(file)) removeQuietly(folder, file.workName);
      return;
    }
    const messages = placeFile(native, folder, file.workName, file.entry, owners);
    for (const message of messages) report.addProblem('restore/metadata', file.path, message);
    report.counts.files++;
    if (file.replaces) report.counts.updated++;
    report.tell(file.replaces ? 'updated' : 'restored', file.path, file.sizeBytes);
  } catch (error) {
    const code = errorCode(error) ?? String(error);
    report.addProblem(problemCodeOf(code), file.path, `it could not be put in its place (${code})`);
  }
}
