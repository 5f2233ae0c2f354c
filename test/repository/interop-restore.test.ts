import { lstatSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { decodeTree, encodeTree } from '../../repository/tree-node.ts';
import { openRepository } from '../../repository/open-repository.ts';
import type { Repository } from '../../repository/repository.ts';
import { restore } from '../../repository/restore.ts';
import { walkSnapshot } from '../../repository/walk-snapshot.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { requirePeer } from '../peers.ts';
import { describeTree, makeOddTree } from './odd-tree.ts';
import { realRestic, type RealRestic } from './real-restic.ts';
import { withTemporaryFolder } from './repository-fixture.ts';

const restic = requirePeer('restic');

describe('backups of the real restic, restored by holdfast', () => {
  restic.it('are equal in every byte and all metadata', async () => {
    await withBackup(async (repository, source, folder) => {
      const [snapshot] = await repository.listSnapshots();
      const target = path.join(folder, 'restored');
      const result = await restore(repository, { snapshot: snapshot!, target, verify: true });
      expect(result.problems).toEqual([]);
      expect(describeTree(path.join(target, source))).toEqual(describeTree(source));
      // The parents of the source are in the snapshot too.
      expect(lstatSync(path.join(target, folder)).mode).toBe(lstatSync(folder).mode);
      const sparse = lstatSync(path.join(target, source, 'sparse'));
      expect(sparse.size).toBe(20_000_000);
      expect(sparse.blocks * 512).toBeLessThan(1_000_000);
    });
  });

  restic.it(
    'are equal also when the packs are read through the storage, and when only a folder is restored',
    async () => {
      await withBackup(
        async (repository, source, folder) => {
          const [snapshot] = await repository.listSnapshots();
          const target = path.join(folder, 'restored');
          const result = await restore(repository, { snapshot: snapshot!, target, subPath: source });
          expect(result.problems).toEqual([]);
          // The target itself keeps its own metadata.
          expect(describeTree(target).slice(1)).toEqual(describeTree(source).slice(1));
        },
        { hideFolder: true },
      );
    },
  );

  restic.it('have trees that holdfast writes back as the same bytes', async () => {
    await withBackup(async (repository) => {
      const [snapshot] = await repository.listSnapshots();
      const trees = [snapshot!.tree];
      for await (const { node } of walkSnapshot(repository, snapshot!.tree)) {
        if (node.subtree !== undefined) trees.push(node.subtree);
      }
      for (const id of trees) {
        const stored = await repository.loadBlob('tree', id);
        expect(encodeTree(decodeTree(stored)).toString()).toBe(stored.toString());
      }
      expect(trees.length).toBeGreaterThan(6);
    });
  });

  restic.it('come back as the file that restic itself restores', async () => {
    await withBackup(async (repository, source, folder, peer) => {
      const [snapshot] = await repository.listSnapshots();
      const target = path.join(folder, 'restored');
      const include = ['large'];
      const result = await restore(repository, { snapshot: snapshot!, target, include });
      peer.run(['restore', 'latest', '--target', path.join(folder, 'theirs'), '--include', 'large']);
      const [ours, theirs] = [target, path.join(folder, 'theirs')].map((root) => path.join(root, source, 'large'));
      expect(readFileSync(ours!).equals(readFileSync(theirs!))).toBe(true);
      expect(result).toMatchObject({ files: 1, bytes: 18_000_000, problems: [] });
    });
  });
});

async function withBackup(
  body: (repository: Repository, source: string, folder: string, peer: RealRestic) => Promise<void>,
  { hideFolder = false } = {},
): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const source = path.join(folder, 'source');
    makeOddTree(source);
    const peer = realRestic(restic.command, folder);
    peer.run(['backup', source]);
    const storage = openLocalStorage(peer.directory);
    if (hideFolder) Object.defineProperty(storage, 'capabilities', { value: { atomicWrites: true } });
    const repository = await openRepository(storage, peer.password);
    await repository.loadIndex();
    await body(repository, source, folder, peer);
    await repository.close();
  });
}
