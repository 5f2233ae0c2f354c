/** File modes as restic stores them: Go's `os.FileMode` bits, against the bits of `stat`. */
import type { FileType } from '../files/file-tree.ts';

const DIRECTORY = 2 ** 31;
const SYMLINK = 2 ** 27;
const DEVICE = 2 ** 26;
const FIFO = 2 ** 25;
const SOCKET = 2 ** 24;
const SETUID = 2 ** 23;
const SETGID = 2 ** 22;
const CHARACTER_DEVICE = 2 ** 21;
const STICKY = 2 ** 20;

const TYPE_BITS: Record<FileType, number> = {
  file: 0,
  dir: DIRECTORY,
  symlink: SYMLINK,
  dev: DEVICE,
  chardev: DEVICE + CHARACTER_DEVICE,
  fifo: FIFO,
  socket: SOCKET,
};

/** @param mode `st_mode & 0o7777`. */
export function toGoMode(type: FileType, mode: number): number {
  let bits = TYPE_BITS[type] + (mode & 0o777);
  if (mode & 0o4000) bits += SETUID;
  if (mode & 0o2000) bits += SETGID;
  if (mode & 0o1000) bits += STICKY;
  return bits;
}

/** The permission bits, with setuid, setgid and sticky where `stat` has them. */
export function fromGoMode(goMode: number): number {
  let mode = goMode & 0o777;
  if (goMode & SETUID) mode |= 0o4000;
  if (goMode & SETGID) mode |= 0o2000;
  if (goMode & STICKY) mode |= 0o1000;
  return mode;
}
