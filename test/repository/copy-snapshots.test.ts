import { createHash } from 'node:crypto';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { planCopy } from '../../domain/copy-plan.ts';
import { checkRepository } from '../../repository/check-repository.ts';
import { copySnapshots, type CopyOptions, type CopyResult } from '../../repository/copy-snapshots.ts';
import { initRepository } from '../../repository/init-repository.ts';
import type { Repository } from '../../repository/repository.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { noise } from './odd-tree.ts';
import { FAST_KDF, FAST_LOCKS, reopen, saveSnapshotOf, withRepository, type Folder } from './repository-fixture.ts';

const EVERYTHING = { readData: { kind: 'all' } } as const;
const SMALL_PACKS = { packSizeBytes: 20_000 };

const text = (name: string): Buffer => Buffer.from(`${name} `.repeat(2000));
const shared = [noise(3000, 'shared'), text('shared')];
const days = ['one', 'two', 'three'].map((day): Folder => ({
  both: { shared },
  [day]: { 'noise.bin': [noise(9000, day), noise(1000, `${day}+`)], 'text.txt': [text(day)] },
}));

async function withTwo(
  body: (source: Repository, destination: Repository, folder: string) => Promise<void>,
  options = SMALL_PACKS,
): Promise<void> {
  await withRepository(async (source, folder) => {
    const storage = openLocalStorage(join(folder, 'second'));
    const destination = await initRepository(storage, 'another', { kdf: FAST_KDF, lockTiming: FAST_LOCKS });
    await body(source, destination, folder);
    await destination.close();
  }, options);
}

async function saveDays(source: Repository): Promise<{ id: string; tree: string }[]> {
  const saved = [];
  for (const [day, folder] of days.entries())
    saved.push(await saveSnapshotOf(source, folder, `2026-11-2${day}T02:00:00Z`));
  return saved;
}

/** Chooses and copies as the command does. */
async function copyAll(source: Repository, destination: Repository, options: CopyOptions = {}): Promise<CopyResult> {
  const { missing } = planCopy(await source.listSnapshots(), await destination.listSnapshots());
  return copySnapshots(source, destination, missing, { ...SMALL_PACKS, ...options });
}

/** Damages one byte of a stored blob. */
async function damage(repository: Repository, folder: string, type: 'data' | 'tree', id: string): Promise<void> {
  const { packId, offset } = repository.findBlob(type, id)!;
  const path = join(folder, 'vault/data', packId.slice(0, 2), packId);
  const content = await readFile(path);
  content[offset + 20]! ^= 1;
  await chmod(path, 0o600);
  await writeFile(path, content);
}

const objects = async (repository: Repository, prefix: string): Promise<string[]> => {
  const names: string[] = [];
  for await (const { name } of repository.storage.list(prefix)) names.push(name);
  return names;
};

test('copies whole snapshots under another key; the second time there is nothing to do', async () => {
  await withTwo(async (source, destination) => {
    await saveDays(source);
    const result = await copyAll(source, destination);
    expect(result).toMatchObject({ damaged: [], copied: [{}, {}, {}] });
    expect((await checkRepository(destination, EVERYTHING)).problems).toEqual([]);
    const [theirs, ours] = [await source.listSnapshots(), await destination.listSnapshots()];
    expect(ours).toEqual(
      theirs.map((snapshot) => ({ ...snapshot, id: expect.any(String) as string, original: snapshot.id })),
    );
    // What is compressed stays as it is: not one blob has another size.
    const sizes = (repository: Repository): string[] =>
      [...repository.indexedPacks()]
        .flatMap(({ blobs }) =>
          blobs.map((blob) => `${blob.type} ${blob.id} ${blob.length} ${blob.uncompressedLength}`),
        )
        .toSorted();
    await source.loadIndex({ reload: true });
    expect(sizes(destination)).toEqual(sizes(source));
    expect(await copyAll(source, destination)).toMatchObject({ copied: [], blobs: 0, bytesRead: 0, bytesWritten: 0 });
  });
});

test('reads only what the destination lacks, and only what the chosen snapshots need', async () => {
  await withTwo(async (source, destination) => {
    const saved = await saveDays(source);
    const [first, second] = await source.listSnapshots();
    await copySnapshots(source, destination, [first!], SMALL_PACKS);
    const blobs = new Set([...destination.indexedPacks()].flatMap((pack) => pack.blobs.map(({ id }) => id)));
    expect(blobs.has(saved[1]!.tree)).toBe(false);
    // A root, a folder, two pieces of noise and a text; the folder that both share is there.
    expect(await copySnapshots(source, destination, [second!], SMALL_PACKS)).toMatchObject({ blobs: 5 });
  });
});

