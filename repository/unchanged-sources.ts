/** Whether a backup found its sources as the parent snapshot has them. */
import type { ByteString } from '../common/byte-string.ts';
import type { Repository } from './repository.ts';
import type { SourceFolder } from './source-tree.ts';
import { decodeTree, encodeNode, type TreeNode } from './tree-node.ts';

/**
 * Compares two root trees. Of folders that only lead to sources their names count, but not their times and the like: `/tmp`
 * changes all the time. The repository must have what lies on the way to the sources in both.
 */
export async function areSourcesUnchanged(
  repository: Repository,
  plan: SourceFolder,
  treeId: string,
  parentTreeId: string,
  signal?: AbortSignal,
): Promise<boolean> {
  if (treeId === parentTreeId) return true;
  if (plan.isSource) return false;
  const load = async (id: string): Promise<TreeNode[]> =>
    decodeTree(await repository.loadBlob('tree', id, signal ? { signal } : {}));
  const [nodes, parentNodes] = await Promise.all([load(treeId), load(parentTreeId)]);
  if (nodes.length !== parentNodes.length) return false;
  for (const [index, node] of nodes.entries()) {
    const before = parentNodes[index]!;
    const child = plan.children.get(node.name as ByteString);
    if (child === undefined || child.isSource || node.subtree === undefined || before.subtree === undefined) {
      if (encodeNode(node) !== encodeNode(before)) return false;
      continue;
    }
    if (node.name !== before.name) return false;
    if (!(await areSourcesUnchanged(repository, child, node.subtree, before.subtree, signal))) return false;
  }
  return true;
}
