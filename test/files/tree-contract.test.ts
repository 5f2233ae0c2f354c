import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEncryptedTree } from '../../files/encrypted-tree.ts';
import { withinDiskKeeps } from '../../files/disk-keeps.ts';
import type { FileTree } from '../../files/file-tree.ts';
import { openFoldedTree } from '../../files/folded-tree.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { throttledTree } from '../../storage/throttled-tree.ts';
import { cryptSettings } from './real-rclone.ts';
import { countOpenFiles } from './tree-contract/open-files.ts';
import { describeTreeContract, type WithTree } from './tree-contract.ts';

const SECRETS = { password: 'correct horse', salt: 'battery staple' };
const crypt = cryptSettings(SECRETS);
const plainNames = cryptSettings(SECRETS, 'plain');

/** Trees on a folder of this machine. */
function onFolder(open: (folder: string) => Promise<FileTree>): WithTree {
  return async (body) => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-trees-'));
    const root = join(folder, 'root');
    const opened: FileTree[] = [];
    const openAt = async (path: string): Promise<FileTree> => {
      const tree = await open(path);
      opened.push(tree);
      return tree;
    };
    try {
      await mkdir(root);
      await body({
        tree: await openAt(root),
        reopen: () => openAt(root),
        openMissing: async () => ({
          missing: await openAt(join(folder, 'missing/root')),
          above: openLocalTree(folder),
        }),
        stored: async () => (await readdir(root, { recursive: true })).toSorted(),
        openFiles: () => countOpenFiles(root),
      });
    } finally {
      await Promise.all(opened.map((tree) => tree.close()));
      await rm(folder, { recursive: true });
    }
  };
}

describeTreeContract(
  'the local tree',
  {},
  onFolder(async (folder) => openLocalTree(folder)),
);

describeTreeContract(
  'a tree with a rate',
  {},
  onFolder(async (folder) => throttledTree(openLocalTree(folder), () => ({ uploadBytesPerSecond: 2e9 }))),
);

// Names that come to one in its target are another matter: `folded-tree.test.ts`, and on a real NTFS `sync-folds.test.ts`.
describeTreeContract(
  'the tree of a target that folds names',
  {},
  onFolder(async (folder) => {
    const source = { tree: openLocalTree(folder), include: () => true };
    return openFoldedTree(openLocalTree(folder), source, ['unicode']);
  }),
);

describeTreeContract(
  'the tree of a disk that keeps little',
  { modes: false, timeNs: 2_000_000_000n, links: false },
  onFolder(async (folder) =>
    withinDiskKeeps(openLocalTree(folder), {
      ...{ timeUnitNs: 2e9, modes: false, owners: false, links: false },
      ...{ oddNames: true, anyBytes: true },
    }),
  ),
);

// Of 16 bytes the cipher makes 26 letters, and names grow to whole blocks.
describeTreeContract(
  'the encrypted tree',
  { links: false, nameBytes: 143 },
  onFolder(async (folder) => openEncryptedTree(openLocalTree(folder), await crypt)),
);

// A file and a folder of one name lie apart, as with rclone: the file has a suffix.
describeTreeContract(
  'the encrypted tree with plain names',
  { links: false, nameBytes: 251, oneKindPerName: false },
  onFolder(async (folder) => openEncryptedTree(openLocalTree(folder), await plainNames)),
);
