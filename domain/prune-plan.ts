/** What prune does with each pack: keep it, rewrite what of it is still used, or remove it. */

/** One pack, as the index and the marks tell. Bytes are stored bytes of blobs. */
export interface PackUsage {
  id: string;
  /** A mixed pack holds trees and data; only very old programs wrote such. */
  type: 'data' | 'tree' | 'mixed';
  usedBytes: number;
  unusedBytes: number;
  usedBlobs: number;
  unusedBlobs: number;
  /** Of the whole file, header included. */
  sizeBytes: number;
}

export interface PruneRules {
  /** Share (0-1) of what remains that may be unused, so that little waste does not cost much rewriting. */
  maxUnusedShare: number;
}

export interface PrunePlan {
  /** Pack ids. */
  keep: string[];
  repack: string[];
  remove: string[];
  /** Packs that no index names: left over by interrupted work. */
  removeUnindexed: string[];
  figures: PrunePlanFigures;
}

export interface PrunePlanFigures {
  /** Stored bytes of all packs before. */
  bytesTotal: number;
  bytesUsed: number;
  /** Removed for good: unused packs, unused parts of rewritten packs, packs that no index names. */
  bytesFreed: number;
  /** Bytes that have to be read and written again. */
  bytesRepacked: number;
  /** Unused, and staying. */
  bytesUnused: number;
  packsKept: number;
  packsRepacked: number;
  packsRemoved: number;
  blobsRemoved: number;
}

/**
 * Packs without a used blob are removed. Packs with trees and unused blobs are always rewritten, as they are small and
 * read often. Of the other partly used packs the emptiest are rewritten first, until what is left unused is within the
 * rules. `unindexed` are packs that are in the storage but in no index.
 */
export function planPrune(
  packs: Iterable<PackUsage>,
  unindexed: readonly { id: string; sizeBytes: number }[],
  rules: PruneRules,
): PrunePlan {
  const keep: PackUsage[] = [];
  const remove: PackUsage[] = [];
  const repack: PackUsage[] = [];
  const candidates: PackUsage[] = [];
  for (const pack of packs) {
    if (pack.usedBlobs === 0) remove.push(pack);
    else if (pack.type === 'mixed' || (pack.type === 'tree' && pack.unusedBlobs > 0)) repack.push(pack);
    else if (pack.unusedBlobs === 0) keep.push(pack);
    else candidates.push(pack);
  }
  const usedBytes = sum([...keep, ...repack, ...candidates], 'usedBytes');
  const allowance = unusedAllowance(usedBytes, rules.maxUnusedShare);
  let unusedBytes = sum(candidates, 'unusedBytes');
  for (const pack of candidates.toSorted(compareWaste)) {
    if (unusedBytes <= allowance) {
      keep.push(pack);
      continue;
    }
    repack.push(pack);
    unusedBytes -= pack.unusedBytes;
  }
  return {
    keep: idsOf(keep),
    repack: idsOf(repack),
    remove: idsOf(remove),
    removeUnindexed: unindexed.map(({ id }) => id).toSorted(),
    figures: {
      bytesTotal: sum([...keep, ...repack, ...remove], 'sizeBytes') + sum(unindexed, 'sizeBytes'),
      bytesUsed: usedBytes,
      bytesFreed: sum(remove, 'sizeBytes') + sum(repack, 'unusedBytes') + sum(unindexed, 'sizeBytes'),
      bytesRepacked: sum(repack, 'usedBytes'),
      bytesUnused: sum(keep, 'unusedBytes'),
      packsKept: keep.length,
      packsRepacked: repack.length,
      packsRemoved: remove.length + unindexed.length,
      blobsRemoved: sum(remove, 'unusedBlobs') + sum(repack, 'unusedBlobs'),
    },
  };
}

/** unused / (used + unused) must not exceed the share. */
function unusedAllowance(usedBytes: number, share: number): number {
  if (share >= 1) return Number.POSITIVE_INFINITY;
  return share <= 0 ? 0 : (usedBytes * share) / (1 - share);
}

/** The biggest unused share first; the id decides between equals, so that a plan is the same each time. */
function compareWaste(a: PackUsage, b: PackUsage): number {
  const share = (pack: PackUsage): number => pack.unusedBytes / (pack.usedBytes + pack.unusedBytes);
  return share(b) - share(a) || (a.id < b.id ? -1 : 1);
}

function sum<Field extends string>(items: readonly { [field in Field]: number }[], field: Field): number {
  return items.reduce((total, item) => total + item[field], 0);
}

function idsOf(packs: readonly PackUsage[]): string[] {
  return packs.map(({ id }) => id).toSorted();
}
