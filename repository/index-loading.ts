/** Reads all index files of a repository into memory. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { IntegrityError, NotFoundError } from '../common/errors.ts';
import { BlobIndex } from './blob-index.ts';
import { ENTRY_WORDS } from './blob-table.ts';
import { decodeIndexFile } from './index-file.ts';
import { scanIndexFile } from './index-scan.ts';
import { listIds } from './object-names.ts';
import { joinEntries, packEntries, type PackEntries } from './pack-entries.ts';
import type { Repository } from './repository.ts';

const CONCURRENT_READS = 4;

/** A listing is outdated when another process rewrites the index meanwhile; then all is read again. */
const ATTEMPTS = 3;

export interface LoadedIndex {
  index: BlobIndex;
  /** The index files that were read, in the storage's order. */
  fileIds: string[];
}

export interface LoadIndexOptions {
  signal?: AbortSignal | undefined;
  /** Told of each damaged index file, which is then left out. Without it the IntegrityError is thrown. */
  onError?: (id: string, error: IntegrityError) => void;
  /** Called for every pack that an index file names; false leaves it out of the index. */
  onPack?: (pack: { id: string; blobCount: number }, indexId: string) => boolean;
}

/**
 * Packs enter the index in the order of the listing, whichever file is read first. Of a pack that several files name,
 * all counts that any of them says (as restic has it): each may have been written by somebody who knew a part.
 */
export async function loadIndexFiles(repository: Repository, options: LoadIndexOptions = {}): Promise<LoadedIndex> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await loadOnce(repository, options);
    } catch (error) {
      if (!(error instanceof NotFoundError) || attempt === ATTEMPTS) throw error;
    }
  }
}

async function loadOnce(repository: Repository, options: LoadIndexOptions): Promise<LoadedIndex> {
  const { signal } = options;
  const fileIds: string[] = [];
  for await (const { id } of listIds(repository.storage, 'index/', signal)) fileIds.push(id);
  const index = new BlobIndex();
  const joined = new Map<string, PackEntries>();
  const waiting = new Map<number, PackEntries[]>();
  let next = 0;
  await forEachConcurrently(fileIds.entries(), CONCURRENT_READS, async ([position, id]) => {
    waiting.set(position, await readIndexFile(repository, id, options));
    for (let packs = waiting.get(next); packs !== undefined; packs = waiting.get(next)) {
      for (const pack of packs) {
        const blobCount = pack.words.length / ENTRY_WORDS;
        if (options.onPack?.({ id: pack.id, blobCount }, fileIds[next]!) === false || index.add(pack)) continue;
        const known = joined.get(pack.id) ?? index.packEntries(pack.id)!;
        const both = joinEntries(known, pack);
        if (both !== known) joined.set(pack.id, both);
      }
      waiting.delete(next++);
    }
  });
  return { index: joined.size === 0 ? index : withJoined(index, joined), fileIds };
}

/** Made anew, because the entries of a pack lie together. That is rare: usually all files say the same of a pack. */
function withJoined(index: BlobIndex, joined: ReadonlyMap<string, PackEntries>): BlobIndex {
  const whole = new BlobIndex();
  for (let number = 0; number < index.packCount; number++) {
    const id = index.packIdAt(number);
    whole.add(joined.get(id) ?? index.packEntries(id)!);
  }
  return whole;
}

async function readIndexFile(repository: Repository, id: string, options: LoadIndexOptions): Promise<PackEntries[]> {
  try {
    const { signal } = options;
    const plain = await repository.loadUnpacked('index', id, signal === undefined ? {} : { signal });
    return scanIndexFile(plain) ?? decodeIndexFile(plain, id).map((pack) => packEntries(pack));
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    if (options.onError === undefined) {
      throw new IntegrityError(error.message, {
        cause: error,
        context: error.context,
        hint: 'Run "holdfast check" to see what else is damaged; "holdfast repair index" makes the index anew from the packs.',
      });
    }
    options.onError(id, error);
    return [];
  }
}
