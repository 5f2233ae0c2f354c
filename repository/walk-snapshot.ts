/** The walk through a snapshot's trees: every entry with its path, a folder before its content. */
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import { displayPath, isEntryName } from '../files/byte-path.ts';
import type { Repository } from './repository.ts';
import { decodeTree, type TreeNode } from './tree-node.ts';

export interface WalkSnapshotOptions {
  signal?: AbortSignal;
  /** Reads a tree; default: one by one from the repository. */
  loadTree?: (id: string, signal?: AbortSignal) => Promise<Buffer>;
  /** The path of the tree that the walk starts with; default: the snapshot's root, the empty path. */
  root?: ByteString;
  /** false: nothing below this folder is wanted, and its tree is not read. */
  descend?: (path: ByteString, node: TreeNode) => boolean;
  /** Told of a tree that cannot be read and of a name that no folder can have; the walk goes on. Without it the error is thrown. */
  onError?: (path: ByteString, error: unknown) => void;
}

export interface SnapshotEntry {
  /** Absolute in the snapshot: `/srv/orders/a`. */
  path: ByteString;
  node: TreeNode;
}

interface OpenTree {
  path: ByteString;
  nodes: TreeNode[];
  next: number;
}

/**
 * Pre-order, siblings in the order of their tree: by their bytes, where restic or holdfast wrote it. Names that would
 * lead elsewhere (`..`, a slash, NUL) are never part of a path. The index must be loaded; memory is bounded by the
 * trees on the way down.
 */
export async function* walkSnapshot(
  repository: Repository,
  treeId: string,
  options: WalkSnapshotOptions = {},
): AsyncGenerator<SnapshotEntry> {
  const refuse = (path: ByteString, error: unknown): void => {
    if (options.onError === undefined || options.signal?.aborted) throw error;
    options.onError(path, error);
  };
  const loadTree = options.loadTree ?? ((id, signal) => repository.loadBlob('tree', id, { signal }));
  const stack: OpenTree[] = [];
  const push = async (path: ByteString, id: string): Promise<void> => {
    try {
      const nodes = decodeTree(await loadTree(id, options.signal));
      stack.push({ path, nodes, next: 0 });
    } catch (error) {
      refuse(path, error instanceof NotFoundError ? missingTree(path, error) : error);
    }
  };
  await push(options.root ?? ('' as ByteString), treeId);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    throwIfAborted(options.signal);
    const node = top.nodes[top.next++];
    if (node === undefined) {
      stack.pop();
      continue;
    }
    if (!isEntryName(node.name)) {
      refuse(top.path, invalidName(top.path, node.name));
      continue;
    }
    const path = `${top.path}/${node.name}` as ByteString;
    yield { path, node };
    if (node.type !== 'dir' || options.descend?.(path, node) === false) continue;
    if (node.subtree === undefined) refuse(path, new IntegrityError(`the folder ${displayPath(path)} has no tree`));
    else await push(path, node.subtree);
  }
}

/** A tree that a snapshot names must be there: that it is not is damage, not a wrong question. */
function missingTree(path: ByteString, cause: NotFoundError): IntegrityError {
  return new IntegrityError(`the tree of ${displayPath(path) || '/'} is missing: ${cause.message}`, {
    cause,
    hint: 'Run "holdfast check" to see what else is missing.',
  });
}

function invalidName(folder: ByteString, name: ByteString): IntegrityError {
  return new IntegrityError(
    `the snapshot's folder ${displayPath(folder) || '/'} holds an entry that no folder can have: "${displayPath(name)}"`,
    { hint: 'Do not trust this repository: neither restic nor holdfast writes such names.' },
  );
}
