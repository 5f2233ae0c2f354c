/** Reads packs whole and verifies every blob in them, in threads. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { NotFoundError } from '../common/errors.ts';
import type { Progress } from '../common/progress.ts';
import type { BlobIndex } from './blob-index.ts';
import type { EarlyPacks } from './early-packs.ts';
import { packName } from './object-names.ts';
import { headerOfEntries } from './pack-entries.ts';
import type { ReaderPool } from './reader-pool.ts';
import type { IndexedBlob, Repository } from './repository.ts';

export interface PackVerdict {
  packId: string;
  /** What is wrong with the pack as a whole: its hash, its header. */
  pack: string[];
  blobs: { id: string; message: string }[];
}

export interface VerifyPacksOptions {
  signal?: AbortSignal | undefined;
  progress: Progress;
  /** What was begun before the index was known. */
  early?: EarlyPacks | undefined;
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
  const { progress } = options;
  const totalBytes = packs.reduce((sum, pack) => sum + pack.sizeBytes, 0);
  const done = { packsRead: 0, bytesRead: 0 };
  // The longest first: at the end no thread is left with a long one alone.
  const ordered = packs.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  await forEachConcurrently(ordered, concurrencyOf(repository, pool), async ({ id: packId }) => {
    const verdict = await verifyPack(repository, index, packId, pool, options);
    if (verdict.pack.length > 0 || verdict.blobs.length > 0) options.onProblem(verdict);
    if (verdict.isRead) done.packsRead++;
    done.bytesRead += verdict.bytesRead;
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

/** A thread that reads by itself has its next pack at once; from elsewhere it must be on its way before. */
function concurrencyOf({ storage }: Repository, pool: ReaderPool): number {
  return storage.capabilities.localDirectory === undefined ? pool.concurrency : pool.threads;
}

async function verifyPack(
  repository: Repository,
  index: BlobIndex,
  packId: string,
  pool: ReaderPool,
  { signal, early }: VerifyPacksOptions,
): Promise<PackVerdict & { isRead: boolean; bytesRead: number }> {
  const { storage } = repository;
  const { localDirectory } = storage.capabilities;
  const indexed = layoutOf(index, packId);
  let answer = indexed instanceof Uint8Array ? await early?.answerFor(packId, indexed) : undefined;
  if (answer === undefined && localDirectory !== undefined)
    answer = await pool.run('verify-pack', { packId, indexed, localDirectory });
  try {
    if (answer === undefined || answer.state === 'refused') {
      const content = await storage.read(packName(packId), undefined, signal === undefined ? {} : { signal });
      answer = await pool.run('verify-pack', { packId, indexed, content });
    }
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  if (answer === undefined || answer.state === 'missing') {
    const message = `pack ${packId} vanished while it was to be read`;
    return { packId, pack: [message], blobs: [], isRead: false, bytesRead: 0 };
  }
  const { pack, blobs, bytesRead } = answer;
  return { packId, pack, blobs, bytesRead, isRead: true };
}

/** As the header of the pack, which crosses to a thread and is compared there at once; or as it is, when there can be none. */
function layoutOf(index: BlobIndex, packId: string): Uint8Array | IndexedBlob[] {
  const entries = index.packEntries(packId);
  const header = entries === undefined ? undefined : headerOfEntries(entries);
  return header ?? (index.pack(packId)?.blobs ?? []).toSorted((a, b) => a.offset - b.offset);
}
