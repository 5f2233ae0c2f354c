/** How much snapshots hold: what restoring them would write, and what they take in the repository. */
import { IntegrityError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import { loadIndexFiles } from './index-loading.ts';
import { markBlobs } from './mark-blobs.ts';
import { plainSize } from './plain-size.ts';
import { ReaderPool } from './reader-pool.ts';
import type { Repository } from './repository.ts';
import { decodeTree, type TreeNode } from './tree-node.ts';

export interface RestoreSize {
  /** Of every type, folders too, as restic counts. */
  entries: number;
  /** Of the restored files; of several names of one file (hard links) only one counts. */
  bytes: number;
}

export interface RawSize {
  blobs: number;
  /** In the packs: compressed, encrypted. */
  storedBytes: number;
  plainBytes: number;
}

export interface StatisticsOptions {
  signal?: AbortSignal;
  /** Told in a sentence of what could not be read; the figures then lack what lies there. */
  onProblem: (message: string) => void;
}

interface Totals extends RestoreSize {
  /** Whether files below have several names: they may count differently in another place. */
  hasLinks: boolean;
}

/** restic's `restore-size`, summed over snapshots. A folder without hard links is read once. The index must be loaded. */
export async function measureRestore(
  repository: Repository,
  roots: readonly string[],
  options: StatisticsOptions,
): Promise<RestoreSize> {
  const known = new Map<string, Totals>();
  const sum: RestoreSize = { entries: 0, bytes: 0 };
  for (const root of roots) {
    const { entries, bytes } = await measureTree(repository, root, known, new Set(), options);
    sum.entries += entries;
    sum.bytes += bytes;
  }
  return sum;
}

async function measureTree(
  repository: Repository,
  tree: string,
  known: Map<string, Totals>,
  inodes: Set<string>,
  options: StatisticsOptions,
): Promise<Totals> {
  const before = known.get(tree);
  if (before !== undefined) return before;
  throwIfAborted(options.signal);
  const totals: Totals = { entries: 0, bytes: 0, hasLinks: false };
  for (const node of await readTree(repository, tree, options)) {
    totals.entries++;
    const inode = inodeOf(node);
    if (inode !== undefined) totals.hasLinks = true;
    if (inode === undefined || !inodes.has(inode)) totals.bytes += node.size ?? 0;
    if (inode !== undefined) inodes.add(inode);
    if (node.type !== 'dir' || node.subtree === undefined) continue;
    const below = await measureTree(repository, node.subtree, known, inodes, options);
    totals.entries += below.entries;
    totals.bytes += below.bytes;
    totals.hasLinks ||= below.hasLinks;
  }
  if (!totals.hasLinks) known.set(tree, totals);
  return totals;
}

/** Of a file with several names. */
function inodeOf({ type, links = 0, inode, device_id: device = 0n }: TreeNode): string | undefined {
  return type === 'file' && links > 1 && inode !== undefined ? `${device}:${inode}` : undefined;
}

async function readTree(repository: Repository, id: string, options: StatisticsOptions): Promise<TreeNode[]> {
  const { signal, onProblem } = options;
  try {
    return decodeTree(await repository.loadBlob('tree', id, signal === undefined ? {} : { signal }));
  } catch (error) {
    if (!(error instanceof IntegrityError || error instanceof NotFoundError)) throw error;
    onProblem(error.message);
    return [];
  }
}

/** restic's `raw-data`: the blobs that the snapshots need, each once. Reads the index by itself, and every tree once. */
export async function measureRaw(
  repository: Repository,
  roots: readonly string[],
  { signal, onProblem }: StatisticsOptions,
): Promise<RawSize> {
  const { index } = await loadIndexFiles(repository, { signal });
  const pool = new ReaderPool(repository, { signal });
  try {
    const marks = await markBlobs(repository, index, roots, pool, {
      signal,
      onProblem: ({ message }) => onProblem(message),
    });
    const size: RawSize = { blobs: 0, storedBytes: 0, plainBytes: 0 };
    for (let entry = 0; entry < index.blobCount; entry++) {
      if (!marks.has(entry)) continue;
      const { blob } = index.entryAt(entry);
      size.blobs++;
      size.storedBytes += blob.length;
      size.plainBytes += plainSize(blob);
    }
    return size;
  } finally {
    await pool.close();
  }
}
