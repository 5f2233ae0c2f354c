/** The entries of a snapshot that a restore meets, with the place that each gets below the target. */
import type { ByteString } from '../common/byte-string.ts';
import { NotFoundError } from '../common/errors.ts';
import { baseName, displayPath, fromText, parentPath } from '../files/byte-path.ts';
import type { Repository } from './repository.ts';
import { decodeTree, type TreeNode } from './tree-node.ts';
import type { TreeReader } from './tree-reader.ts';
import { walkSnapshot, type SnapshotEntry } from './walk-snapshot.ts';

/** Where a restore begins in a snapshot. */
export interface RestoreStart {
  /** Goes away from the front of every path: empty, or `/srv/orders`. */
  prefix: ByteString;
  /** The tree whose entries go into the target; absent when the sub-path names one file. */
  treeId?: string;
  file?: TreeNode;
}

/** Throws NotFoundError when the snapshot has no such path, IntegrityError when its trees cannot be read. */
export async function findStart(
  repository: Repository,
  rootTree: string,
  subPath: string | undefined,
  signal?: AbortSignal,
): Promise<RestoreStart> {
  const names = fromText(subPath ?? '')
    .split('/')
    .filter((name) => name !== '' && name !== '.');
  let start: RestoreStart = { prefix: '' as ByteString, treeId: rootTree };
  for (const name of names) {
    const nodes =
      start.treeId === undefined ? [] : decodeTree(await repository.loadBlob('tree', start.treeId, { signal }));
    const node = nodes.find((candidate) => candidate.name === name);
    const path = `${start.prefix}/${name}` as ByteString;
    if (node === undefined) {
      throw new NotFoundError(`the snapshot has no ${displayPath(path)}`, {
        hint: 'List what it has with "holdfast ls".',
      });
    }
    if (node.type === 'dir') start = { prefix: path, treeId: node.subtree };
    else start = { prefix: start.prefix, file: node };
  }
  return start;
}

export interface RestoreWalkOptions {
  signal?: AbortSignal;
  trees: TreeReader;
  descend: (path: ByteString, node: TreeNode) => boolean;
  /** Told the path below the target. */
  onError: (path: ByteString, error: unknown) => void;
}

export async function* walkFrom(
  repository: Repository,
  start: RestoreStart,
  options: RestoreWalkOptions,
): AsyncGenerator<SnapshotEntry> {
  if (start.file !== undefined) {
    yield { path: `${start.prefix}/${start.file.name}` as ByteString, node: start.file };
  } else if (start.treeId !== undefined) {
    const { trees, ...walk } = options;
    const onError = (path: ByteString, error: unknown): void => options.onError(placeOf(start, path).path, error);
    const loadTree = trees.load.bind(trees);
    yield* walkSnapshot(repository, start.treeId, { ...walk, loadTree, onError, root: start.prefix });
  }
}

/** The path below the target; and apart, its folder and its name. */
export function placeOf(
  start: RestoreStart,
  path: ByteString,
): { path: ByteString; folder: ByteString; name: ByteString } {
  const below = path.slice(start.prefix.length + 1) as ByteString;
  return { path: below, folder: parentPath(below), name: baseName(below) };
}
