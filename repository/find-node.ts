/** One entry of a snapshot by its path. */
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError, NotFoundError } from '../common/errors.ts';
import { displayPath } from '../files/byte-path.ts';
import type { Repository } from './repository.ts';
import { decodeTree, type TreeNode } from './tree-node.ts';

/**
 * Reads only the trees on the way. undefined when there is no such entry; IntegrityError when a tree on the way is
 * missing or damaged. The index must be loaded; `path` is absolute, and not the root.
 */
export async function findNode(
  repository: Repository,
  treeId: string,
  path: ByteString,
  signal?: AbortSignal,
): Promise<TreeNode | undefined> {
  let tree: string | undefined = treeId;
  let node: TreeNode | undefined;
  let folder = '' as ByteString;
  for (const name of path.slice(1).split('/')) {
    if (tree === undefined) return undefined;
    node = (await readTree(repository, tree, folder, signal)).find((candidate) => candidate.name === name);
    if (node === undefined) return undefined;
    tree = node.type === 'dir' ? node.subtree : undefined;
    folder = `${folder}/${name}` as ByteString;
  }
  return node;
}

async function readTree(
  repository: Repository,
  id: string,
  folder: ByteString,
  signal: AbortSignal | undefined,
): Promise<TreeNode[]> {
  try {
    return decodeTree(await repository.loadBlob('tree', id, signal === undefined ? {} : { signal }));
  } catch (cause) {
    if (!(cause instanceof IntegrityError || cause instanceof NotFoundError)) throw cause;
    throw new IntegrityError(`the folder ${displayPath(folder) || '/'} cannot be read: ${cause.message}`, {
      hint: 'run holdfast check on the repository; another snapshot may hold the folder whole',
      cause,
    });
  }
}
