/** The parent snapshot's side of a backup: what was there the last time, folder by folder. */
import type { ByteString } from '../common/byte-string.ts';
import type { Repository } from './repository.ts';
import { decodeTree, type TreeNode } from './tree-node.ts';

/** The entries of a folder as the parent snapshot has them. */
export type ParentFolder = ReadonlyMap<ByteString, TreeNode>;

/** Loads the folder of a tree; undefined for no tree, and for one that cannot be read: its files are then read again. */
export async function loadParentFolder(
  repository: Repository,
  treeId: string | undefined,
  options: { signal?: AbortSignal | undefined; onError?: (treeId: string, error: unknown) => void } = {},
): Promise<ParentFolder | undefined> {
  if (treeId === undefined) return undefined;
  try {
    const content = await repository.loadBlob('tree', treeId, {
      ...(options.signal ? { signal: options.signal } : {}),
    });
    return new Map(decodeTree(content).map((node) => [node.name, node]));
  } catch (error) {
    if (options.signal?.aborted) throw error;
    options.onError?.(treeId, error);
    return undefined;
  }
}

/** How many entries the snapshot's folder at the absolute path has; undefined when it has no such folder. */
export async function countParentEntries(
  repository: Repository,
  rootTreeId: string,
  path: ByteString,
  signal?: AbortSignal,
): Promise<number | undefined> {
  let folder = await loadParentFolder(repository, rootTreeId, { signal });
  for (const name of path.split('/').filter((part) => part !== '') as ByteString[]) {
    folder = await loadParentFolder(repository, folder?.get(name)?.subtree, { signal });
  }
  return folder?.size;
}