test('a dry run counts what the real one copies, and writes nothing', async () => {
  await withTwo(async (source, destination) => {
    await saveDays(source);
    const { blobs, bytesRead } = await copyAll(source, destination, { dryRun: true });
    expect(await objects(destination, 'data/')).toEqual([]);
    expect(await destination.listSnapshots()).toEqual([]);
    expect(await copyAll(source, destination)).toMatchObject({ blobs, bytesRead });
  });
});

test('an interruption leaves a sound destination with the snapshots that were finished, and the next run goes on', async () => {
  await withTwo(async (source, destination) => {
    await saveDays(source);
    const controller = new AbortController();
    const onCopied = (): void => controller.abort();
    const interrupted = copyAll(source, destination, { signal: controller.signal, onCopied, batchBytes: 1 });
    await expect(interrupted).rejects.toMatchObject({ code: 'Interrupted' });
    expect(await destination.listSnapshots()).toHaveLength(1);
    expect((await checkRepository(destination, EVERYTHING)).problems).toEqual([]);
    const before = (await objects(destination, 'data/')).length;
    expect(await copyAll(source, destination, { batchBytes: 1 })).toMatchObject({ copied: [{}, {}] });
    expect((await objects(destination, 'data/')).length).toBeGreaterThan(before);
    expect((await checkRepository(destination, EVERYTHING)).problems).toEqual([]);
  });
});

test.each([
  ['a damaged blob', 'two/noise.bin'],
  ['a damaged tree', 'two'],
])('%s keeps only the snapshot that needs it from being copied', async (_, path) => {
  await withTwo(async (source, destination, folder) => {
    const saved = await saveDays(source);
    const again = await saveSnapshotOf(source, { extra: ['x'], ...days[1]! }, '2026-11-27T02:00:00Z');
    await source.loadIndex({ reload: true });
    const root = JSON.parse((await source.loadBlob('tree', saved[1]!.tree)).toString()) as TreeDocument;
    const subtree = root.nodes.find(({ name }) => name === 'two')!.subtree!;
    const tree = JSON.parse((await source.loadBlob('tree', subtree)).toString()) as TreeDocument;
    if (path === 'two') await damage(source, folder, 'tree', subtree);
    else await damage(source, folder, 'data', tree.nodes.find(({ name }) => name === 'noise.bin')!.content![0]!);
    const { copied, damaged } = await copyAll(source, destination);
    expect(copied.map(({ snapshot }) => snapshot.id)).toEqual([saved[0]!.id, saved[2]!.id]);
    expect(damaged.map(({ snapshot }) => snapshot.id)).toEqual([saved[1]!.id, again.id]);
    expect(damaged[0]!.message).toContain('fails its authentication');
    expect((await checkRepository(destination, EVERYTHING)).problems).toEqual([]);
  });
});

interface TreeDocument {
  nodes: { name: string; subtree?: string; content?: string[] }[];
}

test('a blob that is damaged in one pack is read from another one that holds it, too', async () => {
  await withTwo(async (source, destination, folder) => {
    const { id } = await saveSnapshotOf(source, { file: [noise(5000, 'twice')] });
    // An instance that has not read the index stores again what is there.
    const other = await reopen(folder, SMALL_PACKS);
    const [pack] = await objects(other, 'index/');
    await rm(join(folder, 'vault', pack!));
    await other.loadIndex({ reload: true });
    await saveSnapshotOf(other, { file: [noise(5000, 'twice')] }, '2026-11-24T02:00:00Z');
    await other.saveUnpacked('index', await indexOf(source));
    await other.close();
    // The copy that the index names first is the one that is tried first.
    const fresh = await reopen(folder);
    await damage(fresh, folder, 'data', createHash('sha256').update(noise(5000, 'twice')).digest('hex'));
    await fresh.close();
    const { copied, damaged } = await copyAll(source, destination);
    expect([copied.map(({ snapshot }) => snapshot.id).includes(id), damaged]).toEqual([true, []]);
    expect((await checkRepository(destination, EVERYTHING)).problems).toEqual([]);
  });
});

async function indexOf(repository: Repository): Promise<Buffer> {
  const packs = [...repository.indexedPacks()].map(({ id, blobs }) => ({
    id,
    blobs: blobs.map(({ uncompressedLength, ...blob }) => ({ ...blob, uncompressed_length: uncompressedLength ?? 0 })),
  }));
  return Buffer.from(JSON.stringify({ packs }));
}
