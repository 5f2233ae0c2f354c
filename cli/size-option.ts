/** Sizes as options take them: those of the policy language, and those that users of restic write. */
import { InvalidArgumentError } from 'commander';
import { parseSize } from '../common/sizes.ts';

/** restic's: bytes, or with a letter that counts in steps of 1024, in either case. */
const RESTIC_SIZE = /^(\d{1,15})([bkmgt]?)$/i;

/** Bytes of `20GiB`, `500M`, `1048576`; for commander. */
export function parseSizeOption(text: string): number {
  const match = RESTIC_SIZE.exec(text);
  if (match !== null) return Number(match[1]) * 1024 ** 'bkmgt'.indexOf((match[2] || 'b').toLowerCase());
  try {
    return parseSize(text);
  } catch {
    throw new InvalidArgumentError('Write it like 20GiB, 500M or 1048576.');
  }
}

const MIB = 1024 * 1024;
/** restic's limits. */
const SMALLEST_PACK_MIB = 4;
const LARGEST_PACK_MIB = 128;

/** Bytes of a pack's size: `64MiB`, or as restic takes it a number of MiB; for commander. */
export function parsePackSizeOption(text: string): number {
  const sizeBytes = /^\d{1,4}$/.test(text) ? Number(text) * MIB : parseSizeOption(text);
  if (sizeBytes >= SMALLEST_PACK_MIB * MIB && sizeBytes <= LARGEST_PACK_MIB * MIB) return sizeBytes;
  throw new InvalidArgumentError(`It must be between ${SMALLEST_PACK_MIB} and ${LARGEST_PACK_MIB} MiB.`);
}
