/** What `lstat` tells about an entry, as the FileTree contract holds it. */
import { type BigIntStats, readlinkSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { toBytes } from './byte-path.ts';
import type { FileEntry, FileType } from './file-tree.ts';
import { typeOfMode } from './file-type.ts';

/** @param mode `st_mode`. */
export function fileTypeOf(mode: number): FileType {
  return typeOfMode(mode) ?? 'file';
}

/**
 * @param path How the tree calls the entry.
 * @param systemPath How the system reaches it, for a link's target.
 */
export function toFileEntry(path: ByteString, stats: BigIntStats, systemPath: ByteString): FileEntry {
  const mode = Number(stats.mode);
  const type = fileTypeOf(mode);
  const entry: FileEntry = {
    path,
    type,
    mode: mode & 0o7777,
    sizeBytes: Number(stats.size),
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    inode: stats.ino,
    device: stats.dev,
    links: Number(stats.nlink),
  };
  if (type === 'symlink') entry.linkTarget = readlinkSync(toBytes(systemPath), 'latin1') as ByteString;
  return entry;
}
