/** Verifies one pack, in a reader thread: its hash, its header against the index, and every blob in it. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { IntegrityError } from '../common/errors.ts';
import { errorCode } from '../files/file-errors.ts';
import { sha256Hex, type SealingKey } from './crypto.ts';
import type { BlobRoom } from './blob-room.ts';
import { packName } from './object-names.ts';
import {
  decodeHeader,
  encodeHeader,
  headerLengthAt,
  headerSizeBytes,
  LENGTH_BYTES,
  openPackHeader,
  otherContent,
} from './pack.ts';
import type { PackHasher } from './pack-hasher.ts';
import { PackWindow, type PositionedRead, type WindowMemory } from './pack-window.ts';
import type { BlobProblem } from './reader-messages.ts';
import type { IndexedBlob } from './repository.ts';

/** restic reads no longer one. */
const LARGEST_HEADER_BYTES = 16 * 1024 * 1024 + LENGTH_BYTES;
/** Of a header whose length is not known: of most packs it is all. */
const USUAL_HEADER_BYTES = 64 * 1024;

/** A pack, and what the index says of it. */
export interface VerifyPackTask {
  packId: string;
  /**
   * The header that the pack must have, encoded; or its blobs, where no header could be so (with gaps between them).
   * Absent, while the index is not known: the blobs that the pack's own header names are verified, and the answer says by
   * `ownHeader` what must be in the index for it to count.
   */
  indexed?: Uint8Array | IndexedBlob[];
  /** Where the thread itself can read the pack. */
  localDirectory?: string;
  /** The whole pack, where it cannot. */
  content?: Uint8Array;
}

export interface VerifyPackAnswer {
  /** What is wrong with the pack as a whole: its hash, its header. */
  pack: string[];
  blobs: BlobProblem[];
  bytesRead: number;
  /** `refused`: the thread could not read it; the storage can say why, or read it itself. */
  state: 'read' | 'missing' | 'refused';
  /** The SHA-256 of the plain header by which it was verified, when that was the pack's own. */
  ownHeader?: string;
}

/** What a thread has for it. */
export interface VerifyTools {
  key: SealingKey;
  memory: WindowMemory;
  hasher: PackHasher;
  /** Two: one blob may still be hashed when the next one is opened. */
  rooms: readonly [BlobRoom, BlobRoom];
  /** Called many times a pack: whatever is more urgent may be done in it. */
  pause: () => void;
}

