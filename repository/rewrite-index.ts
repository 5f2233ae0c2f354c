/** Replaces index files by new ones in the safe order: what remains is written before anything is removed. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { NotFoundError, throwIfAborted } from '../common/errors.ts';
import type { BlobIndex } from './blob-index.ts';
import { encodeIndexFiles } from './index-file.ts';
import { unpackedName } from './object-names.ts';
import type { PackEntries } from './pack-entries.ts';
import type { IndexedPack, Repository } from './repository.ts';

const CONCURRENT_REMOVALS = 8;

/** An index file, and the packs that it names. */
export interface IndexFile {
  id: string;
  packIds: string[];
}

export interface IndexChange {
  /** Of what these named, all that the index holds is written anew. */
  obsolete: readonly IndexFile[];
  index: BlobIndex;
  /** Packs that no file is to name any more. */
  gone?: ReadonlySet<string>;
  /** Packs that enter, in place of what the index says of them. */
  added: readonly (IndexedPack | PackEntries)[];
}

/** After a kill at any moment both old and new files may be there, which say the same. The caller holds the exclusive lock. */
export async function rewriteIndex(repository: Repository, change: IndexChange, signal?: AbortSignal): Promise<void> {
  for (const document of encodeIndexFiles(packsToWrite(change))) {
    throwIfAborted(signal);
    await repository.saveUnpacked('index', document, signal === undefined ? {} : { signal });
  }
  const names = change.obsolete.map(({ id }) => unpackedName('index', id));
  await removeObjects(repository, names, { signal });
}

function* packsToWrite({ obsolete, index, gone, added }: IndexChange): Iterable<IndexedPack | PackEntries> {
  const written = new Set(added.map(({ id }) => id));
  yield* added;
  for (const { packIds } of obsolete) {
    for (const id of packIds) {
      const pack = written.has(id) || gone?.has(id) === true ? undefined : index.packEntries(id);
      written.add(id);
      if (pack !== undefined) yield pack;
    }
  }
}

/**
 * What is gone already was removed by an attempt before.
 *
 * @param options.onRemoved Told how many are gone so far.
 */
export async function removeObjects(
  repository: Repository,
  names: Iterable<string>,
  { signal, onRemoved }: { signal?: AbortSignal | undefined; onRemoved?: (count: number) => void } = {},
): Promise<void> {
  let removed = 0;
  await forEachConcurrently(names, CONCURRENT_REMOVALS, async (name) => {
    throwIfAborted(signal);
    try {
      await repository.storage.remove(name, signal === undefined ? {} : { signal });
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
    onRemoved?.(++removed);
  });
}
