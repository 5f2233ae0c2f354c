/** How much a repository holds of a source that grows and changes steadily. */
import { HoldfastError } from '../common/errors.ts';
import { parseShare, parseSize } from '../common/sizes.ts';

const DAY_MS = 86_400_000;

/** Bytes as they are stored. */
export interface GrowthModel {
  /** At the beginning. */
  sizeBytes: number;
  /** New data, which stays. */
  growthBytesPerDay: number;
  /** Data in place of other data, which only older snapshots hold then. */
  changedBytesPerDay: number;
}

/** Bytes a day of a rate such as `2GiB/d`, `14GiB/w` or, as a share of the size at the beginning, `1%/d`. Throws Usage. */
export function parseGrowth(text: string, sizeBytes: number): number {
  const match = /^(.+)\/([dw])$/.exec(text);
  const hint = 'write it like 1%/d, 2GiB/d or 14GiB/w';
  if (match === null) throw new HoldfastError('Usage', `"${text}" is not a growth`, { hint });
  const [, amount = '', unit] = match;
  try {
    const bytes = amount.endsWith('%') ? parseShare(amount) * sizeBytes : parseSize(amount);
    return unit === 'w' ? bytes / 7 : bytes;
  } catch {
    throw new HoldfastError('Usage', `"${text}" is not a growth`, { hint });
  }
}

/** The size of the source so long (milliseconds) after the beginning. */
export function sizeAfter({ sizeBytes, growthBytesPerDay }: GrowthModel, milliseconds: number): number {
  return sizeBytes + (growthBytesPerDay * Math.max(0, milliseconds)) / DAY_MS;
}

/**
 * Bytes that snapshots of these times (ascending, milliseconds after the beginning) hold together: what the newest has,
 * and of each older one what was changed before the next.
 */
export function storedBytes(model: GrowthModel, times: readonly number[]): number {
  const newest = times.at(-1);
  if (newest === undefined) return 0;
  let bytes = sizeAfter(model, newest);
  for (let index = 1; index < times.length; index++) {
    const [older, newer] = [times[index - 1]!, times[index]!];
    bytes += Math.min(sizeAfter(model, older), (model.changedBytesPerDay * (newer - older)) / DAY_MS);
  }
  return bytes;
}
