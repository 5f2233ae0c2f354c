/** The contract of trees for a bucket's service: called by the test file of each. */
import type { Bucket } from '../../storage/bucket.ts';
import { openBucketTree } from '../../storage/bucket-tree.ts';
import type { FileTree } from '../../files/file-tree.ts';
import { describeTreeContract } from '../files/tree-contract.ts';

/** @param open Opens the bucket, with this prefix. */
export function describeBucketTree(name: string, open: (prefix: string) => Promise<Bucket>): void {
  let places = 0;
  const abilities = { anyBytes: false, controlCharacters: false, foldersAbove: false };
  describeTreeContract(name, abilities, async (body) => {
    const place = `trees/${(places += 1)}`;
    const opened: FileTree[] = [];
    const openAt = async (path: string): Promise<FileTree> => {
      const tree = openBucketTree(await open(`${place}${path}`));
      opened.push(tree);
      return tree;
    };
    const top = `${place}/root`;
    const looked = await open(top);
    try {
      const tree = await openAt('/root');
      await tree.makeFolder('' as never, {});
      await body({
        tree,
        reopen: () => openAt('/root'),
        openMissing: async () => ({ missing: await openAt('/missing/root'), above: await openAt('') }),
        async stored() {
          const keys: string[] = [];
          const marker = `${top}/`;
          for await (const { key } of looked.list(marker)) if (key !== marker) keys.push(key.slice(marker.length));
          return keys;
        },
      });
    } finally {
      await Promise.all(opened.map((tree) => tree.close()));
      looked.close();
    }
  });
}
