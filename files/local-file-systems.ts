/** File systems that belong to this machine alone: nobody writes to them past its kernel. */
import { statfsSync } from 'node:fs';

/**
 * `f_type` of statfs(2): ext2 to ext4, XFS, Btrfs, F2FS, tmpfs. Network and user-space file systems promise less, and
 * others may stand on one of these.
 */
const LOCAL: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x01021994]);

/** false also where it cannot be found out. Throws Node's error when the folder cannot be looked at. */
export function isOnLocalFileSystem(folder: string | Buffer): boolean {
  return process.platform === 'linux' && LOCAL.has(statfsSync(folder).type);
}
