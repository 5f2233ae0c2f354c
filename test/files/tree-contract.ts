/** What every tree of files promises, as one suite: the test file of a tree calls it with a way to open fresh ones. */
import { describe } from 'vitest';
import { describeChanges } from './tree-contract/changes.ts';
import { describeCopiers } from './tree-contract/copiers.ts';
import { describeContents } from './tree-contract/contents.ts';
import { describeListings } from './tree-contract/listings.ts';
import { describePaths } from './tree-contract/paths.ts';
import { ALL_ABILITIES, type TreeAbilities, type WithTree } from './tree-contract/tree-under-test.ts';

export type { TreeAbilities, TreeUnderTest, WithTree } from './tree-contract/tree-under-test.ts';

/** `abilities`: what this kind of tree cannot do of what a file system does. */
export function describeTreeContract(name: string, abilities: Partial<TreeAbilities>, withTree: WithTree): void {
  const all: TreeAbilities = { ...ALL_ABILITIES, ...abilities };
  describe(`${name} keeps the contract of trees`, () => {
    describeListings(withTree, all);
    describePaths(withTree, all);
    describeContents(withTree, all);
    describeChanges(withTree, all);
    describeCopiers(withTree, all);
  });
}
