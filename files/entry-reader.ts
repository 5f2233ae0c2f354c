/** What the file system tells of single entries, asked many thousand times a second: `lstat`, and whether there are extended attributes. */
import { lstatSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import type Koffi from 'koffi';
import type { ByteString } from '../common/byte-string.ts';
import { joinPath, toBytes } from './byte-path.ts';
import type { SafeFolder } from './safe-folder.ts';
import { entryStatOf, type EntryStat, type StatTime } from './entry-stat.ts';

/** Looks at one entry after the other; an instance belongs to one thread. */
export interface EntryReader {
  /** Of the entry itself, also when it is a link; undefined when it is not there. Throws Node's error. */
  lstat(folder: ByteString, name: ByteString): EntryStat | undefined;
  /** The same, of an entry of a folder that is held open. */
  lstatIn(folder: SafeFolder, name: ByteString): EntryStat | undefined;
  /** Of the entry that `lstat` was asked for last. True also where it cannot be said: whoever reads them then sees why. */
  mayHaveAttributes(): boolean;
}

export function loadEntryReader(): EntryReader {
  return loadNativeReader() ?? createNodeReader();
}

function createNodeReader(): EntryReader {
  return { lstat: lstatByNode, lstatIn: lstatInByNode, mayHaveAttributes: () => true };
}

function lstatByNode(folder: ByteString, name: ByteString): EntryStat | undefined {
  const stat = lstatSync(toBytes(joinPath(folder, name)), { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : entryStatOf(stat);
}

function lstatInByNode(folder: SafeFolder, name: ByteString): EntryStat | undefined {
  return lstatByNode(folder.entry('' as ByteString), name);
}

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_BASIC_STATS = 0x7ff;
/** `struct statx` of linux/stat.h is the same on every machine: the places of its members, in units of their size. */
const STATX_BYTES = 256;
const MODE_16 = 14;
const LINKS_32 = 4;
const UID_32 = 5;
const GID_32 = 6;
const INODE_64 = 4;
const SIZE_64 = 5;
const ATIME_64 = 8;
const CTIME_64 = 12;
const MTIME_64 = 14;
const RDEV_MAJOR_32 = 32;
const DEV_MAJOR_32 = 34;

/** The longest path that the kernel takes is 4,095 bytes; longer ones are Node's, whose error then names them. */
const PATH_BYTES = 4096;
/** Names of a file's attributes, most often: for each call the kernel takes and clears as much memory as it may fill. */
const LIST_BYTES = 256;

/**
 * By the C library's `statx` and `llistxattr` on a path that is written once for both, half the cost of Node's `lstat` and a
 * path for each call. undefined where the C library has no `statx`. What it cannot answer is asked of Node again, for its error.
 */
function loadNativeReader(): EntryReader | undefined {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const memory = Buffer.allocUnsafeSlow(PATH_BYTES + STATX_BYTES + LIST_BYTES);
  const path = Number(koffi.address(memory));
  const stat = path + PATH_BYTES;
  const list = stat + STATX_BYTES;
  let statx: ReturnType<ReturnType<typeof Koffi.load>['func']>;
  let llistxattr: ReturnType<ReturnType<typeof Koffi.load>['func']>;
  try {
    const own = koffi.load(null);
    // Addresses of memory that stays where it is: half the cost of handing a buffer over.
    statx = own.func('int statx(int folder, uintptr_t path, int flags, unsigned int mask, uintptr_t stat)');
    llistxattr = own.func('intptr_t llistxattr(uintptr_t path, uintptr_t list, size_t size)');
  } catch {
    return undefined;
  }
  const readStat = createStatxDecoder(memory.buffer, memory.byteOffset + PATH_BYTES);
  let folder: ByteString | undefined;
  let folderLength = 0;
  let isWritten = false;
  const writePath = (parent: ByteString, name: ByteString): boolean => {
    if (parent.length + name.length + 2 > PATH_BYTES) return false;
    if (folder !== parent) {
      folder = parent;
      folderLength = memory.write(joinPath(parent, '' as ByteString), 0, 'latin1');
    }
    const end = folderLength + name.length;
    // A loop: for so few bytes a call costs ten times as much.
    for (let at = folderLength; at < end; at++) memory[at] = name.charCodeAt(at - folderLength);
    memory[end] = 0;
    return true;
  };
  return {
    lstat(parent, name) {
      isWritten = writePath(parent, name);
      if (isWritten && statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, stat) === 0) return readStat();
      return lstatByNode(parent, name);
    },
    lstatIn(parent, name) {
      // The path that was written is another one now.
      folder = undefined;
      isWritten = false;
      if (name.length >= PATH_BYTES) return lstatInByNode(parent, name);
      for (let at = 0; at < name.length; at++) memory[at] = name.charCodeAt(at);
      memory[name.length] = 0;
      if (statx(parent.descriptor, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, stat) === 0) return readStat();
      return lstatInByNode(parent, name);
    },
    mayHaveAttributes() {
      if (!isWritten) return true;
      const size = llistxattr(path, list, LIST_BYTES) as number;
      return size > 0 || (size < 0 && koffi.errno() !== constants.errno.ENOTSUP);
    },
  };
}

function createStatxDecoder(memory: ArrayBufferLike, offset: number): () => EntryStat {
  const words16 = new Uint16Array(memory, offset, STATX_BYTES / 2);
  const words32 = new Uint32Array(memory, offset, STATX_BYTES / 4);
  const words64 = new BigUint64Array(memory, offset, STATX_BYTES / 8);
  const signed64 = new BigInt64Array(memory, offset, STATX_BYTES / 8);
  const timeAt = (word: number): StatTime => ({
    seconds: Number(signed64[word]!),
    nanoseconds: words32[2 * word + 2]!,
  });
  const device = createDeviceNumbers();
  const specialDevice = createDeviceNumbers();
  return () => ({
    mode: words16[MODE_16]!,
    links: words32[LINKS_32]!,
    uid: words32[UID_32]!,
    gid: words32[GID_32]!,
    sizeBytes: Number(words64[SIZE_64]!),
    inode: words64[INODE_64]!,
    device: device(words32[DEV_MAJOR_32]!, words32[DEV_MAJOR_32 + 1]!),
    specialDevice: specialDevice(words32[RDEV_MAJOR_32]!, words32[RDEV_MAJOR_32 + 1]!),
    mtime: timeAt(MTIME_64),
    atime: timeAt(ATIME_64),
    ctime: timeAt(CTIME_64),
  });
}

/** The C library's `makedev`; the last answer is kept, since it is mostly the next one, too. */
function createDeviceNumbers(): (major: number, minor: number) => bigint {
  let last = { major: 0, minor: 0, device: 0n };
  return (major, minor) => {
    if (major !== last.major || minor !== last.minor) {
      const [high, low] = [BigInt(major), BigInt(minor)];
      const device =
        ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
      last = { major, minor, device };
    }
    return last.device;
  };
}
