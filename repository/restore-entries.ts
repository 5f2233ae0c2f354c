/** Making restored entries, in a reader thread: each under a temporary name until it is whole, then in its place. */
import { closeSync, constants, ftruncateSync, openSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError } from '../common/errors.ts';
import { joinPath, toBytes } from '../files/byte-path.ts';
import { errorCode } from '../files/file-errors.ts';
import type { NativeMetadata } from '../files/native-metadata.ts';
import { HeldFolders } from '../files/held-folders.ts';
import { holdEntry, openFolderBelow, type SafeFolder } from '../files/safe-folder.ts';
import { applyMetadata } from './apply-metadata.ts';
import { BlobReader, type ReadingTools } from './blob-reader.ts';
import { type Creator, NewFiles } from './new-file.ts';
import type {
  EntryBatch,
  FilePart,
  RestoreAnswer,
  RestoredNode,
  RestoreEntry,
  RestoreProblem,
  RestoreTarget,
} from './restore-messages.ts';
import { writeSparse } from './sparse-write.ts';

export interface ThreadContext extends ReadingTools {
  native: NativeMetadata;
}

/** Nothing further can be written after these. */
const FATAL = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

const SELF = '' as ByteString;

const CREATOR: Creator = { uid: process.geteuid?.() ?? -1, gid: process.getegid?.() ?? -1 };

/** The target's folder as paths reach it. */
export function targetPath(target: RestoreTarget): ByteString {
  return `/proc/self/fd/${target.descriptor}` as ByteString;
}

export function restoreEntries(context: ThreadContext, batch: EntryBatch): RestoreAnswer {
  const answer: RestoreAnswer = { files: 0, bytes: 0, problems: [] };
  const blobs = new BlobReader(context, batch.source);
  // No longer than the batch: what somebody moves away meanwhile is not followed for long.
  using held = new HeldFolders(targetPath(batch.target));
  for (const { folder: path, entries } of batch.folders) {
    let folder: SafeFolder | undefined;
    try {
      folder = held.open(path);
    } catch (error) {
      answer.problems.push(problemOf(error, path));
      continue;
    }
    const files = new NewFiles(CREATOR, batch.target.owners);
    const place = { target: batch.target, folder, path, files };
    for (const entry of entries) restoreEntry(context, place, entry, blobs, answer);
    if (answer.fatal !== undefined) break;
  }
  return answer;
}

