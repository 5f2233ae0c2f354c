/** Sizes (`512KiB`), rates (`50MiB/s`) and shares (`10%`) of the policy language, read and written. */
import { HoldfastError } from './errors.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const SIZE = /^(\d{1,12}(?:\.\d{1,3})?)(B|KiB|MiB|GiB|TiB|PiB)$/;
const SHARE = /^(100|\d{1,2}(?:\.\d{1,6})?)%$/;

/** Whole bytes of a size such as `512KiB` or `1.5GiB`; throws Usage for anything else. */
export function parseSize(text: string): number {
  const match = SIZE.exec(text);
  const exponent = UNITS.indexOf(match?.[2] as (typeof UNITS)[number]);
  if (match === null || exponent < 0) {
    throw new HoldfastError('Usage', `"${text}" is not a size`, { hint: 'write it like 512KiB, 20MiB or 2GiB' });
  }
  return Math.round(Number(match[1]) * 1024 ** exponent);
}

/** Bytes for people: three digits and a binary unit, `1.50 GiB`, `17.2 MiB`, `512 B`. */
export function formatBytes(bytes: number): string {
  let value = Math.abs(bytes);
  let unit = 0;
  // 1023.95 would be shown as "1024": the next unit says it better.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 ? 0 : value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${bytes < 0 ? '-' : ''}${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Bytes per second of a rate such as `50MiB/s`; throws Usage for anything else. */
export function parseRate(text: string): number {
  if (!text.endsWith('/s') || !SIZE.test(text.slice(0, -2))) {
    throw new HoldfastError('Usage', `"${text}" is not a rate`, { hint: 'write it like 50MiB/s' });
  }
  return parseSize(text.slice(0, -2));
}

/** The part of the whole (0 to 1) that a share such as `5%` means; throws Usage for anything else. */
export function parseShare(text: string): number {
  const match = SHARE.exec(text);
  if (match === null) {
    throw new HoldfastError('Usage', `"${text}" is not a share`, { hint: 'write it like 5% or 99.9%, at most 100%' });
  }
  return Number(match[1]) / 100;
}
