/** Snapshots put together node by node, however wrong, and restored. */
import { join } from 'node:path';
import type { ByteString } from '../../common/byte-string.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { toGoMode } from '../../repository/go-file-mode.ts';
import type { Repository } from '../../repository/repository.ts';
import { restore, type RestoreRequest, type RestoreResult } from '../../repository/restore.ts';
import { encodeTree, type TreeNode } from '../../repository/tree-node.ts';

export const TIME = '2026-11-22T10:00:00.123456789Z';

export function node(name: string, type: string, rest: Partial<TreeNode> = {}): TreeNode {
  const mode = toGoMode(type === 'dir' ? 'dir' : 'file', type === 'dir' ? 0o755 : 0o644);
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const times = { mtime: TIME, atime: TIME, ctime: TIME };
  return { name: name as ByteString, type, mode, ...times, ...owner, content: null, ...rest };
}

export async function file(repository: Repository, name: string, ...blobs: (string | Buffer)[]): Promise<TreeNode> {
  const content: string[] = [];
  for (const blob of blobs) content.push((await repository.saveBlob('data', Buffer.from(blob as string))).id);
  return node(name, 'file', { content, size: blobs.reduce((sum, blob) => sum + blob.length, 0), links: 1 });
}

export async function folderNode(repository: Repository, name: string, nodes: TreeNode[]): Promise<TreeNode> {
  return node(name, 'dir', { subtree: (await repository.saveBlob('tree', encodeTree(nodes))).id });
}

/** A snapshot with these nodes at its root, in the order given, however wrong. */
export async function snapshotOf(repository: Repository, nodes: TreeNode[]): Promise<Snapshot> {
  const { id: tree } = await repository.saveBlob('tree', encodeTree(nodes));
  await repository.flush();
  await repository.saveIndex();
  const snapshot = { time: TIME, tree, paths: ['/'], hostname: 'app-01', username: 'root' };
  return { ...snapshot, id: await repository.saveSnapshot(snapshot) };
}

export async function restoreNodes(
  repository: Repository,
  folder: string,
  nodes: TreeNode[],
  request: Partial<RestoreRequest> = {},
): Promise<RestoreResult & { target: string }> {
  const snapshot = await snapshotOf(repository, nodes);
  const target = join(folder, 'outer', 'target');
  return { ...(await restore(repository, { snapshot, target, ...request })), target };
}

export const codes = ({ problems }: RestoreResult): string[] => problems.map(({ code }) => code);
