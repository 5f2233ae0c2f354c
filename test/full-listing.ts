/** All that a look at a folder and what it holds could tell: for what may not be touched, not even for a nanosecond. */
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** By path, the folder itself included: content, mode, owner, inode, and the times of content and entry. */
export async function fullListing(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of ['', ...(await readdir(folder, { recursive: true })).toSorted()]) {
    const path = join(folder, name);
    const stats = await lstat(path, { bigint: true });
    const content = stats.isFile()
      ? await readFile(path, 'latin1')
      : stats.isSymbolicLink()
        ? await readlink(path)
        : '';
    const { mode, uid, gid, ino, mtimeNs, ctimeNs } = stats;
    found[name] = [content, mode, uid, gid, ino, mtimeNs, ctimeNs].join(' ');
  }
  return found;
}
