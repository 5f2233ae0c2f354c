/** What the mode of an entry says that it is. */
import type { FileType } from './file-tree.ts';

/** `st_mode` of POSIX systems; SFTP has the same bits. */
const TYPES: Readonly<Record<number, FileType>> = {
  0o010000: 'fifo',
  0o020000: 'chardev',
  0o040000: 'dir',
  0o060000: 'dev',
  0o100000: 'file',
  0o120000: 'symlink',
  0o140000: 'socket',
};

const TYPE_MASK = 0o170000;

/** undefined: the mode does not say it, as in the listings of some SFTP servers. */
export function typeOfMode(mode: number): FileType | undefined {
  return TYPES[mode & TYPE_MASK];
}