export function verifyPack(tools: VerifyTools, task: VerifyPackTask): VerifyPackAnswer {
  const { content, localDirectory = '', packId, indexed } = task;
  if (content !== undefined) {
    return verify(tools, { packId, indexed: indexed ?? [] }, (target, position) => {
      tools.pause();
      const part = content.subarray(position, position + target.length);
      target.set(part);
      return part.length;
    });
  }
  let descriptor: number | undefined;
  try {
    const opened = openSync(join(localDirectory, packName(packId)), 'r');
    descriptor = opened;
    const read: PositionedRead = (target, position) => {
      tools.pause();
      return readSync(opened, target, 0, target.length, position);
    };
    if (indexed !== undefined) return verify(tools, { packId, indexed }, read);
    return verifyByOwnHeader(tools, packId, read, fstatSync(opened).size);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    const answer = { pack: [], blobs: [], bytesRead: 0 };
    if (code === 'ENOENT') return { ...answer, state: 'missing' };
    // The disk gives up on a part of the pack: that is damage like any other.
    if (code === 'EIO') return { ...answer, pack: [`pack ${packId} cannot be read (${code})`], state: 'read' };
    return { ...answer, state: 'refused' };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** A pack without a readable header waits for the index. */
function verifyByOwnHeader(
  tools: VerifyTools,
  packId: string,
  read: PositionedRead,
  sizeBytes: number,
): VerifyPackAnswer {
  try {
    const header = openPackHeader(tools.key, readTail(read, sizeBytes, USUAL_HEADER_BYTES), packId);
    return { ...verify(tools, { packId, indexed: header }, read), ownHeader: sha256Hex(header) };
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    return { pack: [], blobs: [], bytesRead: 0, state: 'refused' };
  }
}

/** Reads, hashes and opens piece by piece, in the order in which the blobs lie. */
function verify(
  tools: VerifyTools,
  { packId, indexed: expected }: Required<Pick<VerifyPackTask, 'packId' | 'indexed'>>,
  read: PositionedRead,
): VerifyPackAnswer {
  const answer: VerifyPackAnswer = { pack: [], blobs: [], bytesRead: 0, state: 'read' };
  const header = expected instanceof Uint8Array ? asBuffer(expected) : encodeHeader(expected);
  const indexed = expected instanceof Uint8Array ? decodeHeader(header, packId) : expected;
  const { hasher, rooms } = tools;
  hasher.begin();
  for (const room of rooms) room.isBusy = false;
  const window = new PackWindow(read, tools.memory, hasher);
  for (const blob of indexed) {
    const report = (message: string): void => void answer.blobs.push({ id: blob.id, message });
    try {
      const room = rooms[0].isBusy ? rooms[1] : rooms[0];
      const plain = room.open(tools.key, blob, window.take(blob.offset, blob.length), packId);
      room.isBusy = true;
      hasher.addBlob(plain, (id) => {
        room.isBusy = false;
        if (id !== blob.id) report(otherContent(blob, packId));
      });
    } catch (error) {
      report(integrityMessage(error));
    }
  }
  const sizeBytes = window.finish();
  const hash = hasher.finish();
  tools.memory.release();
  answer.bytesRead = sizeBytes;
  if (hash !== packId) answer.pack.push(`pack ${packId} is damaged: its content has the hash ${hash}`);
  try {
    const actual = openPackHeader(tools.key, readTail(read, sizeBytes, headerSizeBytes(indexed)), packId);
    if (!actual.equals(header)) {
      for (const problem of compareHeader(decodeHeader(actual, packId), indexed, packId)) answer.pack.push(problem);
    }
  } catch (error) {
    answer.pack.push(integrityMessage(error));
  }
  return answer;
}

/** The end of the pack with the header in it, which normally has the size that the index lets expect. */
function readTail(read: PositionedRead, sizeBytes: number, expectedBytes: number): Buffer {
  const tail = readEnd(read, sizeBytes, expectedBytes);
  if (tail.length < LENGTH_BYTES) return tail;
  const actualBytes = headerLengthAt(tail) + LENGTH_BYTES;
  return actualBytes <= tail.length || actualBytes > Math.min(sizeBytes, LARGEST_HEADER_BYTES)
    ? tail
    : readEnd(read, sizeBytes, actualBytes);
}

function readEnd(read: PositionedRead, sizeBytes: number, length: number): Buffer {
  const end = Buffer.alloc(Math.min(length, sizeBytes));
  const start = sizeBytes - end.length;
  let filled = 0;
  while (filled < end.length) {
    const count = read(end.subarray(filled), start + filled);
    if (count === 0) break;
    filled += count;
  }
  return end.subarray(0, filled);
}

function compareHeader(header: IndexedBlob[], indexed: IndexedBlob[], packId: string): string[] {
  const problems: string[] = [];
  const inHeader = new Map(header.map((blob) => [describePlace(blob), blob]));
  for (const blob of indexed) {
    if (inHeader.delete(describePlace(blob))) continue;
    problems.push(`the index places ${blob.type} blob ${blob.id} in pack ${packId} where the pack's header has none`);
  }
  for (const blob of inHeader.values()) {
    problems.push(`pack ${packId} holds ${blob.type} blob ${blob.id}, which the index does not name there`);
  }
  return problems;
}

function describePlace({ id, type, offset, length, uncompressedLength }: IndexedBlob): string {
  return `${type} ${id} ${offset} ${length} ${uncompressedLength ?? ''}`;
}

/** Buffers arrive from another thread as what they are made of. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function integrityMessage(error: unknown): string {
  if (error instanceof IntegrityError) return error.message;
  throw error;
}
