/** Files that were renamed in a sync's source: what is new there, and what only the target has, of one size and time. */
import type { ByteString } from '../common/byte-string.ts';
import type { SyncDecision } from './sync-plan.ts';

/** So many new files, and as many removals, are remembered in one plan; what comes after them is copied and removed. */
export const MAX_RENAME_CANDIDATES = 10_000;
/** Of one size and time: with more nobody can tell which is which. */
const MAX_ALIKE = 16;

export interface RenameCandidate {
  /** Where the target has it. */
  from: ByteString;
  sizeBytes: number;
}

export interface RenameFinder {
  see(decision: SyncDecision): void;
  /**
   * By the new path: candidates, whose contents have yet to be compared. No path stands twice. Of
   * several the one that kept its last name is taken, else the first one seen.
   */
  candidates(): Map<ByteString, RenameCandidate>;
}

export function createRenameFinder(limit = MAX_RENAME_CANDIDATES): RenameFinder {
  const added: { path: ByteString; key: string; sizeBytes: number }[] = [];
  const removed = new Map<string, ByteString[]>();
  let removals = 0;
  return {
    see({ step, path, source, target }) {
      if (step === 'copy' && source?.type === 'file' && source.sizeBytes > 0 && added.length < limit)
        added.push({ path, key: keyOf(source), sizeBytes: source.sizeBytes });
      if (step !== 'remove' || target?.type !== 'file' || removals >= limit) return;
      removals++;
      const key = keyOf(target);
      const known = removed.get(key);
      if (known === undefined) removed.set(key, [path]);
      else if (known.length < MAX_ALIKE) known.push(path);
    },
    candidates() {
      const found = new Map<ByteString, RenameCandidate>();
      const taken = new Set<ByteString>();
      for (const isNamed of [true, false]) {
        for (const { path, key, sizeBytes } of added) {
          if (found.has(path)) continue;
          const free = removed.get(key)?.filter((old) => !taken.has(old)) ?? [];
          const from = isNamed ? free.find((candidate) => lastName(candidate) === lastName(path)) : free[0];
          if (from === undefined) continue;
          taken.add(from);
          found.set(path, { from, sizeBytes });
        }
      }
      return found;
    },
  };
}

function keyOf({ sizeBytes, mtimeNs }: { sizeBytes: number; mtimeNs: bigint }): string {
  return `${sizeBytes} ${mtimeNs}`;
}

function lastName(path: ByteString): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
