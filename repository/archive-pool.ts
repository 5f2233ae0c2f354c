/** The worker pool of one repository: its key, its chunker, its compression, and the blobs that it has. */
import type { SharedBlobTable } from './blob-table.ts';
// Compiled before the threads have it, and there when they have ended.
import './chunk-module.ts';
import { KnownBlobs } from './known-blobs.ts';
import { DEFAULT_PACK_SIZE_BYTES } from './pack.ts';
import type { PackEntries } from './pack-entries.ts';
import type { Repository } from './repository.ts';
import { WorkerPool } from './worker-pool.ts';

export interface ArchivePoolOptions {
  maxWorkers: number;
  /** Default: none is known. */
  known?: KnownBlobs;
  /** A pack is full at this size. */
  packSizeBytes?: number | undefined;
  savePack: (pack: PackEntries, content: Uint8Array) => Promise<void>;
}

export function createArchivePool(repository: Repository, options: ArchivePoolOptions): WorkerPool {
  const { key, compression, config } = repository;
  const settings = {
    key,
    compression,
    version: config.version,
    packSizeBytes: options.packSizeBytes ?? DEFAULT_PACK_SIZE_BYTES,
    polynomial: config.chunker_polynomial,
  };
  const { known = new KnownBlobs(), maxWorkers, savePack } = options;
  const shareIndex = (): SharedBlobTable => repository.shareIndex();
  return new WorkerPool({ settings, known, shareIndex, maxWorkers, savePack });
}
