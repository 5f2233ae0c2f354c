/** Index files that name one pack: what any of them says of it counts. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkRepository } from '../../repository/check-repository.ts';
import { executePrune } from '../../repository/execute-prune.ts';
import { encodeIndexFiles } from '../../repository/index-file.ts';
import { loadIndexFiles } from '../../repository/index-loading.ts';
import { preparePrune } from '../../repository/prune-repository.ts';
import type { IndexedPack, Repository } from '../../repository/repository.ts';
import { openVault, reopen, saveSnapshotOf, withRepository } from './repository-fixture.ts';

const contents = Array.from({ length: 12 }, () => randomBytes(200));

async function replaceIndex(repository: Repository, files: IndexedPack[][]): Promise<void> {
  for await (const { name } of repository.storage.list('index/')) await repository.storage.remove(name);
  for (const packs of files)
    for (const document of encodeIndexFiles(packs)) await repository.saveUnpacked('index', document);
}

const byOffset = ({ id, blobs }: IndexedPack): IndexedPack => ({
  id,
  blobs: blobs.toSorted((a, b) => a.offset - b.offset),
});

describe('of a pack that several index files name', () => {
  it('all blobs are known that any of them names, each once', () =>
    withRepository(async (repository, folder) => {
      await saveSnapshotOf(repository, { 'a.bin': contents });
      const packs = [...repository.indexedPacks()].map((pack) => byOffset(pack));
      const part = (from: number, to?: number): IndexedPack[] =>
        packs.map(({ id, blobs }) => ({ id, blobs: blobs.slice(from, to) }));
      await replaceIndex(repository, [part(1), part(0, 2), packs, part(0, 1)]);
      const { index } = await loadIndexFiles(repository);
      expect([...index.packs()].map((pack) => byOffset(pack))).toEqual(
        expect.arrayContaining(packs.map((pack): unknown => pack)),
      );
      expect(index.packCount).toBe(packs.length);
      expect(index.blobCount).toBe(packs.flatMap(({ blobs }) => blobs).length);

      await replaceIndex(repository, [part(2), part(0, 2)]);
      const opened = await openVault(folder);
      expect((await checkRepository(opened, { readData: { kind: 'all' } })).problems).toEqual([]);
      await executePrune(opened, await preparePrune(opened, { maxUnused: { share: 0 } }));
      const after = await reopen(folder);
      for (const content of contents) expect(await after.saveBlob('data', content)).toMatchObject({ known: true });
      expect((await checkRepository(after, { readData: { kind: 'all' } })).problems).toEqual([]);
    }));

  it('none is known when the caller leaves the pack out', () =>
    withRepository(async (repository) => {
      await saveSnapshotOf(repository, { 'a.bin': contents });
      const [pack, ...others] = [...repository.indexedPacks()].map((each) => byOffset(each));
      const half = [{ id: pack!.id, blobs: pack!.blobs.slice(0, 1) }];
      await replaceIndex(repository, [half, [pack!], others]);
      const { index } = await loadIndexFiles(repository, { onPack: ({ id }) => id !== pack!.id });
      expect([index.hasPack(pack!.id), index.packCount]).toEqual([false, others.length]);
    }));
});
