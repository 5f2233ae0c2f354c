/** Which packs a check reads whole. */
import { isTurnOf, turnsOfShare } from './turns.ts';

export type ReadDataPart =
  | { kind: 'none' }
  | { kind: 'all' }
  /** Share (0-1) of each run: runs with consecutive turns read different packs, until all have been read. */
  | { kind: 'rotating'; share: number; turn: number }
  /** The `part`th (from 1) of `parts` groups, which are the same for everybody: by the first byte of the pack's id, as restic does. */
  | { kind: 'group'; part: number; parts: number }
  /** Share (0-1) of the packs, by number, chosen anew each time. */
  | { kind: 'random'; share: number }
  /** As many packs at random as this is of all packs' bytes. */
  | { kind: 'random-bytes'; bytes: number };

/** Of groups. The first byte of an id says no more. */
export const MAX_PARTS = 256;

interface StoredPack {
  /** Hex. */
  id: string;
  sizeBytes: number;
}

/** @param random From 0 (included) to 1, anew with each call. */
export function choosePacks<Pack extends StoredPack>(
  packs: readonly Pack[],
  part: ReadDataPart,
  random: () => number,
): readonly Pack[] {
  switch (part.kind) {
    case 'none':
      return [];
    case 'all':
      return packs;
    case 'rotating': {
      const turns = turnsOfShare(part.share);
      return turns === 0 ? [] : packs.filter(({ id }) => isTurnOf(id, part.turn, turns));
    }
    case 'group':
      return packs.filter(({ id }) => Number.parseInt(id.slice(0, 2), 16) % part.parts === part.part - 1);
    case 'random':
      return chooseShare(packs, part.share, random);
    case 'random-bytes': {
      const total = packs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      return chooseShare(packs, total === 0 ? 1 : Math.min(part.bytes / total, 1), random);
    }
  }
}

/** At least one, as far as there are any: the beginning of a shuffle (Fisher-Yates). */
function chooseShare<Pack>(packs: readonly Pack[], share: number, random: () => number): Pack[] {
  const shuffled = [...packs];
  const count = Math.min(Math.max(Math.floor(packs.length * share), 1), packs.length);
  for (let place = 0; place < count; place++) {
    const other = place + Math.floor(random() * (shuffled.length - place));
    [shuffled[place], shuffled[other]] = [shuffled[other]!, shuffled[place]!];
  }
  return shuffled.slice(0, count);
}
