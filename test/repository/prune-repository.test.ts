import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkRepository } from '../../repository/check-repository.ts';
import { executePrune } from '../../repository/execute-prune.ts';
import { preparePrune } from '../../repository/prune-repository.ts';
import type { PruneRules } from '../../domain/prune-plan.ts';
import type { Repository } from '../../repository/repository.ts';
import { packFiles, reopen, saveSnapshotOf, withRepository, type Folder } from './repository-fixture.ts';

const SMALL_PACKS = { packSizeBytes: 4000 };

async function prune(repository: Repository, maxUnusedShare = 0, keepTrees: string[] = []) {
  const lock = await repository.lock('exclusive');
  try {
    const prepared = await preparePrune(repository, { maxUnused: { share: maxUnusedShare }, keepTrees });
    return { plan: prepared.plan, figures: await executePrune(repository, prepared, SMALL_PACKS) };
  } finally {
    await lock.release();
  }
}

async function expectSound(folder: string): Promise<void> {
  const { problems } = await checkRepository(await reopen(folder), { readData: { kind: 'all' } });
  expect(problems).toEqual([]);
}

const shared = Array.from({ length: 6 }, () => randomBytes(900));
const first: Folder = { both: { 'a.bin': shared }, 'first.bin': Array.from({ length: 6 }, () => randomBytes(900)) };
const second: Folder = { both: { 'a.bin': shared }, 'second.bin': [randomBytes(900)] };

