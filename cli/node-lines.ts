/** How an entry of a snapshot is listed: as a line for people, as a JSON document for programs. */
import type { ByteString } from '../common/byte-string.ts';
import { displayPath, toText } from '../files/byte-path.ts';
import { fromGoMode } from '../repository/go-file-mode.ts';
import type { TreeNode } from '../repository/tree-node.ts';
import { displayText, displayTime } from './display.ts';

/** Names that are not UTF-8 are given as base64 too. */
export function describePath(path: ByteString): { path: string; path_raw?: string } {
  const text = toText(path);
  if (text !== undefined) return { path: text };
  return { path: displayPath(path), path_raw: Buffer.from(path, 'latin1').toString('base64') };
}

export function describeNode(path: ByteString, node: TreeNode): Record<string, unknown> {
  return {
    ...describePath(path),
    type: node.type,
    mode: fromGoMode(node.mode ?? 0),
    uid: node.uid,
    gid: node.gid,
    user: node.user,
    group: node.group,
    size: node.type === 'file' ? (node.size ?? 0) : undefined,
    mtime: node.mtime,
    linktarget: node.linktarget === undefined ? undefined : displayPath(node.linktarget),
  };
}

/** As `ls -l` shows an entry. */
export function longLine(path: ByteString, node: TreeNode): string {
  const user = node.user === undefined ? String(node.uid) : displayText(node.user);
  const group = node.group === undefined ? String(node.gid) : displayText(node.group);
  const target = node.linktarget === undefined ? '' : ` -> ${displayPath(node.linktarget)}`;
  const size = String(node.size ?? 0).padStart(12);
  return `${modeString(node)} ${user.padEnd(8)} ${group.padEnd(8)} ${size} ${displayTime(node.mtime)} ${displayPath(path)}${target}`;
}

const TYPE_LETTERS: Record<string, string> = {
  file: '-',
  dir: 'd',
  symlink: 'l',
  fifo: 'p',
  socket: 's',
  chardev: 'c',
  dev: 'b',
};

/** As `ls -l` writes it: `drwxr-x---`. */
function modeString(node: TreeNode): string {
  const mode = fromGoMode(node.mode ?? 0);
  const bits = [8, 7, 6, 5, 4, 3, 2, 1, 0].map((bit) => ((mode >> bit) & 1 ? 'rwxrwxrwx'[8 - bit]! : '-'));
  const special = (index: number, bit: number, letter: string): void => {
    if (mode & bit) bits[index] = bits[index] === 'x' ? letter : letter.toUpperCase();
  };
  special(2, 0o4000, 's');
  special(5, 0o2000, 's');
  special(8, 0o1000, 't');
  return (TYPE_LETTERS[node.type] ?? '?') + bits.join('');
}
