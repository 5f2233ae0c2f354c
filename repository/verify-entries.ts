/** Comparing restored files with the snapshot, in a reader thread: every blob's bytes are read again and hashed. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { joinPath, toBytes } from '../files/byte-path.ts';
import { errorCode } from '../files/file-errors.ts';
import { readFully } from '../files/read-fully.ts';
import { openFolderBelow } from '../files/safe-folder.ts';
import { sha256Hex } from './crypto.ts';
import { targetPath } from './restore-entries.ts';
import type { RestoreAnswer, RestoreTarget } from './restore-messages.ts';

/** A file, or a part of a big one, and the blobs it must consist of. */
export interface FileToVerify {
  folder: ByteString;
  name: ByteString;
  /** Of the whole file. */
  sizeBytes: number;
  /** Where the first of the blobs begins. */
  offset: number;
  blobs: { id: string; sizeBytes: number }[];
}

export interface VerifyBatch {
  target: RestoreTarget;
  files: FileToVerify[];
}

export function verifyEntries({ target, files }: VerifyBatch): RestoreAnswer {
  const answer: RestoreAnswer = { files: 0, bytes: 0, problems: [] };
  for (const file of files) {
    const message = compare(target, file, answer);
    const path = joinPath(file.folder, file.name);
    if (message === undefined) answer.files++;
    else answer.problems.push({ code: 'restore/mismatch', path, message });
  }
  return answer;
}

/** undefined: all of it is as the snapshot says. */
function compare(target: RestoreTarget, file: FileToVerify, answer: RestoreAnswer): string | undefined {
  let descriptor: number | undefined;
  try {
    using folder = openFolderBelow(targetPath(target), file.folder);
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    descriptor = openSync(toBytes(folder.entry(file.name)), flags);
    const actual = fstatSync(descriptor).size;
    if (actual !== file.sizeBytes) return `the restored file has ${actual} bytes, the snapshot's ${file.sizeBytes}`;
    let { offset } = file;
    for (const { id, sizeBytes } of file.blobs) {
      if (sha256Hex(readFully(descriptor, Buffer.allocUnsafe(sizeBytes), offset)) !== id) {
        return `the restored file differs from the snapshot in the ${sizeBytes} bytes from ${offset} on`;
      }
      offset += sizeBytes;
      answer.bytes += sizeBytes;
    }
    return undefined;
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    return `the restored file cannot be read (${code})`;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
