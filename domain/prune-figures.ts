/** What a prune plan comes to, in the figures that restic's prune shows. */
import type { PackUsage } from './prune-plan.ts';

/** Blobs and bytes leave the packs' headers out; `freed` and `stored` are of whole files. */
const NOTHING = {
  blobs: {
    used: 0,
    /** Used, and stored more than once. */
    duplicate: 0,
    unused: 0,
    total: 0,
    /** In the packs that are rewritten, used and unused. */
    repack: 0,
    /** Of these: those that go. */
    repackRemoved: 0,
    /** In the packs that go as they are. */
    removed: 0,
    removedTotal: 0,
    remaining: 0,
  },
  bytes: {
    used: 0,
    duplicate: 0,
    unused: 0,
    /** In packs that no index names. */
    unreferenced: 0,
    /** Of the packs with blobs that are not compressed, and stay so. */
    uncompressed: 0,
    total: 0,
    repack: 0,
    repackRemoved: 0,
    removed: 0,
    removedTotal: 0,
    remaining: 0,
    /** Unused or duplicate, and staying. */
    remainingUnused: 0,
    /** Of all packs before, as files. */
    stored: 0,
    /** Packs that go, and the unused part of those that are rewritten. */
    freed: 0,
  },
  packs: {
    used: 0,
    partlyUsed: 0,
    unused: 0,
    unreferenced: 0,
    total: 0,
    kept: 0,
    repacked: 0,
    /** Those that no index names among them. */
    removed: 0,
  },
};

export type PrunePlanFigures = typeof NOTHING;

export function createFigures(): PrunePlanFigures {
  return { blobs: { ...NOTHING.blobs }, bytes: { ...NOTHING.bytes }, packs: { ...NOTHING.packs } };
}

/** Counts one pack. */
export function addFigures(
  figures: PrunePlanFigures,
  pack: PackUsage | { sizeBytes: number },
  fate: 'kept' | 'repacked' | 'removed' | 'unreferenced',
): void {
  const { blobs, bytes, packs } = figures;
  packs.total++;
  bytes.stored += pack.sizeBytes;
  if (!('id' in pack)) {
    packs.unreferenced++;
    packs.removed++;
    bytes.unreferenced += pack.sizeBytes;
    bytes.total += pack.sizeBytes;
    bytes.removedTotal += pack.sizeBytes;
    bytes.freed += pack.sizeBytes;
    return;
  }
  if (pack.usedBlobs === 0) packs.unused++;
  else if (pack.unusedBlobs === 0) packs.used++;
  else packs.partlyUsed++;
  const blobCount = pack.usedBlobs + pack.unusedBlobs;
  const blobBytes = pack.usedBytes + pack.unusedBytes;
  blobs.used += pack.usedBlobs;
  blobs.duplicate += pack.duplicateBlobs;
  blobs.unused += pack.unusedBlobs - pack.duplicateBlobs;
  blobs.total += blobCount;
  bytes.used += pack.usedBytes;
  bytes.duplicate += pack.duplicateBytes;
  bytes.unused += pack.unusedBytes - pack.duplicateBytes;
  bytes.total += blobBytes;
  if (fate === 'kept') {
    packs.kept++;
    blobs.remaining += blobCount;
    bytes.remaining += blobBytes;
    bytes.remainingUnused += pack.unusedBytes;
    if (pack.isUncompressed) bytes.uncompressed += blobBytes;
    return;
  }
  blobs.removedTotal += pack.unusedBlobs;
  bytes.removedTotal += pack.unusedBytes;
  if (fate === 'removed') {
    packs.removed++;
    blobs.removed += pack.unusedBlobs;
    bytes.removed += pack.unusedBytes;
    bytes.freed += pack.sizeBytes;
    return;
  }
  packs.repacked++;
  blobs.repack += blobCount;
  blobs.repackRemoved += pack.unusedBlobs;
  blobs.remaining += pack.usedBlobs;
  bytes.repack += blobBytes;
  bytes.repackRemoved += pack.unusedBytes;
  bytes.remaining += pack.usedBytes;
  bytes.freed += pack.unusedBytes;
}
