/** Entries of many snapshots that patterns match: a folder that is the same in several snapshots is read once. */
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import { displayPath, isEntryName } from '../files/byte-path.ts';
import { compilePatterns } from '../files/patterns.ts';
import type { Repository } from './repository.ts';
import { decodeTree, type TreeNode } from './tree-node.ts';
import type { SnapshotEntry } from './walk-snapshot.ts';

/** What was found below a folder, shared by all snapshots that hold this folder in this place. */
interface FoundFolder {
  /** In the order of a walk: an entry that matches, or what was found below one. */
  items: (SnapshotEntry | FoundFolder)[];
  /** Trees that could not be read, here and not below. */
  damage: { path: ByteString; error: Error }[];
}

export interface EntryFinder {
  /** The matches in the tree of a snapshot, in the order of a walk, and the folders that could not be looked into. */
  find(treeId: string): Promise<{ entries: Iterable<SnapshotEntry>; damage: { path: ByteString; error: Error }[] }>;
  /** Trees read so far. */
  readonly treesRead: number;
}

const NOTHING: FoundFolder = { items: [], damage: [] };

/**
 * restic's `find`: an entry is found when one of the patterns matches its path, or a folder above it; a `!` is a
 * character like others. Memory is bounded by the distinct folders and matches. The index must be loaded. Throws Usage
 * for malformed patterns.
 */
export function createEntryFinder(
  repository: Repository,
  patterns: readonly string[],
  signal?: AbortSignal,
): EntryFinder {
  const wanted = compilePatterns(patterns.map((text) => (text.startsWith('!') ? `\\${text}` : text)));
  // What a pattern matches depends on the path too: the same tree in another place is another folder.
  const known = new Map<string, FoundFolder>();
  let treesRead = 0;

  const visit = async (path: ByteString, treeId: string): Promise<FoundFolder> => {
    const key = `${treeId}${path}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    throwIfAborted(signal);
    const folder: FoundFolder = { items: [], damage: [] };
    treesRead++;
    for (const node of await readTree(path, treeId, folder)) {
      const below = `${path}/${node.name}` as ByteString;
      if (wanted.matches(below)) folder.items.push({ path: below, node });
      if (node.type !== 'dir' || node.subtree === undefined || !wanted.mayMatchBelow(below)) continue;
      const found = await visit(below, node.subtree);
      if (found !== NOTHING) folder.items.push(found);
    }
    const result = folder.items.length === 0 && folder.damage.length === 0 ? NOTHING : folder;
    known.set(key, result);
    return result;
  };

  const readTree = async (path: ByteString, treeId: string, folder: FoundFolder): Promise<TreeNode[]> => {
    const refuse = (error: Error): void => void folder.damage.push({ path, error });
    try {
      const nodes = decodeTree(await repository.loadBlob('tree', treeId, signal === undefined ? {} : { signal }));
      return nodes.filter((node) => {
        const isName = isEntryName(node.name);
        if (!isName)
          refuse(new IntegrityError(`it holds an entry that no folder can have: "${displayPath(node.name)}"`));
        else if (node.type === 'dir' && node.subtree === undefined)
          refuse(new IntegrityError(`its folder ${displayPath(node.name)} has no tree`));
        return isName;
      });
    } catch (error) {
      if (!(error instanceof IntegrityError || error instanceof NotFoundError)) throw error;
      refuse(error);
      return [];
    }
  };

  return {
    async find(treeId) {
      const root = await visit('' as ByteString, treeId);
      return { entries: entriesOf(root), damage: [...damageOf(root)] };
    },
    get treesRead() {
      return treesRead;
    },
  };
}

function* entriesOf(folder: FoundFolder): Generator<SnapshotEntry> {
  for (const item of folder.items) {
    if ('node' in item) yield item;
    else yield* entriesOf(item);
  }
}

function* damageOf(folder: FoundFolder): Generator<{ path: ByteString; error: Error }> {
  yield* folder.damage;
  for (const item of folder.items) if (!('node' in item)) yield* damageOf(item);
}
