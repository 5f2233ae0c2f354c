/** Whether a file is as the parent snapshot has it, so that it need not be read: restic's comparison, and what may be left out of it. */
import type { BigIntStats } from 'node:fs';
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
 * @param node The file as it is now, made of `stat`.
 * @param previous As the parent snapshot has it.
 */
export function isUnchanged(
  stat: BigIntStats,
  node: TreeNode,
  previous: TreeNode,
  { ignoreCtime = false, ignoreInode = false }: ChangeDetection = {},
): boolean {
  return (
    Number(stat.size) === (previous.size ?? 0) &&
    isSameTime(node.mtime, previous.mtime, stat.mtimeNs) &&
    (ignoreInode || stat.ino === (previous.inode ?? 0n)) &&
    (ignoreInode || ignoreCtime || isSameTime(node.ctime, previous.ctime, stat.ctimeNs))
  );
}

/** The text differs where the parent was made in another time zone. */
function isSameTime(text: string, previousText: string, timeNs: bigint): boolean {
  return text === previousText || parseGoTime(previousText) === timeNs;
}
