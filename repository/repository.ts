/** The Repository contract: blobs, packs, index, snapshots and locks of one restic repository. */
import type { Snapshot } from '../domain/snapshot.ts';
import type { Storage } from '../storage/storage.ts';
import type { SharedBlobTable } from './blob-table.ts';
import type { PackEntries } from './pack-entries.ts';

export type BlobType = 'data' | 'tree';

/** The content of the `config` file (format version 1 or 2). */
export interface RepositoryConfig {
  version: number;
  /** 64 hex digits. */
  id: string;
  /** Hex. */
  chunker_polynomial: string;
}

/** The master key, as the key files hold it. 32 bytes for encryption, 16 and 16 for Poly1305-AES. */
export interface MasterKey {
  encrypt: Buffer;
  macK: Buffer;
  macR: Buffer;
}

/** Where a blob lies. */
export interface BlobLocation {
  packId: string;
  offset: number;
  /** Stored bytes, with nonce and MAC. */
  length: number;
  /** Plain bytes. Absent: stored uncompressed, plain = length - 32. */
  uncompressedLength?: number;
}

/** One pack as the index knows it. */
export interface IndexedPack {
  id: string;
  blobs: IndexedBlob[];
}

export interface IndexedBlob {
  /** Hex SHA-256 of the plain bytes. */
  id: string;
  type: BlobType;
  offset: number;
  length: number;
  uncompressedLength?: number;
}

export type LockKind = 'shared' | 'exclusive';

export interface RepositoryLock {
  readonly kind: LockKind;
  /** Fires when the lock could not be refreshed in time: the work under it must stop. */
  readonly lost: AbortSignal;
  /** Removes the lock file. false: the account may not delete, so that it is left to expire. */
  release(): Promise<boolean>;
}

export interface LockOptions {
  signal?: AbortSignal;
  /** How long to wait for others, in seconds; default 0. Throws RepositoryLocked, naming who holds it. */
  waitSeconds?: number;
  onWait?: (holder: string) => void;
  /**
   * Called when the lock file is written, and others begin to heed it: what only reads may begin then, and need not wait
   * for the second look at the others' locks. The signal fires when the lock is withdrawn: whatever was read is void.
   */
  onWritten?: (withdrawn: AbortSignal) => void;
}

/**
 * Promises: `saveBlob` deduplicates against the index and against blobs saved before in this instance; nothing counts
 * as saved until `flush` (all packs written) and `saveIndex` (the index names them) have returned, in this order, and a
 * snapshot is saved only after both. Blobs, packs and files are verified against their hash and MAC when read:
 * IntegrityError otherwise.
 */
export interface Repository {
  readonly storage: Storage;
  readonly config: RepositoryConfig;
  readonly key: MasterKey;
  /** Hex id of the key file that the password opened; undefined in the instance that created the repository. */
  readonly keyId: string | undefined;
  readonly compression: 'none' | 'auto' | 'max';
  /** Reads all index files. Idempotent; `reload` reads them again. */
  loadIndex(options?: { signal?: AbortSignal; reload?: boolean }): Promise<void>;
  /** What was read of the index may be void, as the lock under which it was read was withdrawn: `loadIndex` reads again. */
  forgetIndex(): void;
  hasBlob(type: BlobType, id: string): boolean;
  findBlob(type: BlobType, id: string): BlobLocation | undefined;
  /** The index as it is now, for other threads to look blobs up in. */
  shareIndex(): SharedBlobTable;
  /** All packs of the index. */
  indexedPacks(): Iterable<IndexedPack>;
  loadBlob(type: BlobType, id: string, options?: { signal?: AbortSignal }): Promise<Buffer>;
  saveBlob(
    type: BlobType,
    content: Uint8Array,
    options?: { signal?: AbortSignal },
  ): Promise<{ id: string; known: boolean; storedBytes: number }>;
  /** Takes a finished pack (from a worker thread): writes `data/xx/ID` and puts its blobs into the index in memory. */
  savePack(pack: IndexedPack | PackEntries, content: Uint8Array, options?: { signal?: AbortSignal }): Promise<void>;
  flush(options?: { signal?: AbortSignal }): Promise<void>;
  /** Writes index files for packs that no stored index names yet. */
  saveIndex(options?: { signal?: AbortSignal }): Promise<void>;
  /** Ordered by time. Broken snapshot files are IntegrityError, or handed to `onError`. */
  listSnapshots(options?: {
    signal?: AbortSignal;
    onError?: (id: string, error: unknown) => void;
  }): Promise<Snapshot[]>;
  /** Returns the id. */
  saveSnapshot(snapshot: Omit<Snapshot, 'id'>, options?: { signal?: AbortSignal }): Promise<string>;
  removeSnapshot(id: string, options?: { signal?: AbortSignal }): Promise<void>;
  /** Decrypts an unpacked file (index, snapshot, lock) and checks its id. */
  loadUnpacked(kind: 'index' | 'snapshots' | 'locks', id: string, options?: { signal?: AbortSignal }): Promise<Buffer>;
  /** Encrypts, names by SHA-256 of the stored bytes, writes; returns the id. */
  saveUnpacked(
    kind: 'index' | 'snapshots' | 'locks',
    content: Uint8Array,
    options?: { signal?: AbortSignal },
  ): Promise<string>;
  lock(kind: LockKind, options?: LockOptions): Promise<RepositoryLock>;
  /** Closes the storage. Locks must have been released. */
  close(): Promise<void>;
}

export interface OpenOptions {
  signal?: AbortSignal;
  compression?: 'none' | 'auto' | 'max';
  /** How many are free to make the password a key (`scryptByLanes`). Default: all. */
  processors?: number | undefined;
}
