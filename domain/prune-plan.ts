/** What prune does with each pack: keep it, rewrite what of it is still used, or remove it. */
import { addFigures, createFigures, type PrunePlanFigures } from './prune-figures.ts';

/** One pack, as the index and the marks tell. Bytes are stored bytes of blobs. */
export interface PackUsage {
  id: string;
  /** A mixed pack holds trees and data; only very old programs wrote such. */
  type: 'data' | 'tree' | 'mixed';
  usedBytes: number;
  unusedBytes: number;
  usedBlobs: number;
  unusedBlobs: number;
  /** Of the unused: those that are used, and lie in another pack too. */
  duplicateBytes: number;
  duplicateBlobs: number;
  /** Whether it holds a blob that is stored as it is. */
  isUncompressed: boolean;
  /** Of the whole file, header included. */
  sizeBytes: number;
}

/** How much of what remains may be unused, so that little waste does not cost much rewriting. `share`: 0 to 1. */
export type MaxUnused = { share: number } | { bytes: number } | 'unlimited';

export interface PruneRules {
  maxUnused: MaxUnused;
  /** Packs are rewritten only as long as they are fewer bytes than this, all together. Default: no limit. */
  maxRepackBytes?: number;
  /** Packs below this are put together, if they are many. Default: what is small among the packs that are there. */
  smallPackBytes?: number;
  /** Packs with data are not rewritten, whatever is unused in them: only those of trees, which every program keeps at hand. */
  repackCacheableOnly?: boolean;
  /** Packs with data that is not compressed are rewritten, too. */
  repackUncompressed?: boolean;
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

/** Fewer small packs are not worth the trouble; and what is left when they were put together is not tried again for ever. */
const MIN_SMALL_PACKS = 10;
const MIB = 1024 * 1024;
/** No program makes packs smaller than this on purpose. */
const SMALLEST_PACK_BYTES = 4 * MIB;

/**
 * Packs without a used blob are removed. Packs with trees and unused blobs are rewritten whatever the rules allow to stay
 * unused, as they are small and read often; so are trees that are not compressed. Of the others small packs come first,
 * then the emptiest, until what is left unused is within the rules. `unindexed` are packs that are in the storage but in
 * no index. This is what restic does (`internal/repository/prune.go`), but that a few small packs stay within the rules, too.
 */
export function planPrune(
  packs: Iterable<PackUsage>,
  unindexed: readonly { id: string; sizeBytes: number }[],
  rules: PruneRules,
): PrunePlan {
  const all = [...packs];
  const limitBytes = rules.smallPackBytes ?? usualSmallBytes(all);
  const keep: PackUsage[] = [];
  const remove: PackUsage[] = [];
  const small: PackUsage[] = [];
  const candidates: PackUsage[] = [];
  for (const pack of all) {
    if (pack.usedBlobs === 0) remove.push(pack);
    else if (rules.repackCacheableOnly === true && pack.type === 'data') keep.push(pack);
    else if (pack.unusedBlobs > 0 || pack.type === 'mixed' || mustBeCompressed(pack, rules)) candidates.push(pack);
    else if (pack.sizeBytes < limitBytes) small.push(pack);
    else keep.push(pack);
  }
  const smallCount = small.length + candidates.filter(({ sizeBytes }) => sizeBytes < limitBytes).length;
  const smallBytes = smallCount < MIN_SMALL_PACKS ? 0 : limitBytes;
  if (smallBytes === 0) keep.push(...small);
  else candidates.push(...small);
  const usedBytes = sum(all, 'usedBytes');
  const repack = chooseRepacks(candidates, keep, rules, { smallBytes, usedBytes });
  const figures = createFigures();
  for (const pack of keep) addFigures(figures, pack, 'kept');
  for (const pack of repack) addFigures(figures, pack, 'repacked');
  for (const pack of remove) addFigures(figures, pack, 'removed');
  for (const { sizeBytes } of unindexed) addFigures(figures, { sizeBytes }, 'unreferenced');
  return {
    keep: idsOf(keep),
    repack: idsOf(repack),
    remove: idsOf(remove),
    removeUnindexed: unindexed.map(({ id }) => id).toSorted(),
    figures,
  };
}

/** What is not chosen joins `keep`. */
function chooseRepacks(
  candidates: readonly PackUsage[],
  keep: PackUsage[],
  rules: PruneRules,
  context: { smallBytes: number; usedBytes: number },
): PackUsage[] {
  const allowance = unusedAllowance(context.usedBytes, rules.maxUnused);
  const maxRepackBytes = rules.maxRepackBytes ?? Number.POSITIVE_INFINITY;
  const repack: PackUsage[] = [];
  let unusedBytes = sum(keep, 'unusedBytes') + sum(candidates, 'unusedBytes');
  let repackBytes = 0;
  for (const pack of candidates.toSorted((a, b) => compareUrgency(a, b, context.smallBytes))) {
    const isNeeded =
      pack.type !== 'data' ||
      mustBeCompressed(pack, rules) ||
      pack.sizeBytes < context.smallBytes ||
      unusedBytes > allowance;
    if (!isNeeded || repackBytes + pack.sizeBytes >= maxRepackBytes) {
      keep.push(pack);
      continue;
    }
    repack.push(pack);
    repackBytes += pack.sizeBytes;
    unusedBytes -= pack.unusedBytes;
  }
  return repack;
}

/** Trees are always compressed in format version 2. */
function mustBeCompressed(pack: PackUsage, rules: PruneRules): boolean {
  return pack.isUncompressed && (pack.type === 'tree' || rules.repackUncompressed === true);
}

/** Below four fifths of what few packs fall short of: where no pack is small, none is rewritten for its size. */
function usualSmallBytes(packs: readonly PackUsage[]): number {
  const sizes = packs.map(({ sizeBytes }) => sizeBytes).toSorted((a, b) => a - b);
  const lowSize = sizes[Math.floor((sizes.length * 3) / 100)] ?? 0;
  return (Math.max(SMALLEST_PACK_BYTES, lowSize) * 4) / 5;
}

/** unused / (used + unused) must not exceed the share. */
function unusedAllowance(usedBytes: number, maxUnused: MaxUnused): number {
  if (maxUnused === 'unlimited') return Number.POSITIVE_INFINITY;
  if ('bytes' in maxUnused) return maxUnused.bytes;
  const { share } = maxUnused;
  if (share >= 1) return Number.POSITIVE_INFINITY;
  return share <= 0 ? 0 : (usedBytes * share) / (1 - share);
}

/** Trees first, then small packs, then those with the biggest unused share; the id decides between equals, so that a plan is the same each time. */
function compareUrgency(a: PackUsage, b: PackUsage, smallBytes: number): number {
  const share = (pack: PackUsage): number => pack.unusedBytes / (pack.usedBytes + pack.unusedBytes);
  const rank = (pack: PackUsage): number => (pack.type !== 'data' ? 0 : pack.sizeBytes < smallBytes ? 1 : 2);
  return rank(a) - rank(b) || share(b) - share(a) || (a.id < b.id ? -1 : 1);
}

function sum<Field extends string>(items: readonly { [field in Field]: number }[], field: Field): number {
  return items.reduce((total, item) => total + item[field], 0);
}

function idsOf(packs: readonly PackUsage[]): string[] {
  return packs.map(({ id }) => id).toSorted();
}
