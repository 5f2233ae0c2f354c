/** Reads packs whole and verifies every blob in them, in threads. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { NotFoundError } from '../common/errors.ts';
import type { Progress } from '../common/progress.ts';
import type { BlobIndex } from './blob-index.ts';
import { packName } from './object-names.ts';
import type { ReaderPool } from './reader-pool.ts';
import type { Repository } from './repository.ts';

export interface PackVerdict {
  packId: string;
  /** What is wrong with the pack as a whole: its hash, its header. */
  pack: string[];
  blobs: { id: string; message: string }[];
}

export interface VerifyPacksOptions {
  signal?: AbortSignal | undefined;
  progress: Progress;
  /** Called for packs with problems only. */
  onProblem: (verdict: PackVerdict) => void;
}

/** Returns how many packs and bytes were read. */
export async function verifyPacks(
  repository: Repository,
  index: BlobIndex,
  packs: readonly { id: string; sizeBytes: number }[],
  pool: ReaderPool,
  options: VerifyPacksOptions,
): Promise<{ packsRead: number; bytesRead: number }> {
  const { signal, progress } = options;
  const totalBytes = packs.reduce((sum, pack) => sum + pack.sizeBytes, 0);
  const done = { packsRead: 0, bytesRead: 0 };
  await forEachConcurrently(packs, pool.concurrency, async ({ id: packId }) => {
    try {
      const indexed = index.pack(packId)?.blobs ?? [];
      const content = await repository.storage.read(
        packName(packId),
        undefined,
        signal === undefined ? {} : { signal },
      );
      const bytes = content.length;
      const { pack, blobs } = await pool.run('verify-pack', { packId, indexed, content });
      if (pack.length > 0 || blobs.length > 0) options.onProblem({ packId, pack, blobs });
      done.packsRead++;
      done.bytesRead += bytes;
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      options.onProblem({ packId, pack: [`pack ${packId} vanished while it was to be read`], blobs: [] });
    }
    progress.report({
      phase: 'reading packs',
      files: done.packsRead,
      totalFiles: packs.length,
      bytes: done.bytesRead,
      totalBytes,
    });
  });
  return done;
}
