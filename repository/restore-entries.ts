/** Making restored entries, in a reader thread: each under a temporary name until it is whole, then in its place. */
import { closeSync, constants, ftruncateSync, openSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError } from '../common/errors.ts';
import { joinPath, toBytes } from '../files/byte-path.ts';
import { errorCode } from '../files/file-errors.ts';
import type { NativeMetadata } from '../files/native-metadata.ts';
import { holdEntry, openFolderBelow, type SafeFolder } from '../files/safe-folder.ts';
import { applyMetadata } from './apply-metadata.ts';
import { BlobReader } from './blob-reader.ts';
import type { SealingKey } from './crypto.ts';
import type {
  EntryBatch,
  FilePart,
  RestoreAnswer,
  RestoreEntry,
  RestoreProblem,
  RestoreTarget,
} from './restore-messages.ts';
import { writeSparse } from './sparse-write.ts';
import type { TreeNode } from './tree-node.ts';

export interface ThreadContext {
  key: SealingKey;
  native: NativeMetadata;
}

/** Nothing further can be written after these. */
const FATAL = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

const SELF = '' as ByteString;

/** The target's folder as paths reach it. */
export function targetPath(target: RestoreTarget): ByteString {
  return `/proc/self/fd/${target.descriptor}` as ByteString;
}

export function restoreEntries(context: ThreadContext, batch: EntryBatch): RestoreAnswer {
  const answer: RestoreAnswer = { files: 0, bytes: 0, problems: [] };
  const blobs = new BlobReader(context.key, batch.source);
  for (const { folder: path, entries } of batch.folders) {
    let folder: SafeFolder | undefined;
    try {
      folder = openFolderBelow(targetPath(batch.target), path);
    } catch (error) {
      answer.problems.push(problemOf(error, path));
      continue;
    }
    try {
      for (const entry of entries) restoreEntry(context, batch.target, folder, path, entry, blobs, answer);
    } finally {
      folder[Symbol.dispose]();
    }
    if (answer.fatal !== undefined) break;
  }
  return answer;
}

/** Writes its pieces into the file, which is there in its full length. */
export function restorePart(context: ThreadContext, part: FilePart): RestoreAnswer {
  const answer: RestoreAnswer = { files: 0, bytes: 0, problems: [] };
  const blobs = new BlobReader(context.key, part.source);
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

function restoreEntry(
  { native }: ThreadContext,
  target: RestoreTarget,
  folder: SafeFolder,
  folderPath: ByteString,
  entry: RestoreEntry,
  blobs: BlobReader,
  answer: RestoreAnswer,
): void {
  if (answer.fatal !== undefined) return;
  const path = joinPath(folderPath, entry.name);
  try {
    const made = makeEntry(native, folder, entry, blobs, target.owners);
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

function makeEntry(
  native: NativeMetadata,
  folder: SafeFolder,
  entry: RestoreEntry,
  blobs: BlobReader,
  owners: boolean,
): MadeEntry {
  const { node } = entry;
  const path = folder.entry(entry.temporary);
  switch (node.type) {
    case 'file':
      return writeFile(native, path, node, blobs, owners);
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
  path: ByteString,
  node: TreeNode,
  blobs: BlobReader,
  owners: boolean,
): MadeEntry {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const descriptor = openSync(toBytes(path), flags, 0o600);
  try {
    let bytes = 0;
    let endsWithHole = false;
    for (const id of node.content ?? []) {
      const plain = blobs.open(id);
      endsWithHole = writeSparse(descriptor, plain, bytes) || (endsWithHole && plain.length === 0);
      bytes += plain.length;
    }
    if (endsWithHole) ftruncateSync(descriptor, bytes);
    return { bytes, messages: applyMetadata(native, { path, descriptor }, node, owners) };
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
