/** The Storage contract: where a repository's objects and the evidence live. Every backend and every wrapper keeps it. */
import type { Readable } from 'node:stream';

/** One stored object. */
export interface ObjectEntry {
  /** `/`-separated, relative to the storage's root, never starting with a slash. */
  name: string;
  sizeBytes: number;
  modifiedAt: Date;
}

export interface ByteRange {
  offset: number;
  /** Bytes wanted; fewer come back when the object ends first. */
  length: number;
}

export interface CallOptions {
  signal?: AbortSignal;
}

export interface WriteOptions extends CallOptions {
  /** What happens when the name exists: `replace` it (default) or `refuse` with an AlreadyExists error, leaving it as it was. */
  existing?: 'replace' | 'refuse';
}

/** At most three flags; a caller that needs more is asking the wrong question. */
export interface StorageCapabilities {
  /** false: a reader may see an object before its write has finished (an append-only account that cannot rename). */
  atomicWrites: boolean;
  /** The absolute folder, when the objects are plain files of this machine: worker threads may then read and write them directly. */
  localDirectory?: string;
  /** Whatever any program, on any machine, had written before a listing began is in it. Absent: a moment may be needed. */
  listsAtOnce?: true;
}

/**
 * Objects by name.
 *
 * Promises: a write is all-or-nothing; a finished write is durable and readable at once, also through another
 * instance; `list` sees every object whose write finished before the call. Names are ASCII, made of segments joined
 * by `/`; `..`, empty segments and a leading slash are refused (Usage).
 *
 * Errors: absence is NotFoundError; a refusal of the account AccessDenied; anything that may pass by itself
 * StorageError (retryable); an aborted call InterruptedError.
 */
export interface Storage {
  /** For messages: `local:/srv/vault`. Never holds a secret. */
  readonly description: string;
  readonly capabilities: StorageCapabilities;
  /** Entries whose name starts with the prefix, in byte order of the names, in bounded memory. A missing root or folder lists nothing. */
  list(prefix: string, options?: CallOptions): AsyncIterable<ObjectEntry>;
  read(name: string, range?: ByteRange, options?: CallOptions): Promise<Buffer>;
  openRead(name: string, options?: CallOptions): Promise<Readable>;
  write(name: string, content: Uint8Array | AsyncIterable<Uint8Array>, options?: WriteOptions): Promise<void>;
  remove(name: string, options?: CallOptions): Promise<void>;
  /**
   * Makes folders for objects to come, where a storage has folders: an account that may only add files could not. Without
   * it, and where nobody calls it, writing makes them.
   */
  makeFolders?(folders: readonly string[], options?: CallOptions): Promise<void>;
  /** undefined when there is no such object. */
  stat(name: string, options?: CallOptions): Promise<ObjectEntry | undefined>;
  /** Asks without changing anything: with names that are not there, and content that cannot be stored. Absent: nobody can be asked. */
  probeRights?(options?: CallOptions): Promise<StorageRights>;
  /** So far; absent where nobody bills and nobody counts. */
  counts?(): StorageCounts;
  close(): Promise<void>;
}

/** What the account that opened a storage may do there; undefined: it cannot be found out from here. */
export interface StorageRights {
  write?: boolean;
  remove?: boolean;
}

/** What was asked of a storage. Calls of the contract, not requests of a protocol: a large object is written in several, and a long list read in pages. */
export interface StorageCounts {
  /** Writes and lists: the dear ones with most providers ("class A"). */
  writes: number;
  lists: number;
  /** Reads and looks at one object: the cheap ones ("class B"). */
  reads: number;
  stats: number;
  /** Free with most providers. */
  removes: number;
  /** Contents alone, without what protocols add. */
  bytesWritten: number;
  bytesRead: number;
}

/** On whose behalf bytes are touched: writer adds, maintainer deletes, reader reads. */
export type StorageRole = 'writer' | 'maintainer' | 'reader';
