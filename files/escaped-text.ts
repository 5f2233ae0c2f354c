/** Text that can stand for any bytes: those that are not UTF-8 are lone surrogates, U+DC80 to U+DCFF, as Python names files. */
import type { ByteString } from '../common/byte-string.ts';
import { decodeUtf8 } from '../common/decode-utf8.ts';
import { fromText, toText } from './byte-path.ts';

/** Added to a byte from 0x80 on. */
const ESCAPE = 0xdc00;

export function toEscapedText(bytes: ByteString): string {
  const text = toText(bytes);
  if (text !== undefined) return text;
  let escaped = '';
  for (let index = 0; index < bytes.length;) {
    const { codePoint, width } = decodeUtf8(bytes, index);
    escaped += String.fromCodePoint(codePoint ?? ESCAPE + bytes.charCodeAt(index));
    index += width;
  }
  return escaped;
}

export function fromEscapedText(text: string): ByteString {
  if (text.isWellFormed()) return fromText(text);
  let bytes = '';
  for (const character of text) {
    const byte = character.charCodeAt(0) - ESCAPE;
    bytes += character.length === 1 && byte >= 0x80 && byte <= 0xff ? String.fromCharCode(byte) : fromText(character);
  }
  return bytes as ByteString;
}
