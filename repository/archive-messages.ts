/** What the archiver's main thread and its workers say to each other. */
import type { ByteString } from '../common/byte-string.ts';
import type { Compression } from './compression.ts';
import type { KnownBlobsMemory } from './known-blobs.ts';
import type { PackEntries } from './pack-entries.ts';

/** Small files are handed over in batches of at most this many files or bytes. */
export const BATCH_FILES = 64;
export const BATCH_BYTES = 4 * 1024 * 1024;
/** Bytes that a worker reads at once. The largest chunk fits, so that every read finds a cut. */
export const WINDOW_BYTES = 10 * 1024 * 1024;

/** Given to a worker when it starts. Buffers arrive as Uint8Array. */
export interface WorkerSettings {
  key: { encrypt: Uint8Array; macK: Uint8Array; macR: Uint8Array };
  compression: Compression;
  version: number;
  packSizeBytes: number;
  /** Hex. */
  polynomial: string;
  knownBlobs: KnownBlobsMemory;
  /** One word: not zero once the work must stop. */
  abort: SharedArrayBuffer;
}

/** What `stat` told of a file; equal means unchanged. */
export interface FileIdentity {
  inode: bigint;
  sizeBytes: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
}

export function isSameIdentity(a: FileIdentity, b: FileIdentity): boolean {
  return a.inode === b.inode && a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

export interface FileToRead {
  path: ByteString;
  /** As the walk found it. */
  identity: FileIdentity;
}

/** Jobs are answered in the order in which a worker got them. */
export type Job =
  | { kind: 'files'; files: FileToRead[] }
  /** Read and hashed as for a backup, but not stored. */
  | { kind: 'hash'; files: FileToRead[] }
  /** The next window of a large file, which several workers read by turns. */
  | { kind: 'slice'; file: number; cursor: SharedArrayBuffer }
  /** Chunks of a stream that follow each other in memory, and where each ends; the memory is theirs until the answer. */
  | { kind: 'chunks'; memory: SharedArrayBuffer; ends: number[] }
  /** Encoded trees that the repository does not have; whoever hands them over keeps none. */
  | { kind: 'trees'; trees: { id: string; content: Uint8Array<ArrayBuffer> }[] }
  /** Hands over the packs that are not full. */
  | { kind: 'finish' };

export type MessageToWorker =
  | { kind: 'job'; number: number; job: Job }
  | { kind: 'known'; memory: KnownBlobsMemory }
  /** `abort` is set: the thread ends. */
  | { kind: 'end' };

/** Sums over new blobs. */
export interface StoredFigures {
  blobs: number;
  /** Before compression. */
  plainBytes: number;
  storedBytes: number;
}

export interface FileRead {
  /** Ids of the blobs in order. */
  content: string[];
  sizeBytes: number;
  /** Not what the walk found: the node must be made again from a new `stat`. */
  identity?: FileIdentity;
  /** It changed during the second read too. */
  changedWhileRead?: boolean;
}

export interface ReadFailure {
  code: string;
  message: string;
}

export type JobResult =
  | { kind: 'files'; files: (FileRead | ReadFailure)[]; stored: StoredFigures }
  | { kind: 'hash'; files: (FileRead | ReadFailure)[] }
  | { kind: 'slice'; slice: Slice | undefined; failure?: ReadFailure; stored: StoredFigures }
  | { kind: 'chunks'; ids: string[]; stored: StoredFigures }
  | { kind: 'trees'; stored: StoredFigures }
  | { kind: 'finish'; stored: StoredFigures };

export interface Slice {
  offset: number;
  sizeBytes: number;
  content: string[];
  /** The file ended here. */
  last: boolean;
}

export type MessageFromWorker =
  | { kind: 'pack'; pack: PackEntries; content: Uint8Array }
  | { kind: 'result'; number: number; result: JobResult };

export function isReadFailure(read: FileRead | ReadFailure): read is ReadFailure {
  return 'code' in read;
}
