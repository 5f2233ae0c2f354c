/** How restic writes node names: Go's `strconv.Quote` and `Unquote` on bytes, so that tree ids are the same for both. */
import type { ByteString } from '../common/byte-string.ts';
import { decodeUtf8 } from '../common/decode-utf8.ts';

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/**
 * Characters younger than Unicode 15.0, the tables of Go since 1.21: not yet printable there, though Node's ICU knows
 * them. Pairs of first and last code point, hexadecimal.
 */
const YOUNGER_THAN_GO =
  '88f-88f 897-897 c5c-c5c cdc-cdc 1acf-1add 1ae0-1aeb 1b4e-1b4f 1b7f-1b7f 1c89-1c8a 20c1-20c1 2427-2429 2b96-2b96 ' +
  '2ffc-2fff 31e4-31e5 31ef-31ef a7cb-a7cf a7d2-a7d2 a7d4-a7d4 a7da-a7dc a7f1-a7f1 fbc3-fbd2 fd90-fd91 fdc8-fdce ' +
  '105c0-105f3 10940-10959 10d40-10d65 10d69-10d85 10d8e-10d8f 10ec2-10ec7 10ed0-10ed8 10efa-10efc 11380-11389 ' +
  '1138b-1138b 1138e-1138e 11390-113b5 113b7-113c0 113c2-113c2 113c5-113c5 113c7-113ca 113cc-113d5 113d7-113d8 ' +
  '113e1-113e2 116d0-116e3 11b60-11b67 11bc0-11be1 11bf0-11bf9 11db0-11ddb 11de0-11de9 11f5a-11f5a 13460-143fa ' +
  '16100-16139 16d40-16d79 16ea0-16eb8 16ebb-16ed3 16ff2-16ff6 187f8-187ff 18cff-18cff 18d09-18d1e 18d80-18df2 ' +
  '1cc00-1ccfc 1cd00-1ceb3 1ceba-1ced0 1cee0-1cef0 1e5d0-1e5fa 1e5ff-1e5ff 1e6c0-1e6de 1e6e0-1e6f5 1e6fe-1e6ff ' +
  '1f6d8-1f6d8 1f777-1f77a 1f8b2-1f8bb 1f8c0-1f8c1 1f8d0-1f8d8 1fa54-1fa57 1fa89-1fa8a 1fa8e-1fa8f 1fabe-1fabe ' +
  '1fac6-1fac6 1fac8-1fac8 1facd-1facd 1fadc-1fadc 1fadf-1fadf 1fae9-1faea 1faef-1faef 1fbcb-1fbef 1fbfa-1fbfa ' +
  '2b73a-2b73f 2cea2-2cead 2ebf0-2ee5d 323b0-33479';

const YOUNGER_RANGES: readonly (readonly [number, number])[] = YOUNGER_THAN_GO.split(' ').map((range) => {
  const [first = '', last = ''] = range.split('-');
  return [Number.parseInt(first, 16), Number.parseInt(last, 16)];
});

const LETTER_ESCAPES: Record<number, string> = {
  0x07: '\\a',
  0x08: '\\b',
  0x09: '\\t',
  0x0a: '\\n',
  0x0b: '\\v',
  0x0c: '\\f',
  0x0d: '\\r',
  0x22: '\\"',
  0x5c: '\\\\',
};

/** What `strconv.Quote` gives between its quotes: text (UTF-16), in which bytes that are not UTF-8 are `\x..`. */
export function quoteGo(name: ByteString): string {
  // Most names are plain ASCII, and are themselves.
  if (/^[ !#-[\]-~]*$/.test(name)) return name;
  let text = '';
  for (let index = 0; index < name.length;) {
    const { codePoint, width } = decodeUtf8(name, index);
    if (codePoint === undefined) text += `\\x${hex(name.charCodeAt(index), 2)}`;
    else
      text +=
        LETTER_ESCAPES[codePoint] ?? (isPrintable(codePoint) ? String.fromCodePoint(codePoint) : escape(codePoint));
    index += width;
  }
  return text;
}

/** The opposite of `quoteGo`; undefined when the text is not what Go would accept between quotes. */
export function unquoteGo(text: string): ByteString | undefined {
  if (/^[ !#-[\]-~]*$/.test(text)) return text as ByteString;
  let bytes = '';
  for (let index = 0; index < text.length;) {
    const backslash = text.indexOf('\\', index);
    const end = backslash === -1 ? text.length : backslash;
    const plain = text.slice(index, end);
    if (/["\n]/.test(plain)) return undefined;
    bytes += Buffer.from(plain, 'utf8').toString('latin1');
    if (backslash === -1) break;
    const escaped = readEscape(text, backslash + 1);
    if (escaped === undefined) return undefined;
    bytes += escaped.bytes;
    index = escaped.next;
  }
  return bytes as ByteString;
}

const UNESCAPED: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};

const HEX_DIGITS: Record<string, number> = { x: 2, u: 4, U: 8 };

function readEscape(text: string, start: number): { bytes: string; next: number } | undefined {
  const kind = text[start] ?? '';
  const letter = UNESCAPED[kind];
  if (letter !== undefined) return { bytes: letter, next: start + 1 };
  const octal = /^[0-7]{3}/.exec(text.slice(start, start + 3))?.[0];
  if (octal !== undefined) {
    const value = Number.parseInt(octal, 8);
    return value > 255 ? undefined : { bytes: String.fromCharCode(value), next: start + 3 };
  }
  const digits = HEX_DIGITS[kind];
  if (digits === undefined) return undefined;
  const written = text.slice(start + 1, start + 1 + digits);
  if (written.length !== digits || !/^[0-9a-fA-F]+$/.test(written)) return undefined;
  const value = Number.parseInt(written, 16);
  const next = start + 1 + digits;
  if (kind === 'x') return { bytes: String.fromCharCode(value), next };
  if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return undefined;
  return { bytes: Buffer.from(String.fromCodePoint(value), 'utf8').toString('latin1'), next };
}

function isPrintable(codePoint: number): boolean {
  if (!PRINTABLE.test(String.fromCodePoint(codePoint))) return false;
  return !YOUNGER_RANGES.some(([first, last]) => codePoint >= first && codePoint <= last);
}

function escape(codePoint: number): string {
  if (codePoint < 0x20 || codePoint === 0x7f) return `\\x${hex(codePoint, 2)}`;
  return codePoint < 0x10000 ? `\\u${hex(codePoint, 4)}` : `\\U${hex(codePoint, 8)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
