/** The Repository on a Storage: one opened repository, its index in memory, and the packs this process is filling. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { HoldfastError, IntegrityError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Storage } from '../storage/storage.ts';
import { BlobIndex } from './blob-index.ts';
import type { SharedBlobTable } from './blob-table.ts';
import type { Compression } from './compression.ts';
import { prepareKey, sha256Hex, type SealingKey } from './crypto.ts';
import { encodeIndexFiles } from './index-file.ts';
import { loadIndexFiles } from './index-loading.ts';
import { lockTimingOf, type LockTiming } from './lock-conflict.ts';
import { acquireLock } from './lock.ts';
import { listIds, packName, unpackedName, type UnpackedKind } from './object-names.ts';
import { OpenPacks, type FinishedPack } from './open-packs.ts';
import { openBlob } from './pack.ts';
import type { PackEntries } from './pack-entries.ts';
import type {
  BlobLocation,
  BlobType,
  IndexedPack,
  LockKind,
  LockOptions,
  MasterKey,
  Repository,
  RepositoryConfig,
  RepositoryLock,
} from './repository.ts';
import { requireWritableFormat } from './require-writable-format.ts';
import { compareSnapshots, decodeSnapshot, encodeSnapshot } from './snapshot-file.ts';
import { openUnpacked, sealUnpacked } from './unpacked-file.ts';
import { writePack } from './write-pack.ts';

const CONCURRENT_SNAPSHOT_READS = 8;

type Call = { signal?: AbortSignal };

export interface StoredRepositoryOptions {
  compression: Compression;
  keyId?: string | undefined;
  packSizeBytes?: number;
  lockTiming?: LockTiming;
}

export class StoredRepository implements Repository {
  readonly storage: Storage;
  readonly config: RepositoryConfig;
  readonly key: MasterKey;
  readonly keyId: string | undefined;
  readonly compression: Compression;
  readonly #sealingKey: SealingKey;
  readonly #lockTiming: LockTiming;
  readonly #openPacks: OpenPacks;
  /** Blobs in open packs and in packs being written, by `blobKey`. */
  readonly #pending = new Set<string>();
  readonly #writing = new Set<Promise<void>>();
  #failedWrite: { error: unknown } | undefined;
  #index = new BlobIndex();
  #indexLoading: Promise<void> | undefined;
  /** Packs that this process wrote and no stored index file names. */
  #unindexed: string[] = [];

  constructor(storage: Storage, config: RepositoryConfig, key: MasterKey, options: StoredRepositoryOptions) {
    this.storage = storage;
    this.config = config;
    this.key = key;
    this.keyId = options.keyId;
    this.compression = options.compression;
    this.#sealingKey = prepareKey(key);
    this.#lockTiming = options.lockTiming ?? lockTimingOf(storage);
    this.#openPacks = new OpenPacks(this.#sealingKey, {
      compression: options.compression,
      version: config.version,
      ...(options.packSizeBytes === undefined ? {} : { packSizeBytes: options.packSizeBytes }),
    });
  }

  loadIndex(options: Call & { reload?: boolean } = {}): Promise<void> {
    if (this.#indexLoading !== undefined && options.reload !== true) return this.#indexLoading;
    const loading = this.#readIndex(options.signal);
    this.#indexLoading = loading;
    // An interrupted or failed reading is no index: the next call reads again.
    loading.catch(() => {
      if (this.#indexLoading === loading) this.#indexLoading = undefined;
    });
    return loading;
  }

  forgetIndex(): void {
    this.#indexLoading = undefined;
  }

  async #readIndex(signal: AbortSignal | undefined): Promise<void> {
    const { index } = await loadIndexFiles(this, { signal });
    // What was written meanwhile is only known here.
    for (const packId of this.#unindexed) {
      const pack = this.#index.packEntries(packId);
      if (pack !== undefined) index.add(pack);
    }
    this.#index = index;
  }

  hasBlob(type: BlobType, id: string): boolean {
    return this.#index.has(type, id) || this.#pending.has(blobKey(type, id));
  }

  findBlob(type: BlobType, id: string): BlobLocation | undefined {
    return this.#index.find(type, id);
  }

  shareIndex(): SharedBlobTable {
    return this.#index.share();
  }

  indexedPacks(): Iterable<IndexedPack> {
    return this.#index.packs();
  }

  async loadBlob(type: BlobType, id: string, options: Call = {}): Promise<Buffer> {
    const location = this.#index.find(type, id);
    if (location === undefined) {
      throw new NotFoundError(`${type} blob ${id} is in no index of the repository at ${this.storage.description}`, {
        hint: 'Run "holdfast check" to see what is missing.',
      });
    }
    const { packId, offset, length } = location;
    const stored = await this.storage.read(packName(packId), { offset, length }, options);
    return openBlob(this.#sealingKey, { id, type, ...location }, stored, packId);
  }

  async saveBlob(
    type: BlobType,
    content: Uint8Array,
    options: Call = {},
  ): Promise<{ id: string; known: boolean; storedBytes: number }> {
    throwIfAborted(options.signal);
    requireWritableFormat(this);
    const id = sha256Hex(content);
    if (this.hasBlob(type, id)) return { id, known: true, storedBytes: 0 };
    const { blob, finished } = this.#openPacks.add(type, id, content);
    this.#pending.add(blobKey(type, id));
    if (finished !== undefined) await this.#writePack(finished, options);
    return { id, known: false, storedBytes: blob.length };
  }

  async savePack(pack: IndexedPack | PackEntries, content: Uint8Array, options: Call = {}): Promise<void> {
    requireWritableFormat(this);
    await writePack(this.storage, pack.id, content, options.signal);
    this.#index.add(pack);
    this.#unindexed.push(pack.id);
    if ('blobs' in pack) for (const blob of pack.blobs) this.#pending.delete(blobKey(blob.type, blob.id));
  }

  async flush(options: Call = {}): Promise<void> {
    throwIfAborted(options.signal);
    for (const finished of this.#openPacks.finish()) void this.#writePack(finished, options).catch(() => undefined);
    await Promise.allSettled(this.#writing);
    const failure = this.#failedWrite;
    this.#failedWrite = undefined;
    if (failure !== undefined) throw failure.error;
  }

  /** A failure also stays until `flush`, which must not claim that all is written. */
  #writePack({ pack, content }: FinishedPack, options: Call): Promise<void> {
    const writing = this.savePack(pack, content, options)
      .catch((error: unknown) => {
        this.#failedWrite ??= { error };
        for (const blob of pack.blobs) this.#pending.delete(blobKey(blob.type, blob.id));
        throw error;
      })
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
    return writing;
  }

  async saveIndex(options: Call = {}): Promise<void> {
    // A copy: packs are added while the index is being written.
    const packIds = [...this.#unindexed];
    for (const document of encodeIndexFiles(this.#entriesOf(packIds)))
      await this.saveUnpacked('index', document, options);
    // Packs that arrived meanwhile are for the next call.
    this.#unindexed = this.#unindexed.slice(packIds.length);
  }

  /** One by one: all together they are as large as their part of the index. */
  *#entriesOf(packIds: readonly string[]): Iterable<PackEntries> {
    for (const id of packIds) {
      const pack = this.#index.packEntries(id);
      if (pack !== undefined) yield pack;
    }
  }

  async listSnapshots(options: Call & { onError?: (id: string, error: unknown) => void } = {}): Promise<Snapshot[]> {
    const snapshots: Snapshot[] = [];
    const files = listIds(this.storage, 'snapshots/', options.signal);
    await forEachConcurrently(files, CONCURRENT_SNAPSHOT_READS, async ({ id }) => {
      try {
        snapshots.push(decodeSnapshot(await this.loadUnpacked('snapshots', id, callOf(options.signal)), id));
      } catch (error) {
        // Forgotten between the listing and the reading.
        if (error instanceof NotFoundError) return;
        if (!(error instanceof HoldfastError) || error.code !== 'Integrity') throw error;
        if (options.onError === undefined) {
          const hint = `Bring the file back from a copy of the repository, or remove it: holdfast repair snapshots --forget ${id}`;
          throw new IntegrityError(error.message, { hint, cause: error });
        }
        options.onError(id, error);
      }
    });
    return snapshots.toSorted(compareSnapshots);
  }

  async saveSnapshot(snapshot: Omit<Snapshot, 'id'>, options: Call = {}): Promise<string> {
    requireWritableFormat(this);
    return this.saveUnpacked('snapshots', encodeSnapshot(snapshot), options);
  }

  async removeSnapshot(id: string, options: Call = {}): Promise<void> {
    requireWritableFormat(this);
    return this.storage.remove(unpackedName('snapshots', id), options);
  }

  async loadUnpacked(kind: UnpackedKind, id: string, options: Call = {}): Promise<Buffer> {
    const stored = await this.storage.read(unpackedName(kind, id), undefined, options);
    return openUnpacked(this.#sealingKey, stored, { kind, id, version: this.config.version });
  }

  async saveUnpacked(kind: UnpackedKind, content: Uint8Array, options: Call = {}): Promise<string> {
    const { version } = this.config;
    const { id, stored } = sealUnpacked(this.#sealingKey, content, { version, compression: this.compression });
    await this.storage.write(unpackedName(kind, id), stored, options);
    return id;
  }

  async lock(kind: LockKind, options: LockOptions = {}): Promise<RepositoryLock> {
    // Whoever wants a repository alone is going to remove something from it.
    if (kind === 'exclusive') requireWritableFormat(this);
    return acquireLock(this, kind, options, this.#lockTiming);
  }

  close(): Promise<void> {
    return this.storage.close();
  }
}

function blobKey(type: BlobType, id: string): string {
  return `${type}/${id}`;
}

function callOf(signal: AbortSignal | undefined): Call {
  return signal === undefined ? {} : { signal };
}
