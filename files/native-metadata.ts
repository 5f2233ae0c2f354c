/** The C library's calls that Node has no name for: times in nanoseconds, extended attributes, fifos and devices. */
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import type Koffi from 'koffi';
import type { ByteString } from '../common/byte-string.ts';
import { displayPath, fromBytes, toBytes, toCString } from './byte-path.ts';

/** Nanoseconds since the epoch; negative ones are before 1970. An absent time of access is now: user-space file systems of libfuse 2, such as exFAT's, set no time at all where one is left out. */
export interface EntryTimes {
  atimeNs?: bigint;
  mtimeNs: bigint;
}

export interface ExtendedAttributeValue {
  name: ByteString;
  value: Buffer;
}

/**
 * Every path is taken as bytes and a symbolic link at its end is never followed. Failures are `NodeJS.ErrnoException`
 * with the code that Node would give (`EPERM`, `ENOTSUP`, …).
 */
export interface NativeMetadata {
  setTimes(path: ByteString, times: EntryTimes): void;
  /** Like `setTimes`, of an open file: half the work of finding it again. */
  setTimesOfOpen(descriptor: number, times: EntryTimes): void;
  /** In the file system's order, as restic keeps them. Empty where the file system has none; what may not be read is left out. */
  readAttributes(path: ByteString): ExtendedAttributeValue[];
  setAttribute(path: ByteString, name: ByteString, value: Uint8Array): void;
  removeAttribute(path: ByteString, name: ByteString): void;
  /** @param mode Permission bits, lessened by the umask. */
  makeFifo(path: ByteString, mode: number): void;
  /** @param device `st_rdev`. Needs CAP_MKNOD. */
  makeDevice(path: ByteString, kind: 'dev' | 'chardev', mode: number, device: bigint): void;
}

type NativeCall = (...args: unknown[]) => number;

interface Library {
  errno(): number;
  utimensat: NativeCall;
  futimens: NativeCall;
  llistxattr: NativeCall;
  lgetxattr: NativeCall;
  lsetxattr: NativeCall;
  lremovexattr: NativeCall;
  mkfifo: NativeCall;
  mknod: NativeCall;
}

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const UTIME_NOW = (1n << 30n) - 1n;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
/** Linux allows 64 KiB for the list of names and for one value. */
const LARGEST_ATTRIBUTE = 65536;

/** Loads the foreign function library (some 15 ms): only where metadata is read or written. One instance a thread. */
export function loadNativeMetadata(): NativeMetadata {
  const library = loadLibrary();
  const buffer = Buffer.alloc(LARGEST_ATTRIBUTE);
  const times = Buffer.alloc(32);
  const check = (result: number, call: string, path: ByteString): number => {
    if (result === -1) throw systemError(library.errno(), call, path);
    return result;
  };
  return {
    setTimesOfOpen(descriptor, entryTimes) {
      writeTimes(times, entryTimes);
      check(library.futimens(descriptor, times), 'futimens', `/proc/self/fd/${descriptor}` as ByteString);
    },
    setTimes(path, entryTimes) {
      writeTimes(times, entryTimes);
      check(library.utimensat(AT_FDCWD, toCString(path), times, AT_SYMLINK_NOFOLLOW), 'utimensat', path);
    },
    readAttributes: (path) => readAttributes(library, path, buffer),
    setAttribute(path, name, value) {
      check(library.lsetxattr(toCString(path), toCString(name), value, value.length, 0), 'lsetxattr', path);
    },
    removeAttribute(path, name) {
      check(library.lremovexattr(toCString(path), toCString(name)), 'lremovexattr', path);
    },
    makeFifo(path, mode) {
      check(library.mkfifo(toCString(path), mode), 'mkfifo', path);
    },
    makeDevice(path, kind, mode, device) {
      const type = kind === 'dev' ? S_IFBLK : S_IFCHR;
      check(library.mknod(toCString(path), type | mode, device), 'mknod', path);
    },
  };
}

function loadLibrary(): Library {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  // The process itself: whichever C library Node is linked to.
  const own = koffi.load(null);
  return {
    errno: () => koffi.errno(),
    utimensat: own.func('int utimensat(int folder, const uint8_t *path, const uint8_t *times, int flags)'),
    futimens: own.func('int futimens(int descriptor, const uint8_t *times)'),
    llistxattr: own.func('intptr_t llistxattr(const uint8_t *path, _Out_ uint8_t *list, size_t size)'),
    lgetxattr: own.func(
      'intptr_t lgetxattr(const uint8_t *path, const uint8_t *name, _Out_ uint8_t *value, size_t size)',
    ),
    lsetxattr: own.func(
      'int lsetxattr(const uint8_t *path, const uint8_t *name, const uint8_t *value, size_t size, int flags)',
    ),
    lremovexattr: own.func('int lremovexattr(const uint8_t *path, const uint8_t *name)'),
    mkfifo: own.func('int mkfifo(const uint8_t *path, unsigned int mode)'),
    mknod: own.func('int mknod(const uint8_t *path, unsigned int mode, uint64_t device)'),
  };
}

function readAttributes(library: Library, path: ByteString, buffer: Buffer): ExtendedAttributeValue[] {
  const cPath = toCString(path);
  const size = library.llistxattr(cPath, buffer, buffer.length);
  if (size === 0) return [];
  if (size < 0) {
    if (library.errno() === constants.errno.ENOTSUP) return [];
    throw systemError(library.errno(), 'llistxattr', path);
  }
  const names = fromBytes(buffer.subarray(0, size - 1)).split('\0') as ByteString[];
  const attributes: ExtendedAttributeValue[] = [];
  for (const name of names) {
    const length = library.lgetxattr(cPath, toCString(name), buffer, buffer.length);
    // Removed meanwhile, or not for this account's eyes.
    if (length < 0) continue;
    attributes.push({ name, value: Buffer.from(buffer.subarray(0, length)) });
  }
  return attributes;
}

/** The two `struct timespec` that `utimensat` takes, in 32 bytes. */
export function writeTimes(target: Buffer, { atimeNs, mtimeNs }: EntryTimes): void {
  writeTime(target, 0, atimeNs);
  if (atimeNs === mtimeNs) target.copy(target, 16, 0, 16);
  else writeTime(target, 16, mtimeNs);
}

/** A `struct timespec` of 64-bit Linux: seconds, then nanoseconds, which are never negative. */
function writeTime(target: Buffer, offset: number, timeNs: bigint | undefined): void {
  if (timeNs === undefined) {
    target.writeBigInt64LE(0n, offset);
    target.writeBigInt64LE(UTIME_NOW, offset + 8);
    return;
  }
  const nanoseconds = ((timeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  target.writeBigInt64LE((timeNs - nanoseconds) / 1_000_000_000n, offset);
  target.writeBigInt64LE(nanoseconds, offset + 8);
}

export function systemError(errno: number, call: string, path: ByteString): NodeJS.ErrnoException {
  const code = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `E${errno}`;
  const error: NodeJS.ErrnoException = new Error(`${code}: ${call} '${displayPath(path)}'`);
  return Object.assign(error, { errno: -errno, code, syscall: call, path: toBytes(path).toString('utf8') });
}
