/** Which entries of a snapshot a restore brings back, and which folders it must look into for them. */
import type { ByteString } from '../common/byte-string.ts';
import { compilePatterns } from '../files/patterns.ts';
import type { TreeNode } from './tree-node.ts';

export interface SelectionRequest {
  /** restic's patterns, matched with the absolute path in the snapshot; empty: everything. */
  include?: readonly string[];
  exclude?: readonly string[];
  /** Asked about what the patterns leave. A folder that it refuses is still looked into. */
  select?: (path: ByteString, node: TreeNode) => boolean;
}

export interface RestoreSelection {
  /** Whether everything is brought back, so that the snapshot's totals are the restore's. */
  readonly isEverything: boolean;
  takes(path: ByteString, node: TreeNode): boolean;
  descends(path: ByteString): boolean;
}

/** Throws Usage for malformed patterns. */
export function createSelection({ include = [], exclude = [], select }: SelectionRequest): RestoreSelection {
  const included = compilePatterns(include);
  const excluded = compilePatterns(exclude);
  const isWanted = (path: ByteString): boolean => included.isEmpty || included.matches(path);
  return {
    isEverything: included.isEmpty && excluded.isEmpty && select === undefined,
    takes: (path, node) => isWanted(path) && !excluded.matches(path) && (select?.(path, node) ?? true),
    descends: (path) => !excluded.matches(path) && (isWanted(path) || included.mayMatchBelow(path)),
  };
}
