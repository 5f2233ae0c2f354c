/** Hard links of a restore: the first name of an inode is restored, the others are linked to it in the end. */
import { linkSync, lstatSync, renameSync, type BigIntStats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { ByteString } from '../common/byte-string.ts';
import { throwIfAborted } from '../common/errors.ts';
import { displayPath, toBytes } from '../files/byte-path.ts';
import { errorCode } from '../files/file-errors.ts';
import { openFolderBelow } from '../files/safe-folder.ts';
import { temporaryName } from '../files/temporary-name.ts';
import { isKept } from './compare-entries.ts';
import { parseGoTime } from './go-time.ts';
import type { RestoreRequest } from './restore.ts';
import { removeQuietly } from './restore-entries.ts';
import { problemCodeOf } from './restore-messages.ts';
import type { RestoreReport } from './restore-report.ts';
import type { TreeNode } from './tree-node.ts';

/** Links are made in a row no longer than this before others get their turn. */
const SLICE_MS = 5;

export interface LinkPlace {
  path: ByteString;
  folder: ByteString;
  name: ByteString;
}

export interface PlacedNode {
  place: LinkPlace;
  node: TreeNode;
}

export interface LinkTarget {
  request: RestoreRequest;
  report: RestoreReport;
  /** Absent in a dry run into a folder that is not there. */
  root: ByteString | undefined;
  /** Places have to be looked at: something may be there. */
  compares: boolean;
}

interface Link {
  first: LinkPlace;
  later: LinkPlace;
  node: TreeNode;
}

export class RestoreLinks {
  readonly #first = new Map<string, PlacedNode>();
  #pending: Link[] = [];

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
    this.#pending.push({ first: first.place, later: place, node });
    return true;
  }

  /**
   * The links whose first name is not there, or is something else that stays or could not be replaced: one of each inode,
   * to be restored with content of its own. The others wait for that one, so that this has to be asked again.
   */
  takeOrphans(target: LinkTarget): PlacedNode[] {
    const orphans = new Map<ByteString, PlacedNode>();
    if (target.report.exempt.size === 0) return [];
    this.#pending = this.#pending.filter((link) => {
      const { first, later, node } = link;
      if (isFirstRestored(target, link) || isLeft(target, later, node)) return true;
      const orphan = orphans.get(first.path);
      if (orphan === undefined) orphans.set(first.path, { place: later, node });
      else link.first = orphan.place;
      return orphan !== undefined;
    });
    return [...orphans.values()];
  }

  /** When all first names are there. What cannot be linked is told. Throws InterruptedError. */
  async make(target: LinkTarget): Promise<void> {
    const { request, report } = target;
    let sliceStart = performance.now();
    for (const link of this.#pending) {
      throwIfAborted(request.signal);
      try {
        makeLink(target, link);
      } catch (error) {
        const code = errorCode(error) ?? String(error);
        const message = `it could not be linked to /${displayPath(link.first.path)} (${code})`;
        report.addProblem(problemCodeOf(code), link.later.path, message);
      }
      if (performance.now() - sliceStart < SLICE_MS) continue;
      await setImmediate();
      sliceStart = performance.now();
    }
  }
}

/** Also what stays in its place may be the snapshot's: what has the size and the time of a file is that. */
function isFirstRestored({ request, report, root }: LinkTarget, { first, node }: Link): boolean {
  if (!report.exempt.has(first.path)) return true;
  const stats = root === undefined ? undefined : statOf(root, first);
  return (
    stats?.isFile() === true &&
    node.type === 'file' &&
    isKept(request.overwrite ?? 'always', stats, { node }) &&
    stats.size === BigInt(node.size ?? 0) &&
    stats.mtimeNs === parseGoTime(node.mtime)
  );
}

/** Whether something stands in the place that stays there. */
function isLeft({ request, root, compares }: LinkTarget, place: LinkPlace, node: TreeNode): boolean {
  const stats = compares && root !== undefined ? statOf(root, place) : undefined;
  return stats !== undefined && isKept(request.overwrite ?? 'always', stats, { node });
}

function makeLink({ request, report, root, compares }: LinkTarget, { first, later, node }: Link): void {
  const there = compares ? statOf(root!, later) : undefined;
  if (there !== undefined) {
    const kept = isKept(request.overwrite ?? 'always', there, { node });
    const same = !kept && statOf(root!, first)?.ino === there.ino;
    if (kept) report.exempt.add(later.path);
    if (kept || same) return report.unchanged(later.path, 0);
    report.counts.updated++;
  }
  if (request.dryRun !== true) linkEntry(root!, first, later);
  report.counts.files++;
  report.tell(there === undefined ? 'restored' : 'updated', later.path, 0);
}

function statOf(root: ByteString, { folder: path, name }: LinkPlace): BigIntStats | undefined {
  try {
    using folder = openFolderBelow(root, path);
    return lstatSync(toBytes(folder.entry(name)), { bigint: true });
  } catch {
    return undefined;
  }
}

/** Throws Node's error. */
function linkEntry(root: ByteString, first: LinkPlace, later: LinkPlace): void {
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
