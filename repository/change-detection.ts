/** Whether a file is as the parent snapshot has it, so that it need not be read: restic's comparison, and what may be left out of it. */
import type { FileIdentity } from './archive-messages.ts';
import { parseGoTime } from './go-time.ts';
import type { TreeNode } from './tree-node.ts';

/** What does not count, for file systems that change it by themselves. */
export interface ChangeDetection {
  /** The change time. */
  ignoreCtime?: boolean;
  /** The inode, and with it the change time: what makes inodes up makes both up. */
  ignoreInode?: boolean;
}

/**
 * By size and modification time, and by change time and inode unless these are ignored.
 *
 * @param previous As the parent snapshot has it.
 */
export function isUnchanged(
  now: FileIdentity,
  previous: TreeNode,
  { ignoreCtime = false, ignoreInode = false }: ChangeDetection = {},
): boolean {
  return (
    now.sizeBytes === (previous.size ?? 0) &&
    // As numbers: the text differs where the parent was made in another time zone.
    parseGoTime(previous.mtime) === now.mtimeNs &&
    (ignoreInode || now.inode === (previous.inode ?? 0n)) &&
    (ignoreInode || ignoreCtime || parseGoTime(previous.ctime) === now.ctimeNs)
  );
}
