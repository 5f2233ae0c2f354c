/** The contract of trees on a real disk of another system, as a sync sees its target: it tells no case apart, and keeps little. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { tryDiskKeeps, withinDiskKeeps, type DiskKeeps } from '../../files/disk-keeps.ts';
import type { FileTree } from '../../files/file-tree.ts';
import { openFoldedTree } from '../../files/folded-tree.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { exfatPeer, mountExfat, type ForeignDisk } from '../servers/foreign-disk.ts';
import { bytes } from './tree-contract/tree-under-test.ts';
import { describeTreeContract } from './tree-contract.ts';

const ABILITIES = {
  ...{ links: false, modes: false, linkTimes: false, timeNs: 1_000_000_000n },
  ...{ anyBytes: false, oddNames: false, tellsCase: false },
};

exfatPeer.describe('exFAT', () => {
  let home: string;
  let disk: string;
  let mounted: ForeignDisk | undefined;
  let keeps: DiskKeeps;
  let folders = 0;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'holdfast-exfat-'));
    disk = join(home, 'disk');
    mounted = mountExfat(join(home, 'image'), disk);
    keeps = (await tryDiskKeeps(openLocalTree(disk), bytes('probe'), process.getuid?.() === 0))!;
  });
  afterAll(async () => {
    mounted?.unmount();
    await rm(home, { recursive: true });
  });

  describeTreeContract('the tree of a target on it', ABILITIES, async (body) => {
    const folder = join(disk, `folder-${(folders += 1)}`);
    await mkdir(join(folder, 'root'), { recursive: true });
    const openAt = (path: string): FileTree => {
      const tree = withinDiskKeeps(openLocalTree(join(folder, path)), keeps);
      return openFoldedTree(tree, { tree: openLocalTree(join(folder, path)), include: () => true }, ['case']);
    };
    try {
      await body({
        tree: openAt('root'),
        reopen: async () => openAt('root'),
        openMissing: async () => ({ missing: openAt('missing/root'), above: openLocalTree(folder) }),
        stored: async () => (await readdir(join(folder, 'root'), { recursive: true })).toSorted(),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