describe('prune', () => {
  it('has nothing to do when everything is needed', () =>
    withRepository(async (repository, folder) => {
      await saveSnapshotOf(repository, first);
      const before = await packFiles(folder);
      const { plan, figures } = await prune(repository);
      expect(plan).toMatchObject({ repack: [], remove: [], removeUnindexed: [] });
      expect(figures).toMatchObject({ packsDeleted: 0, packsRepacked: 0, bytesFreed: 0 });
      expect(await packFiles(folder)).toEqual(before);
      await expectSound(folder);
    }, SMALL_PACKS));

  it('frees what a forgotten snapshot alone needed, and keeps every blob of the others', () =>
    withRepository(async (repository, folder) => {
      const forgotten = await saveSnapshotOf(repository, first);
      await saveSnapshotOf(repository, second);
      const blobs = blobIds(await reopen(folder));
      await repository.removeSnapshot(forgotten.id);
      const { figures } = await prune(repository);
      expect(figures.bytesFreed).toBeGreaterThan(6 * 900);
      expect(figures.packsDeleted).toBeGreaterThan(0);
      expect(figures.bytesUnused).toBe(0);
      const after = blobIds(await reopen(folder));
      // Six blobs of first.bin and the forgotten root tree are gone; nothing else is.
      expect(after.length).toBe(blobs.length - 7);
      for (const content of shared) {
        const other = await reopen(folder);
        const { known, id } = await other.saveBlob('data', content);
        expect(known).toBe(true);
        expect(await other.loadBlob('data', id)).toEqual(content);
      }
      await expectSound(folder);
      expect(await readdir(join(folder, 'vault', 'index'))).toHaveLength(1);
    }, SMALL_PACKS));

  it('removes everything when no snapshot is left', () =>
    withRepository(async (repository, folder) => {
      const { id } = await saveSnapshotOf(repository, first);
      await repository.removeSnapshot(id);
      await prune(repository);
      expect(await packFiles(folder)).toEqual([]);
      expect(await readdir(join(folder, 'vault', 'index'))).toEqual([]);
      await saveSnapshotOf(repository, first);
      await expectSound(folder);
    }, SMALL_PACKS));

  it('spares the trees it is told to, as far as they exist', () =>
    withRepository(async (repository, folder) => {
      const { id, tree } = await saveSnapshotOf(repository, first);
      await repository.removeSnapshot(id);
      const before = await packFiles(folder);
      await prune(repository, 0, [tree, 'f'.repeat(64)]);
      expect(await packFiles(folder)).toEqual(before);
      await prune(repository);
      expect(await packFiles(folder)).toEqual([]);
    }, SMALL_PACKS));

  it('leaves unused data within the allowed share alone', () =>
    withRepository(async (repository, folder) => {
      // In packs of the usual size the blobs of both files lie mixed: unused ones beside used ones.
      const { id } = await saveSnapshotOf(repository, {
        ...first,
        'more.bin': Array.from({ length: 20 }, () => randomBytes(50)),
      });
      await saveSnapshotOf(repository, second);
      await repository.removeSnapshot(id);
      const { plan } = await prune(repository, 1);
      // Packs with trees are rewritten whatever the share.
      const trees = new Set(
        [...repository.indexedPacks()].filter((pack) => pack.blobs.some(({ type }) => type === 'tree')),
      );
      expect(plan.repack.length).toBeLessThanOrEqual(trees.size + 1);
      expect(plan.figures.bytes.remainingUnused).toBeGreaterThan(0);
      await expectSound(folder);
    }));

  it('removes packs that no index names, and one copy of blobs stored twice', () =>
    withRepository(async (repository, folder) => {
      const other = await reopen(folder, SMALL_PACKS);
      await saveSnapshotOf(repository, first);
      await saveSnapshotOf(other, first);
      await repository.saveBlob('data', Buffer.from('of a backup that was killed'));
      await repository.flush();
      const blobsBefore = blobIds(await reopen(folder)).length;
      const { plan } = await prune(await reopen(folder));
      expect(plan.removeUnindexed).toHaveLength(1);
      expect(blobIds(await reopen(folder)).length).toBe(blobsBefore / 2);
      await expectSound(folder);
    }, SMALL_PACKS));

  it.each<[string, PruneRules]>([
    ['everything unused', { maxUnused: { share: 0 } }],
    ['what the share leaves', { maxUnused: { share: 0.2 } }],
    ['whole packs alone', { maxUnused: { share: 0 }, maxRepackBytes: 0 }],
    ['a part of what could be rewritten', { maxUnused: { share: 0 }, maxRepackBytes: 9000 }],
    ['trees alone', { maxUnused: { share: 0 }, repackCacheableOnly: true }],
    ['small packs, too', { maxUnused: 'unlimited', smallPackBytes: 1_000_000 }],
  ])('does exactly what a dry run says: %s', (_, rules) =>
    withRepository(async (repository, folder) => {
      const forgotten = await saveSnapshotOf(repository, first);
      await saveSnapshotOf(repository, second);
      for (let day = 1; day < 6; day++)
        await saveSnapshotOf(await reopen(folder, SMALL_PACKS), { 'daily.bin': [randomBytes(700)] });
      await repository.removeSnapshot(forgotten.id);
      const before = await storedBytes(folder);
      const dry = await preparePrune(await reopen(folder), rules);
      expect(await storedBytes(folder)).toBe(before);
      const other = await reopen(folder, SMALL_PACKS);
      const lock = await other.lock('exclusive');
      const prepared = await preparePrune(other, rules);
      expect(prepared.plan).toEqual(dry.plan);
      expect(before).toBe(dry.plan.figures.bytes.stored);
      await executePrune(other, prepared, SMALL_PACKS);
      await lock.release();
      const { blobs, bytes } = dry.plan.figures;
      expect(blobIds(await reopen(folder))).toHaveLength(blobs.remaining);
      const after = await preparePrune(await reopen(folder), { maxUnused: 'unlimited', maxRepackBytes: 0 });
      expect(after.plan.figures.bytes).toMatchObject({ total: bytes.remaining, used: bytes.used, unreferenced: 0 });
      expect(after.plan.remove).toEqual([]);
      for (const id of dry.plan.keep) expect(after.plan.keep).toContain(id);
      await expectSound(folder);
    }, SMALL_PACKS),
  );

  it('compresses what an older program stored as it was, once', () =>
    withRepository(
      async (_, folder) => {
        const text = Array.from({ length: 8 }, (_unused, number) => Buffer.alloc(900, `order ${number};`));
        await saveSnapshotOf(await reopen(folder, { compression: 'none' }), {
          'a.txt': text,
          'b.bin': [randomBytes(900)],
        });
        const rules = { maxUnused: 'unlimited', repackUncompressed: true } as const;
        const repository = await reopen(folder);
        const prepared = await preparePrune(repository, rules);
        expect(prepared.plan.repack.length).toBeGreaterThan(0);
        expect((await preparePrune(repository, { maxUnused: 'unlimited' })).plan.repack).toEqual([]);
        await executePrune(repository, prepared);
        const packs = [...(await reopen(folder)).indexedPacks()].flatMap(({ blobs }) => blobs);
        expect(packs.filter(({ uncompressedLength }) => uncompressedLength === undefined)).toEqual([]);
        expect((await preparePrune(await reopen(folder), rules)).plan.repack).toEqual([]);
        await expectSound(folder);
      },
      { compression: 'none' },
    ));

  it('never deletes a pack that appeared after it had looked', () =>
    withRepository(async (repository, folder) => {
      const { id } = await saveSnapshotOf(repository, first);
      await repository.removeSnapshot(id);
      const prepared = await preparePrune(repository, { maxUnused: { share: 0 } });
      // A backup without a lock, which has not written its index yet.
      const other = await reopen(folder, SMALL_PACKS);
      const known = new Set(await packFiles(folder));
      await other.saveBlob('data', Buffer.from('new in the meantime'));
      await other.flush();
      const appeared = (await packFiles(folder)).filter((pack) => !known.has(pack));
      await executePrune(repository, prepared);
      expect(await packFiles(folder)).toEqual(appeared);
    }, SMALL_PACKS));

  it('deletes nothing when somebody wrote an index in spite of the lock', () =>
    withRepository(async (repository, folder) => {
      const { id } = await saveSnapshotOf(repository, first);
      await repository.removeSnapshot(id);
      const prepared = await preparePrune(repository, { maxUnused: { share: 0 } });
      // It relies on blobs that are about to go.
      await saveSnapshotOf(await reopen(folder, SMALL_PACKS), { ...first, 'new.txt': ['new'] });
      const before = await packFiles(folder);
      await expect(executePrune(repository, prepared)).rejects.toMatchObject({ code: 'RepositoryLocked' });
      expect(await packFiles(folder)).toEqual(before);
      await expectSound(folder);
    }, SMALL_PACKS));

  it('deletes nothing when a pack that a snapshot needs has another length than the index says', () =>
    withRepository(async (repository, folder) => {
      const { id } = await saveSnapshotOf(repository, first);
      await saveSnapshotOf(repository, second);
      await repository.removeSnapshot(id);
      const { packId } = await locate(repository, shared[0]!);
      const path = packPath(folder, packId);
      const bytes = await readFile(path);
      await chmod(path, 0o600);
      await writeFile(path, bytes.subarray(0, -1));
      const before = await packFiles(folder);
      await expect(prune(repository)).rejects.toMatchObject({
        code: 'Integrity',
        message: expect.stringContaining(packId),
      });
      expect(await packFiles(folder)).toEqual(before);
    }, SMALL_PACKS));

  it('deletes nothing when a pack that a snapshot needs is missing', () =>
    withRepository(async (repository, folder) => {
      const { id } = await saveSnapshotOf(repository, first);
      await saveSnapshotOf(repository, second);
      await repository.removeSnapshot(id);
      const { packId } = await locate(repository, shared[0]!);
      const before = (await packFiles(folder)).filter((pack) => !pack.endsWith(packId));
      await rm(packPath(folder, packId));
      await expect(prune(repository)).rejects.toMatchObject({ code: 'Integrity' });
      expect(await packFiles(folder)).toEqual(before);
    }, SMALL_PACKS));

  it('deletes nothing when a blob that it would rewrite is damaged', () =>
    withRepository(async (repository, folder) => {
      // In packs of the usual size the blobs of both files lie mixed.
      const { id } = await saveSnapshotOf(repository, {
        ...first,
        'more.bin': Array.from({ length: 20 }, () => randomBytes(50)),
      });
      await saveSnapshotOf(repository, second);
      await repository.removeSnapshot(id);
      const prepared = await preparePrune(repository, { maxUnused: { share: 0 } });
      const places = await Promise.all(shared.map((content) => locate(repository, content)));
      const { packId, offset } = places.find((place) => prepared.plan.repack.includes(place.packId))!;
      const path = packPath(folder, packId);
      const bytes = await readFile(path);
      bytes[offset + 20]! ^= 1;
      await chmod(path, 0o600);
      await writeFile(path, bytes);
      const before = await packFiles(folder);
      await expect(executePrune(repository, prepared)).rejects.toMatchObject({ code: 'Integrity' });
      expect(await packFiles(folder)).toEqual(expect.arrayContaining(before));
    }));

  it('deletes nothing when a snapshot cannot be read', () =>
    withRepository(async (repository, folder) => {
      await saveSnapshotOf(repository, first);
      await repository.storage.write(`snapshots/${'a'.repeat(64)}`, Buffer.alloc(64));
      await expect(prune(repository)).rejects.toMatchObject({ code: 'Integrity' });
      expect((await packFiles(folder)).length).toBeGreaterThan(0);
    }, SMALL_PACKS));

  it('stops when it is aborted, and the next one finishes', () =>
    withRepository(async (repository, folder) => {
      const { id } = await saveSnapshotOf(repository, first);
      await saveSnapshotOf(repository, second);
      await repository.removeSnapshot(id);
      const prepared = await preparePrune(repository, { maxUnused: { share: 0 } });
      const abort = new AbortController();
      const executing = executePrune(repository, prepared, {
        signal: abort.signal,
        progress: { report: () => abort.abort() },
      });
      await expect(executing).rejects.toMatchObject({ code: 'Interrupted' });
      await expectSoundButLeftovers(folder);
      await prune(await reopen(folder));
      await expectSound(folder);
    }, SMALL_PACKS));
});

async function locate(repository: Repository, content: Buffer) {
  const { id } = await repository.saveBlob('data', content);
  return repository.findBlob('data', id)!;
}

async function storedBytes(folder: string): Promise<number> {
  const sizes = (await packFiles(folder)).map(async (pack) => (await stat(join(folder, 'vault', pack))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

function packPath(folder: string, packId: string): string {
  return join(folder, 'vault', 'data', packId.slice(0, 2), packId);
}

async function expectSoundButLeftovers(folder: string): Promise<void> {
  const { problems } = await checkRepository(await reopen(folder), { readData: { kind: 'all' } });
  expect(problems.filter(({ severity }) => severity !== 'notice')).toEqual([]);
}

function blobIds(repository: Repository): string[] {
  return [...repository.indexedPacks()].flatMap(({ blobs }) => blobs.map(({ id }) => id));
}
