/** Which blobs snapshots need: follows all trees from their roots, level by level, each tree once. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { IntegrityError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import type { BlobIndex } from './blob-index.ts';
import { planBatches, readBatch, type PlannedBatch } from './blob-batches.ts';
import type { ReaderPool } from './reader-pool.ts';
import type { ReaderTasks } from './reader-messages.ts';
import type { IndexedBlob, Repository } from './repository.ts';
import { packReferences, unpackReferences, type TreeReferences } from './tree-references.ts';

/** What is wrong below a tree. `tree`: the entry number of the tree that shows it; -1: a snapshot's root itself. */
export interface MarkProblem {
  kind: 'missing-data' | 'missing-tree' | 'damaged-tree';
  tree: number;
  /** Hex id of the missing or damaged blob. */
  id: string;
  message: string;
}

export interface MarkOptions {
  signal?: AbortSignal | undefined;
  onProblem: (problem: MarkProblem) => void;
  /** Told of every tree that was read, with the entry numbers of the data blobs (-1: not in the index). */
  onTree?: (tree: number, dataEntries: Int32Array) => void;
  onProgress?: (trees: number) => void;
  /** Of an earlier call, to be extended: what it reached is not followed again. */
  marks?: BlobMarks;
}

/** The needed blobs, by entry number of the index; of a blob with several copies only the first entry is set. */
export class BlobMarks {
  readonly #bits: Uint8Array;
  /** Of each marked tree: the entry of the tree it was first found in; -1: it is a root. */
  readonly parents = new Map<number, number>();

  constructor(index: BlobIndex) {
    this.#bits = new Uint8Array(Math.ceil(index.blobCount / 8));
  }

  has(entry: number): boolean {
    return (this.#bits[entry >> 3]! & (1 << (entry & 7))) !== 0;
  }

  /** false: it was set before. */
  set(entry: number): boolean {
    if (this.has(entry)) return false;
    this.#bits[entry >> 3] = this.#bits[entry >> 3]! | (1 << (entry & 7));
    return true;
  }
}

/** Trees are read by the pool's threads; this thread only looks ids up. Missing and damaged trees go to `onProblem`. */
export async function markBlobs(
  repository: Repository,
  index: BlobIndex,
  roots: Iterable<string>,
  pool: ReaderPool,
  options: MarkOptions,
): Promise<BlobMarks> {
  const marks = options.marks ?? new BlobMarks(index);
  let frontier: number[] = [];
  for (const id of roots) {
    const entry = index.entryOf('tree', id);
    if (entry < 0) {
      options.onProblem({ kind: 'missing-tree', tree: -1, id, message: `tree ${id} is in no pack of the index` });
    } else if (marks.set(entry)) {
      marks.parents.set(entry, -1);
      frontier.push(entry);
    }
  }
  let done = 0;
  while (frontier.length > 0) {
    throwIfAborted(options.signal);
    const next: number[] = [];
    await forEachConcurrently(batchesOf(index, frontier), pool.concurrency, async (batch) => {
      for (const { entry, references } of await readTrees(repository, index, batch, pool, options)) {
        follow(index, marks, entry, references, next, options);
      }
      done += batch.blobs.length;
      options.onProgress?.(done);
    });
    frontier = next;
  }
  return marks;
}

/** The trees of these entries, pack by pack. */
function* batchesOf(index: BlobIndex, entries: readonly number[]): Iterable<PlannedBatch> {
  const byPack = new Map<number, IndexedBlob[]>();
  for (const entry of entries) {
    const { blob, packNumber } = index.entryAt(entry);
    const blobs = byPack.get(packNumber);
    if (blobs === undefined) byPack.set(packNumber, [blob]);
    else blobs.push(blob);
  }
  for (const [packNumber, blobs] of byPack) yield* planBatches(index.packIdAt(packNumber), blobs);
}

async function readTrees(
  repository: Repository,
  index: BlobIndex,
  batch: PlannedBatch,
  pool: ReaderPool,
  options: MarkOptions,
): Promise<{ entry: number; references: TreeReferences }[]> {
  const answer = await readReferences(repository, batch, pool, options.signal);
  for (const { id, message } of answer.problems) {
    options.onProblem({ kind: 'damaged-tree', tree: index.entryOf('tree', id), id, message });
  }
  return [...unpackReferences(answer.trees)].flatMap((references, position) =>
    references === undefined ? [] : [{ entry: index.entryOf('tree', batch.blobs[position]!.id), references }],
  );
}

/** A pack that is not there at all damages each of its trees. */
async function readReferences(
  repository: Repository,
  batch: PlannedBatch,
  pool: ReaderPool,
  signal: AbortSignal | undefined,
): Promise<ReaderTasks['read-trees']['output']> {
  try {
    return await pool.run('read-trees', await readBatch(repository.storage, batch, signal));
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    const problems = batch.blobs.map(({ id }) => ({
      id,
      message: `tree blob ${id} lies in the missing pack ${batch.packId}`,
    }));
    return { trees: packReferences([]), problems };
  }
}

function follow(
  index: BlobIndex,
  marks: BlobMarks,
  tree: number,
  references: TreeReferences,
  next: number[],
  options: MarkOptions,
): void {
  const { dataIds, treeIds, problems } = references;
  const treeId = problems.length > 0 ? index.entryAt(tree).blob.id : '';
  for (const problem of problems) {
    options.onProblem({ kind: 'damaged-tree', tree, id: treeId, message: `tree ${treeId} is malformed: ${problem}` });
  }
  const dataEntries = new Int32Array(dataIds.length / 32);
  for (let position = 0; position < dataEntries.length; position++) {
    const entry = index.entryOfBytes('data', dataIds, position * 32);
    dataEntries[position] = entry;
    if (entry >= 0) marks.set(entry);
    else options.onProblem({ kind: 'missing-data', tree, ...missing('data', dataIds, position * 32) });
  }
  for (let offset = 0; offset < treeIds.length; offset += 32) {
    const entry = index.entryOfBytes('tree', treeIds, offset);
    if (entry < 0) options.onProblem({ kind: 'missing-tree', tree, ...missing('tree', treeIds, offset) });
    else if (marks.set(entry)) {
      marks.parents.set(entry, tree);
      next.push(entry);
    }
  }
  options.onTree?.(tree, dataEntries);
}

function missing(type: string, ids: Uint8Array, offset: number): { id: string; message: string } {
  const id = Buffer.from(ids.buffer, ids.byteOffset + offset, 32).toString('hex');
  return { id, message: `${type} blob ${id} is in no pack of the index` };
}

/** For work that must not go on over damage, such as deleting: the first problem is thrown. */
export function throwMarkProblem(problem: MarkProblem): never {
  throw new IntegrityError(problem.message, {
    hint: 'Run "holdfast check" to see all damage before anything is deleted.',
  });
}
