/** Making restored entries, in a reader thread: in their places where these are free, else under a temporary name until they are whole. */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, renameSync, unlinkSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError } from '../common/errors.ts';
import { joinPath, toBytes } from '../files/byte-path.ts';
import { errorCode } from '../files/file-errors.ts';
import type { NativeFolderCalls } from '../files/native-folder.ts';
import type { EntryTimes, NativeMetadata } from '../files/native-metadata.ts';
import { HeldFolders } from '../files/held-folders.ts';
import { type Creator, NewFiles } from '../files/new-files.ts';
import { holdEntry, openFolderBelow, type SafeFolder } from '../files/safe-folder.ts';
import { applyMetadata } from './apply-metadata.ts';
import { BlobReader, type ReadingTools } from './blob-reader.ts';
import { hideFile, wantedOf } from './new-file.ts';
import {
  type EntryBatch,
  type FilePart,
  problemCodeOf,
  type RestoreAnswer,
  type RestoredNode,
  type RestoreEntry,
  type RestoreProblem,
  type RestoreTarget,
} from './restore-messages.ts';
import { writeAll, writeSparse } from './sparse-write.ts';

export interface ThreadContext extends ReadingTools {
  native: NativeMetadata;
  calls: NativeFolderCalls;
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
    const { target, temporary } = batch;
    const files = new NewFiles(context.calls, folder.descriptor, CREATOR);
    const place = { target, folder, path, files, temporary };
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
      if (part.inPlace || !part.target.sparse) writeAll(descriptor, plain, 0, plain.length, offset);
      else writeSparse(descriptor, plain, offset);
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

/** Gives a file that is whole its metadata and, from a temporary name, its place. Returns what could not be set. */
export function placeFile(
  native: NativeMetadata,
  folder: SafeFolder,
  temporary: ByteString,
  { name, node }: RestoreEntry,
  owners: boolean,
): string[] {
  const problems = applyToEntry(native, folder, temporary, node, owners);
  if (temporary !== name) renameSync(toBytes(folder.entry(temporary)), toBytes(folder.entry(name)));
  return problems;
}

/** The folder in which entries are being made. */
interface EntryPlace {
  target: RestoreTarget;
  folder: SafeFolder;
  /** Below the target. */
  path: ByteString;
  files: NewFiles;
  temporary: ByteString;
}

function restoreEntry(
  context: ThreadContext,
  place: EntryPlace,
  entry: RestoreEntry,
  blobs: BlobReader,
  answer: RestoreAnswer,
): void {
  if (answer.fatal !== undefined) return;
  const path = joinPath(place.path, entry.name);
  try {
    const { bytes, messages } = settle(context, place, entry, blobs);
    for (const message of messages) answer.problems.push({ code: 'restore/metadata', path, message });
    if (entry.state?.kind !== 'same') answer.files++;
    answer.bytes += bytes;
  } catch (error) {
    answer.problems.push(problemOf(error, path));
    noteFatal(answer, error);
  }
}

interface MadeEntry {
  /** Of content. */
  bytes: number;
  /** What of the metadata could not be set. */
  messages: string[];
}

function settle(context: ThreadContext, place: EntryPlace, entry: RestoreEntry, blobs: BlobReader): MadeEntry {
  const { name, node, state } = entry;
  const { folder, target } = place;
  if (state?.kind === 'changed') return changeFile(context, place, entry, state.missing, blobs);
  if (state?.kind !== 'same') return makeOrReplace(context, place, entry, blobs);
  return { bytes: 0, messages: applyToEntry(context.native, folder, name, node, target.owners) };
}

/** Writes what is missing into the file that is there; a kill in the middle leaves it with a time of modification of its own. */
function changeFile(
  { native, calls }: ThreadContext,
  { target, folder }: EntryPlace,
  { name, node, sizes = [] }: RestoreEntry,
  missing: readonly number[],
  blobs: BlobReader,
): MadeEntry {
  const descriptor = calls.open(folder.descriptor, name, constants.O_WRONLY | constants.O_NONBLOCK, 0);
  try {
    const { nlink } = fstatSync(descriptor);
    if (nlink !== 1) throw Object.assign(new Error('EBUSY: the file got another name meanwhile'), { code: 'EBUSY' });
    hideFile(descriptor);
    const wanted = new Set(missing);
    let bytes = 0;
    let offset = 0;
    for (const [index, id] of (node.content ?? []).entries()) {
      const size = sizes[index] ?? 0;
      if (wanted.has(index)) {
        writeAll(descriptor, blobs.open(id), 0, size, offset);
        bytes += size;
      }
      offset += size;
    }
    ftruncateSync(descriptor, offset);
    return { bytes, messages: applyMetadata(native, { path: folder.entry(name), descriptor }, node, target.owners) };
  } finally {
    calls.close(descriptor);
  }
}

/** What stands in the entry's place stays there until the entry is whole. */
function makeOrReplace(
  context: ThreadContext,
  place: EntryPlace,
  { name, node }: RestoreEntry,
  blobs: BlobReader,
): MadeEntry {
  const { folder, temporary } = place;
  try {
    return makeEntry(context, place, name, node, blobs);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  try {
    const made = makeEntry(context, place, temporary, node, blobs);
    renameSync(toBytes(folder.entry(temporary)), toBytes(folder.entry(name)));
    return made;
  } catch (error) {
    removeQuietly(folder, temporary);
    throw error;
  }
}

/** Throws Node's error, `EEXIST` before anything was made. */
function makeEntry(
  context: ThreadContext,
  place: EntryPlace,
  name: ByteString,
  node: RestoredNode,
  blobs: BlobReader,
): MadeEntry {
  const { native, calls } = context;
  const { folder, files, target } = place;
  const path = folder.entry(name);
  switch (node.type) {
    case 'file':
      return writeFile(context, place, name, node, blobs);
    case 'symlink': {
      calls.makeLink(folder.descriptor, name, node.linktarget ?? SELF);
      const setTimes = (times: EntryTimes): void => calls.setTimes(folder.descriptor, name, times);
      return { bytes: 0, messages: applyMetadata(native, { path, made: files.owner, setTimes }, node, target.owners) };
    }
    case 'fifo':
      native.makeFifo(path, 0o600);
      break;
    case 'dev':
    case 'chardev':
      native.makeDevice(path, node.type, 0o600, node.device ?? 0n);
      break;
    default:
      throw new IntegrityError(`an entry of the type "${node.type}" cannot be restored`);
  }
  return { bytes: 0, messages: applyToEntry(native, folder, name, node, target.owners) };
}

/**
 * The metadata is put on while the file is open, which spares finding it again. The time of modification comes last:
 * a file that has the snapshot's was written to its end.
 */
function writeFile(
  { native, calls }: ThreadContext,
  { files, target, folder }: EntryPlace,
  name: ByteString,
  node: RestoredNode,
  blobs: BlobReader,
): MadeEntry {
  const { descriptor, made } = files.open(name, wantedOf(node, target.owners));
  try {
    let bytes = 0;
    let endsWithHole = false;
    for (const id of node.content ?? []) {
      const plain = blobs.open(id);
      if (target.sparse) endsWithHole = writeSparse(descriptor, plain, bytes) || (endsWithHole && plain.length === 0);
      else writeAll(descriptor, plain, 0, plain.length, bytes);
      bytes += plain.length;
    }
    if (endsWithHole) ftruncateSync(descriptor, bytes);
    return {
      bytes,
      messages: applyMetadata(native, { path: folder.entry(name), descriptor, made }, node, target.owners),
    };
  } catch (error) {
    removeQuietly(folder, name);
    throw error;
  } finally {
    calls.close(descriptor);
  }
}

function applyToEntry(
  native: NativeMetadata,
  folder: SafeFolder,
  name: ByteString,
  node: RestoredNode,
  owners: boolean,
): string[] {
  const path = folder.entry(name);
  if (node.type === 'symlink') return applyMetadata(native, { path }, node, owners);
  using held = holdEntry(folder, name);
  return applyMetadata(native, { path, self: held.entry(SELF) }, node, owners);
}

function noteFatal(answer: RestoreAnswer, error: unknown): void {
  const code = errorCode(error);
  if (code !== undefined && FATAL.has(code)) answer.fatal = code;
}

function problemOf(error: unknown, path: ByteString): RestoreProblem {
  if (error instanceof IntegrityError) return { code: 'restore/damaged', path, message: error.message };
  const code = errorCode(error);
  if (code === undefined) throw error;
  return { code: problemCodeOf(code), path, message: describeRefusal(code) };
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
