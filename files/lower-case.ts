/** Paths in lower case as Go's `strings.ToLower` makes them, for patterns in which case does not count. */
import type { ByteString } from '../common/byte-string.ts';
import { decodeUtf8 } from '../common/decode-utf8.ts';
import { fromText } from './byte-path.ts';

/** What Go puts in the place of a byte that is not UTF-8. */
const REPLACEMENT = 0xfffd;
/** İ, the one letter whose lower case is a single one for Go and two for JavaScript. */
const DOTTED_CAPITAL_I = 0x130;

export function toLowerCase(path: ByteString): ByteString {
  // eslint-disable-next-line no-control-regex -- NUL to DEL is what ASCII is
  if (/^[\x00-\x7f]*$/.test(path)) return path.toLowerCase() as ByteString;
  let lower = '';
  for (let index = 0; index < path.length;) {
    const { codePoint = REPLACEMENT, width } = decodeUtf8(path, index);
    // Letter by letter: JavaScript would write a sigma at the end of a word differently.
    lower += codePoint === DOTTED_CAPITAL_I ? 'i' : String.fromCodePoint(codePoint).toLowerCase();
    index += width;
  }
  return fromText(lower);
}
