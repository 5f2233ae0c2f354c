/** Names that some file systems do not tell apart: case, and the ways in which Unicode writes one letter. */
import type { ByteString } from '../common/byte-string.ts';
import { toText } from './byte-path.ts';

/**
 * `case`: `Readme` and `README`. `unicode`: `ä` as one character, and as `a` with two dots. `spelling`: names do not come
 * back as they were given.
 */
export type NameFold = 'case' | 'unicode' | 'spelling';

/** Equal for names that come to one entry where these differences do not count. Names that are not UTF-8 have no letters but ASCII's. */
export function foldName(name: ByteString, folds: readonly NameFold[]): string {
  const text = toText(name);
  if (text === undefined)
    return folds.includes('case') ? name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : name;
  const folded = folds.includes('unicode') ? text.normalize('NFC') : text;
  if (!folds.includes('case')) return folded;
  return Array.from(folded, foldLetter).join('');
}

/** By way of capitals, so that all sigmas come together; letters whose capitals are several (`ß`) stay themselves, as file systems have it. */
function foldLetter(letter: string): string {
  const capital = letter.toUpperCase();
  return (capital.length === letter.length ? capital : letter).toLowerCase();
}
