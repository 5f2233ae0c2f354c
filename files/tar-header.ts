/** Headers of tar archives: POSIX ustar, with pax records for all that ustar has no room for (IEEE Std 1003.1, "pax"). */
import type { ByteString } from '../common/byte-string.ts';
import { baseName, fromText, toBytes } from './byte-path.ts';

export type TarEntryType = 'file' | 'hard-link' | 'symlink' | 'chardev' | 'dev' | 'dir' | 'fifo';

export interface TarEntry {
  /** Relative, and without a slash at the end. */
  path: ByteString;
  type: TarEntryType;
  /** `st_mode & 0o7777`. */
  mode: number;
  uid: number;
  gid: number;
  user?: string;
  group?: string;
  /** Bytes of content that follow the header, padded by `tarPadding`; 0 for all but files. */
  size: number;
  /** Nanoseconds since the epoch. */
  mtimeNs: bigint;
  /** Of a symlink its target, of a hard link the path of its first name. */
  linkTarget?: ByteString;
  /** `st_rdev` of a device. */
  device?: bigint;
  attributes?: readonly { name: string; value: Uint8Array }[];
}

const BLOCK_BYTES = 512;
const TYPE_FLAGS: Record<TarEntryType, string> = {
  file: '0',
  'hard-link': '1',
  symlink: '2',
  chardev: '3',
  dev: '4',
  dir: '5',
  fifo: '6',
};
const PAX_FLAG = 'x';
const NANOSECONDS = 1_000_000_000n;

/** What ends an archive. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK_BYTES);

/** The zeros between a content of this many bytes and the next header. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** The header of an entry, with its pax header before it where one is needed. */
export function encodeTarHeader(entry: TarEntry): Buffer {
  const header = new HeaderBlock(TYPE_FLAGS[entry.type]);
  const path = entry.type === 'dir' ? (`${entry.path}/` as ByteString) : entry.path;
  header.text(0, 100, path, 'path');
  header.number(100, 8, entry.mode);
  header.number(108, 8, entry.uid, 'uid');
  header.number(116, 8, entry.gid, 'gid');
  header.number(124, 12, entry.size, 'size');
  header.time(entry.mtimeNs);
  header.text(157, 100, entry.linkTarget ?? ('' as ByteString), 'linkpath');
  header.text(265, 32, fromText(entry.user ?? ''), 'uname');
  header.text(297, 32, fromText(entry.group ?? ''), 'gname');
  const device = entry.device ?? 0n;
  header.number(329, 8, majorOf(device), 'SCHILY.devmajor');
  header.number(337, 8, minorOf(device), 'SCHILY.devminor');
  for (const { name, value } of entry.attributes ?? []) {
    // GNU tar's way with the characters that would end the keyword.
    const keyword = name.replaceAll('%', '%25').replaceAll('=', '%3D');
    header.records.push(paxRecord(`SCHILY.xattr.${keyword}`, value));
  }
  const block = header.finish();
  if (header.records.length === 0) return block;
  const records = Buffer.concat(header.records);
  return Buffer.concat([paxHeader(path, records.length), records, tarPadding(records.length), block]);
}

/** One block of 512 bytes being filled; what does not fit goes to `records`. */
class HeaderBlock {
  readonly records: Buffer[] = [];
  readonly #block = Buffer.alloc(BLOCK_BYTES);

  constructor(typeFlag: string) {
    this.#block.write(typeFlag, 156, 'latin1');
    this.#block.write('ustar\x0000', 257, 'latin1');
  }

  /** Names that are not UTF-8 are written as the bytes they are, as Go and GNU tar do. */
  text(offset: number, length: number, value: ByteString, keyword: string): void {
    const bytes = toBytes(value);
    // A full field has no NUL at its end, which not every reader takes.
    if (bytes.length >= length || bytes.some((byte) => byte >= 0x80)) this.records.push(paxRecord(keyword, bytes));
    bytes.copy(this.#block, offset, 0, Math.min(bytes.length, length - 1));
  }

  /** Octal digits and a NUL. Without a keyword the value must fit. */
  number(offset: number, length: number, value: number, keyword?: string): void {
    const digits = value.toString(8).padStart(length - 1, '0');
    const fits = digits.length < length;
    if (!fits && keyword !== undefined) this.records.push(paxRecord(keyword, Buffer.from(String(value))));
    this.#block.write(fits ? digits : '0'.repeat(length - 1), offset, 'latin1');
  }

  time(timeNs: bigint): void {
    const seconds = timeNs / NANOSECONDS;
    const isPlain = timeNs >= 0n && timeNs % NANOSECONDS === 0n && seconds < 8n ** 11n;
    if (!isPlain) this.records.push(paxRecord('mtime', Buffer.from(decimalSeconds(timeNs))));
    this.number(136, 12, timeNs < 0n ? 0 : Number(seconds));
  }

  finish(): Buffer {
    // The sum counts its own field as spaces.
    this.#block.fill(' ', 148, 156);
    const sum = this.#block.reduce((total, byte) => total + byte, 0);
    this.#block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return this.#block;
  }
}

function paxHeader(path: ByteString, size: number): Buffer {
  const header = new HeaderBlock(PAX_FLAG);
  const name = baseName(path.replace(/\/$/, '') as ByteString);
  // Shown only by programs that do not know pax.
  header.text(0, 100, fromText(`PaxHeaders/${name.replaceAll(/[^\x21-\x7e]/g, '_').slice(0, 80)}`), 'path');
  header.number(100, 8, 0o644);
  header.number(108, 8, 0);
  header.number(116, 8, 0);
  header.number(124, 12, size);
  header.time(0n);
  return header.finish();
}

/** `LENGTH KEYWORD=VALUE\n`, where the length counts itself. */
function paxRecord(keyword: string, value: Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${keyword}=`), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** `-1.5`: the sign stands for the whole. */
function decimalSeconds(timeNs: bigint): string {
  const size = timeNs < 0n ? -timeNs : timeNs;
  const fraction = String(size % NANOSECONDS)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${timeNs < 0n ? '-' : ''}${size / NANOSECONDS}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Linux's `gnu_dev_major` and `gnu_dev_minor`. */
function majorOf(device: bigint): number {
  return Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n));
}

function minorOf(device: bigint): number {
  return Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n));
}
