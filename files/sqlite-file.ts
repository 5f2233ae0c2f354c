/** SQLite databases, told by the header of the file (https://sqlite.org/fileformat.html). */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { toBytes } from './byte-path.ts';

const HEADER = Buffer.from('SQLite format 3\0', 'latin1');

/** false also where it may not be read. */
export function isSqliteFile(path: ByteString): boolean {
  try {
    const descriptor = openSync(toBytes(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const start = Buffer.alloc(HEADER.length);
      return readSync(descriptor, start, 0, start.length, 0) === start.length && start.equals(HEADER);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false;
  }
}
