/** Hard links of a restore: the first name of an inode is restored, the others are linked to it in the end. */
import { linkSync, renameSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { toBytes } from '../files/byte-path.ts';
import { openFolderBelow } from '../files/safe-folder.ts';
import { temporaryName } from '../files/temporary-name.ts';
import { removeQuietly } from './restore-entries.ts';
import type { TreeNode } from './tree-node.ts';

export interface LinkPlace {
  path: ByteString;
  folder: ByteString;
  name: ByteString;
}

interface FirstName {
  place: LinkPlace;
  node: TreeNode;
}

export class RestoreLinks {
  readonly #first = new Map<string, FirstName>();
  readonly pending: { first: LinkPlace; later: LinkPlace; node: TreeNode }[] = [];

  /** true: the entry has been restored under another name, and will be linked to it. */
  takes(place: LinkPlace, node: TreeNode): boolean {
    if ((node.links ?? 0) < 2 || node.inode === undefined) return false;
    const inode = `${node.type}:${node.device_id ?? 0n}:${node.inode}`;
    const first = this.#first.get(inode);
    if (first === undefined) {
      this.#first.set(inode, { place, node });
      return false;
    }
    // An inode number that was used anew during the backup is another file.
    if (!sameContent(first.node, node)) return false;
    this.pending.push({ first: first.place, later: place, node });
    return true;
  }
}

/** Throws Node's error. */
export function linkEntry(root: ByteString, first: LinkPlace, later: LinkPlace): void {
  using source = openFolderBelow(root, first.folder);
  using target = openFolderBelow(root, later.folder);
  const temporary = temporaryName();
  linkSync(toBytes(source.entry(first.name)), toBytes(target.entry(temporary)));
  try {
    renameSync(toBytes(target.entry(temporary)), toBytes(target.entry(later.name)));
  } finally {
    // Where both names were links of one inode already, the renaming has done nothing.
    removeQuietly(target, temporary);
  }
}

function sameContent(a: TreeNode, b: TreeNode): boolean {
  if (a.linktarget !== b.linktarget || a.device !== b.device) return false;
  const [left, right] = [a.content ?? [], b.content ?? []];
  return left.length === right.length && left.every((id, index) => id === right[index]);
}
