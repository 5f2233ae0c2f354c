/** One entry of a snapshot by its path. */
import type { ByteString } from '../common/byte-string.ts';
import type { Repository } from './repository.ts';
import { decodeTree, type TreeNode } from './tree-node.ts';

/** Reads only the trees on the way. undefined when there is no such entry. The index must be loaded; `path` is absolute, and not the root. */
export async function findNode(
  repository: Repository,
  treeId: string,
  path: ByteString,
  signal?: AbortSignal,
): Promise<TreeNode | undefined> {
  let tree: string | undefined = treeId;
  let node: TreeNode | undefined;
  for (const name of path.slice(1).split('/')) {
    if (tree === undefined) return undefined;
    const nodes = decodeTree(await repository.loadBlob('tree', tree, signal === undefined ? {} : { signal }));
    node = nodes.find((candidate) => candidate.name === name);
    tree = node?.type === 'dir' ? node.subtree : undefined;
    if (node === undefined) return undefined;
  }
  return node;
}
