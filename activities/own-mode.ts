/** What the owner of a copy must be able to do with it, so that the next run can read it. */
import type { FileEntry } from '../files/file-tree.ts';

/** Permission bits to add; none where permissions do not hold this process back. */
export function ownMode({ overrides }: { overrides: boolean }): { dir: number; file: number } {
  return overrides ? { dir: 0, file: 0 } : { dir: 0o500, file: 0o400 };
}

/** What this account could read in the source it lets its owner read in the target. Links have no mode of their own. */
export function withOwnMode(rights: { overrides: boolean }, entry: FileEntry): FileEntry {
  const { dir, file } = ownMode(rights);
  const wanted = entry.type === 'symlink' ? 0 : entry.type === 'dir' ? dir : file;
  return (entry.mode & wanted) === wanted ? entry : { ...entry, mode: entry.mode | wanted };
}