/** Writes its pieces into the file, which is there in its full length. */
export function restorePart(context: ThreadContext, part: FilePart): RestoreAnswer {
  const answer: RestoreAnswer = { files: 0, bytes: 0, problems: [] };
  const blobs = new BlobReader(context, part.source);
  let descriptor: number | undefined;
  try {
    using folder = openFolderBelow(targetPath(part.target), part.folder);
    descriptor = openSync(toBytes(folder.entry(part.name)), constants.O_WRONLY | constants.O_NOFOLLOW);
    for (const { id, offset } of part.pieces) {
      const plain = blobs.open(id);
      writeSparse(descriptor, plain, offset);
      answer.bytes += plain.length;
    }
  } catch (error) {
    answer.problems.push(problemOf(error, SELF));
    noteFatal(answer, error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
  return answer;
}

/** Gives the file that stands whole under its temporary name its metadata and its place. Returns what could not be set. */
export function placeFile(native: NativeMetadata, folder: SafeFolder, entry: RestoreEntry, owners: boolean): string[] {
  const problems = applyToEntry(native, folder, entry, owners);
  renameSync(toBytes(folder.entry(entry.temporary)), toBytes(folder.entry(entry.name)));
  return problems;
}

/** The folder in which entries are being made. */
interface EntryPlace {
  target: RestoreTarget;
  folder: SafeFolder;
  /** Below the target. */
  path: ByteString;
  files: NewFiles;
}

function restoreEntry(
  { native }: ThreadContext,
  place: EntryPlace,
  entry: RestoreEntry,
  blobs: BlobReader,
  answer: RestoreAnswer,
): void {
  if (answer.fatal !== undefined) return;
  const { folder, target } = place;
  const path = joinPath(place.path, entry.name);
  try {
    const made = makeEntry(native, place, entry, blobs);
    const messages = made.messages ?? applyToEntry(native, folder, entry, target.owners);
    renameSync(toBytes(folder.entry(entry.temporary)), toBytes(folder.entry(entry.name)));
    for (const message of messages) answer.problems.push({ code: 'restore/metadata', path, message });
    answer.files++;
    answer.bytes += made.bytes;
  } catch (error) {
    removeQuietly(folder, entry.temporary);
    answer.problems.push(problemOf(error, path));
    noteFatal(answer, error);
  }
}

interface MadeEntry {
  /** Of content. */
  bytes: number;
  /** What of the metadata could not be set; absent: it is still to be put on. */
  messages?: string[];
}

function makeEntry(native: NativeMetadata, place: EntryPlace, entry: RestoreEntry, blobs: BlobReader): MadeEntry {
  const { node } = entry;
  const path = place.folder.entry(entry.temporary);
  switch (node.type) {
    case 'file':
      return writeFile(native, place, path, node, blobs);
    case 'symlink':
      symlinkSync(toBytes(node.linktarget ?? SELF), toBytes(path));
      return { bytes: 0 };
    case 'fifo':
      native.makeFifo(path, 0o600);
      return { bytes: 0 };
    case 'dev':
    case 'chardev':
      native.makeDevice(path, node.type, 0o600, node.device ?? 0n);
      return { bytes: 0 };
    default:
      throw new IntegrityError(`an entry of the type "${node.type}" cannot be restored`);
  }
}

/** The metadata is put on while the file is open, which spares finding it again. */
function writeFile(
  native: NativeMetadata,
  { files, target }: EntryPlace,
  path: ByteString,
  node: RestoredNode,
  blobs: BlobReader,
): MadeEntry {
  const { descriptor, made } = files.open(path, node);
  try {
    let bytes = 0;
    let endsWithHole = false;
    for (const id of node.content ?? []) {
      const plain = blobs.open(id);
      endsWithHole = writeSparse(descriptor, plain, bytes) || (endsWithHole && plain.length === 0);
      bytes += plain.length;
    }
    if (endsWithHole) ftruncateSync(descriptor, bytes);
    return { bytes, messages: applyMetadata(native, { path, descriptor, made }, node, target.owners) };
  } finally {
    closeSync(descriptor);
  }
}

function applyToEntry(native: NativeMetadata, folder: SafeFolder, entry: RestoreEntry, owners: boolean): string[] {
  const path = folder.entry(entry.temporary);
  if (entry.node.type === 'symlink') return applyMetadata(native, { path }, entry.node, owners);
  using held = holdEntry(folder, entry.temporary);
  return applyMetadata(native, { path, self: held.entry(SELF) }, entry.node, owners);
}

function noteFatal(answer: RestoreAnswer, error: unknown): void {
  const code = errorCode(error);
  if (code !== undefined && FATAL.has(code)) answer.fatal = code;
}

function problemOf(error: unknown, path: ByteString): RestoreProblem {
  if (error instanceof IntegrityError) return { code: 'restore/damaged', path, message: error.message };
  const code = errorCode(error);
  if (code === undefined) throw error;
  return { code: 'restore/unwritable', path, message: describeRefusal(code) };
}

function describeRefusal(code: string): string {
  if (code === 'ENOTDIR' || code === 'ELOOP') return `a link or a file stands where its folder should be (${code})`;
  if (code === 'EISDIR' || code === 'ENOTEMPTY' || code === 'EEXIST') return `a folder stands in its place (${code})`;
  if (code === 'EPERM' || code === 'EACCES') return `this account may not make it (${code})`;
  return `it could not be written (${code})`;
}

export function removeQuietly(folder: SafeFolder, name: ByteString): void {
  try {
    unlinkSync(toBytes(folder.entry(name)));
  } catch {
    // It was never made, or has its place already.
  }
}
