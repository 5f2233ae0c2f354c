/** Which entries of a snapshot a restore brings back, and which folders it must look into for them. */
import type { ByteString } from '../common/byte-string.ts';
import { compilePatterns, type PatternList } from '../files/patterns.ts';
import type { TreeNode } from './tree-node.ts';

export interface SelectionRequest {
  /** restic's patterns, matched with the path from where the restore begins (`/a` in `SNAPSHOT:/srv` is `/srv/a`); none: everything. */
  include?: readonly string[];
  exclude?: readonly string[];
  /** Case does not count. */
  iinclude?: readonly string[];
  iexclude?: readonly string[];
  /** Asked about what the patterns leave. A folder that it refuses is still looked into. */
  select?: (path: ByteString, node: TreeNode) => boolean;
}

export interface RestoreSelection {
  /** Whether everything is brought back, so that the snapshot's totals are the restore's. */
  readonly isEverything: boolean;
  takes(path: ByteString, node: TreeNode): boolean;
  descends(path: ByteString): boolean;
}

/**
 * Throws Usage for malformed patterns.
 * @param prefix Of all paths that are asked about: the folder of the snapshot where the restore begins.
 */
export function createSelection(request: SelectionRequest, prefix = '' as ByteString): RestoreSelection {
  const { include = [], exclude = [], iinclude = [], iexclude = [], select } = request;
  const included = compileBoth(include, iinclude);
  const excluded = compileBoth(exclude, iexclude);
  const below = (path: ByteString): ByteString => path.slice(prefix.length) as ByteString;
  const isWanted = (path: ByteString): boolean =>
    included.length === 0 || included.some((patterns) => patterns.matches(below(path)));
  const isExcluded = (path: ByteString): boolean => excluded.some((patterns) => patterns.matches(below(path)));
  return {
    isEverything: included.length === 0 && excluded.length === 0 && select === undefined,
    takes: (path, node) => isWanted(path) && !isExcluded(path) && (select?.(path, node) ?? true),
    descends: (path) =>
      !isExcluded(path) && (isWanted(path) || included.some((patterns) => patterns.mayMatchBelow(below(path)))),
  };
}

/** The lists that are not empty. */
function compileBoth(patterns: readonly string[], caseless: readonly string[]): PatternList[] {
  const lists = [compilePatterns(patterns), compilePatterns(caseless, { ignoreCase: true })];
  return lists.filter(({ isEmpty }) => !isEmpty);
}
