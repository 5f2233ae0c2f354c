/** The names that rclone's crypt format gives to files and folders (rclone's docs, "Name encryption"), and back. */
import type { ByteString } from '../common/byte-string.ts';
import { fromBytes, isEntryName, toBytes } from './byte-path.ts';
import { createEme, type WideBlockCipher } from './eme.ts';

/** `standard`: encrypted. `plain`: as they are, files with a suffix (rclone's `filename_encryption = off`). */
export type NameMode = 'standard' | 'plain';

export interface NameCipher {
  readonly mode: NameMode;
  /** One name of a path, never with a slash. May become longer than a file system takes. */
  encrypt(name: ByteString, kind: 'file' | 'dir'): ByteString;
  /** undefined: not what `encrypt` makes. Another spelling of the same name is none, or two entries would be one. */
  decrypt(stored: ByteString, kind: 'file' | 'dir'): ByteString | undefined;
  /** Whether it has the form of an encrypted name, under whatever key. Names that are not encrypted tell nothing: false. */
  looksEncrypted(stored: ByteString): boolean;
}

const PLAIN_SUFFIX = '.bin';
const BLOCK_BYTES = 16;
const LARGEST_BYTES = 2048;
const DIGITS = '0123456789abcdefghijklmnopqrstuv';

/** @param keys The name key and the tweak that `deriveCryptKeys` makes. */
export function createNameCipher(mode: NameMode, keys: { nameKey: Uint8Array; nameTweak: Uint8Array }): NameCipher {
  const plain = mode === 'plain';
  const names = plain ? plainNames : encryptedNames(createEme(keys.nameKey, keys.nameTweak));
  return {
    mode,
    encrypt: names.encrypt,
    decrypt(stored, kind) {
      const name = names.decrypt(stored, kind);
      return name !== undefined && isEntryName(name) ? name : undefined;
    },
    looksEncrypted: (stored) => !plain && decodeBase32(versionOf(stored, 'file').base) !== undefined,
  };
}

type Translation = Pick<NameCipher, 'encrypt' | 'decrypt'>;

const plainNames: Translation = {
  encrypt: (name, kind) => (kind === 'file' ? ((name + PLAIN_SUFFIX) as ByteString) : name),
  decrypt(stored, kind) {
    if (kind === 'dir') return stored;
    return stored.endsWith(PLAIN_SUFFIX) ? (stored.slice(0, -PLAIN_SUFFIX.length) as ByteString) : undefined;
  },
};

/**
 * rclone leaves the mark that it puts on an old version (`-v2006-01-02-150405-000`, before the extension) readable in a
 * file's name. Where its own way does not lead back to the name, and in folders' names, the whole name is encrypted,
 * which rclone decrypts as well.
 */
function encryptedNames(eme: WideBlockCipher): Translation {
  const seal = (name: string): string => encodeBase32(eme.encrypt(pad(toBytes(name as ByteString))));
  const open = (stored: string): string | undefined => {
    const bytes = decodeBase32(stored);
    const plain = bytes === undefined ? undefined : unpad(eme.decrypt(bytes));
    return plain === undefined ? undefined : fromBytes(plain);
  };
  return {
    encrypt(name, kind) {
      const { base, version } = versionOf(name, kind);
      return addVersion(seal(base), version) as ByteString;
    },
    decrypt(stored, kind) {
      const { base, version } = versionOf(stored, kind);
      const plain = open(base);
      if (plain === undefined) return undefined;
      const name = addVersion(plain, version) as ByteString;
      return versionOf(name, kind).version === version ? name : undefined;
    },
  };
}

const VERSION = /-v(\d{4})-(\d\d)-(\d\d)-(\d\d)(\d\d)(\d\d)-\d{3}$/;

/** Of `a-v2006-01-02-150405-000.txt` it is `a.txt` and the mark; of what has none, or no way back, the name as it is. */
function versionOf(name: string, kind: 'file' | 'dir'): { base: string; version: string } {
  const whole = { base: name, version: '' };
  if (kind === 'dir' || !name.includes('-v')) return whole;
  const { base, extension } = splitExtension(name);
  const mark = VERSION.exec(base);
  if (mark === null || !isTime(mark.slice(1).map(Number))) return whole;
  const found = { base: base.slice(0, mark.index) + extension, version: mark[0] };
  return found.base !== '' && addVersion(found.base, found.version) === name ? found : whole;
}

function addVersion(name: string, version: string): string {
  if (version === '') return name;
  const { base, extension } = splitExtension(name);
  return base + version + extension;
}

/** From the last dot on; a name that only begins with a dot has no extension. */
function splitExtension(name: string): { base: string; extension: string } {
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? { base: name, extension: '' } : { base: name.slice(0, dot), extension: name.slice(dot) };
}

function isTime([year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: number[]): boolean {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isDate = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return isDate && hour < 24 && minute < 60 && second < 60;
}

/** PKCS#7 (RFC 5652, 6.3): 1 to 16 bytes, each their number. */
function pad(bytes: Buffer): Buffer {
  const padding = BLOCK_BYTES - (bytes.length % BLOCK_BYTES);
  return Buffer.concat([bytes, Buffer.alloc(padding, padding)]);
}

function unpad(bytes: Buffer): Buffer | undefined {
  const padding = bytes.at(-1) ?? 0;
  if (padding === 0 || padding > BLOCK_BYTES) return undefined;
  const end = bytes.length - padding;
  return bytes.subarray(end).every((byte) => byte === padding) ? bytes.subarray(0, end) : undefined;
}

/** base32hex (RFC 4648, 7), in small letters and without padding. */
function encodeBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += DIGITS[(value >> (bits - 5)) & 31];
    value &= 0xff;
  }
  return bits === 0 ? text : text + DIGITS[(value << (5 - bits)) & 31];
}

/** undefined for what `encodeBase32` does not make of whole blocks. */
function decodeBase32(text: string): Buffer | undefined {
  const length = Math.floor((text.length * 5) / 8);
  if (length === 0 || length % BLOCK_BYTES !== 0 || length > LARGEST_BYTES) return undefined;
  if (text.length !== Math.ceil((length * 8) / 5)) return undefined;
  const bytes = Buffer.alloc(length);
  let bits = 0;
  let value = 0;
  let written = 0;
  for (const character of text) {
    const digit = DIGITS.indexOf(character);
    if (digit === -1) return undefined;
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[written++] = value >> bits;
  }
  // The bits that fill the last digit are 0.
  return (value & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}
