/** Turns: many names cut into equal parts, the same always, of which each run takes the next. */

/**
 * Spreads names evenly over 0 (included) to 1 (left out), the same always: FNV-1a with the finish of MurmurHash3, 32
 * bits. No protection against names chosen by an enemy is needed: a name that evades one turn meets another.
 */
export function spread(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/**
 * Whether it is the name's turn: turns cut the names into `turns` equal parts, one after the other; a run takes
 * `width` parts from its own on. Every name is taken at least once in any `turns` consecutive runs.
 */
export function isTurnOf(name: string, turn: number, turns: number, width = 1): boolean {
  const part = Math.floor(spread(name) * turns);
  return (part - (turn % turns) + turns) % turns < width;
}

/** Into how many turns a share (0-1) of each run divides everything; 0 when nothing is wanted. */
export function turnsOfShare(share: number): number {
  return share <= 0 ? 0 : Math.max(1, Math.ceil(1 / share - 1e-9));
}
