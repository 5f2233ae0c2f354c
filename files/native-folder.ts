/** Making entries in a folder that is held open, relative to its descriptor: a third of the work of Node's calls on a path below /proc/self/fd. */
import { createRequire } from 'node:module';
import { constants } from 'node:fs';
import type Koffi from 'koffi';
import type { ByteString } from '../common/byte-string.ts';
import { toCString } from './byte-path.ts';
import { systemError, writeTimes, type EntryTimes } from './native-metadata.ts';

/** Linux's, which Node does not name: what is opened is not handed to child processes. */
const O_CLOEXEC = 0o2000000;
const AT_SYMLINK_NOFOLLOW = 0x100;

/** The kernel takes no longer names. */
const LONGEST_NAME = 255;

/**
 * Names are bytes; none may hold a slash or NUL. A symbolic link under the name is never followed. Failures are
 * `NodeJS.ErrnoException` with the code that Node would give (`EEXIST`, `ENOSPC`, …).
 */
export interface NativeFolderCalls {
  /**
   * Opens an entry of the folder; the caller gives the descriptor back to `close`, because Node does not know of it.
   * @param mode Permission bits of a file that is made, lessened by the umask.
   */
  open(folder: number, name: ByteString, flags: number, mode: number): number;
  close(descriptor: number): void;
  /** @param mode Permission bits, lessened by the umask. */
  makeFolder(folder: number, name: ByteString, mode: number): void;
  makeLink(folder: number, name: ByteString, target: ByteString): void;
  setTimes(folder: number, name: ByteString, times: EntryTimes): void;
  /** Within one folder; replaces what has the new name, but no folder. */
  rename(folder: number, from: ByteString, to: ByteString): void;
}

/** One instance a thread. */
export function loadNativeFolderCalls(): NativeFolderCalls {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const own = koffi.load(null);
  const openat = own.func('int openat(int folder, const uint8_t *name, int flags, unsigned int mode)');
  const close = own.func('int close(int descriptor)');
  const mkdirat = own.func('int mkdirat(int folder, const uint8_t *name, unsigned int mode)');
  const symlinkat = own.func('int symlinkat(const uint8_t *target, int folder, const uint8_t *name)');
  const utimensat = own.func('int utimensat(int folder, const uint8_t *name, const uint8_t *times, int flags)');
  const renameat = own.func('int renameat(int folder, const uint8_t *from, int to_folder, const uint8_t *to)');
  const times = Buffer.alloc(32);
  const memory = Buffer.alloc(LONGEST_NAME + 1);
  const nameOf = (name: ByteString): Buffer => {
    if (name.length > LONGEST_NAME) return toCString(name);
    memory[memory.write(name, 'latin1')] = 0;
    return memory;
  };
  const check = (result: number, call: string, name: ByteString): number => {
    if (result === -1) throw systemError(koffi.errno(), call, name);
    return result;
  };
  return {
    open: (folder, name, flags, mode) =>
      check(openat(folder, nameOf(name), flags | constants.O_NOFOLLOW | O_CLOEXEC, mode) as number, 'openat', name),
    close: (descriptor) => void check(close(descriptor) as number, 'close', String(descriptor) as ByteString),
    makeFolder: (folder, name, mode) => void check(mkdirat(folder, nameOf(name), mode) as number, 'mkdirat', name),
    makeLink: (folder, name, target) =>
      void check(symlinkat(toCString(target), folder, nameOf(name)) as number, 'symlinkat', name),
    setTimes(folder, name, entryTimes) {
      writeTimes(times, entryTimes);
      check(utimensat(folder, nameOf(name), times, AT_SYMLINK_NOFOLLOW) as number, 'utimensat', name);
    },
    rename: (folder, from, to) =>
      void check(renameat(folder, toCString(from), folder, nameOf(to)) as number, 'renameat', to),
  };
}
