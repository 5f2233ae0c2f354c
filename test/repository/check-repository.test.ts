import { randomBytes } from 'node:crypto';
import { chmod, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../domain/finding.ts';
import { checkRepository } from '../../repository/check-repository.ts';
import { prepareKey, sha256Hex } from '../../repository/crypto.ts';
import { encodeIndexFiles } from '../../repository/index-file.ts';
import { PackBuilder } from '../../repository/pack.ts';
import type { Repository } from '../../repository/repository.ts';
import { encodeTree } from '../../repository/tree-node.ts';
import { openVault, packFiles, reopen, saveSnapshotOf, withRepository, type Folder } from './repository-fixture.ts';

const EVERYTHING = { readData: { kind: 'all' } } as const;
const STRUCTURE = { readData: { kind: 'none' } } as const;

const ledger = randomBytes(5000);
const FOLDER: Folder = {
  shop: { 'ledger.csv': [ledger, 'second blob'], 'empty.txt': [], deeper: { 'note.txt': ['a note'] } },
  'readme.txt': ['read me'],
};

/** A sound repository with one snapshot, its packs small enough to be several. */
function withSnapshot(
  body: (repository: Repository, folder: string, snapshotId: string) => Promise<void>,
): Promise<void> {
  return withRepository(
    async (repository, folder) => {
      const { id } = await saveSnapshotOf(repository, FOLDER);
      await body(repository, folder, id);
    },
    { packSizeBytes: 4000 },
  );
}

async function change(path: string, edit: (bytes: Buffer) => void): Promise<void> {
  const bytes = await readFile(path);
  edit(bytes);
  await chmod(path, 0o600);
  await writeFile(path, bytes);
}

function packPath(folder: string, packId: string): string {
  return join(folder, 'vault', 'data', packId.slice(0, 2), packId);
}

function firstTree(repository: Repository) {
  for (const { id: packId, blobs } of repository.indexedPacks()) {
    const blob = blobs.find(({ type }) => type === 'tree');
    if (blob !== undefined) return { packId, ...blob };
  }
  throw new Error('there is no tree');
}

async function findLedger(repository: Repository) {
  for (const { id: packId, blobs } of repository.indexedPacks()) {
    for (const blob of blobs) {
      if (blob.type === 'data' && (await repository.loadBlob('data', blob.id)).equals(ledger))
        return { packId, ...blob };
    }
  }
  throw new Error('the ledger is not there');
}

function codes(problems: readonly Finding[]): string[] {
  return [...new Set(problems.map(({ code }) => code))].toSorted();
}

describe('check', () => {
  it('finds nothing wrong with a sound repository, and counts what it read', () =>
    withSnapshot(async (repository, folder) => {
      const { figures, problems } = await checkRepository(repository, EVERYTHING);
      expect(problems).toEqual([]);
      const packs = await packFiles(folder);
      expect(figures).toMatchObject({ snapshots: 1, packs: packs.length, packsRead: packs.length, problems: 0 });
      expect(figures.bytesRead).toBeGreaterThan(5000);
      expect(figures.blobs).toBe(7);
      expect((await checkRepository(repository, STRUCTURE)).figures).toMatchObject({ packsRead: 0, bytesRead: 0 });
    }));

  it('finds nothing wrong with an empty one', () =>
    withRepository(async (repository) => {
      expect((await checkRepository(repository, EVERYTHING)).problems).toEqual([]);
    }));

  it('names pack, blob and file of a flipped bit in a file’s content', () =>
    withSnapshot(async (repository, folder, snapshotId) => {
      const { packId, id, offset } = await findLedger(repository);
      await change(packPath(folder, packId), (bytes) => (bytes[offset + 100]! ^= 4));
      const { problems, figures } = await checkRepository(repository, EVERYTHING);
      expect(codes(problems)).toEqual(['repository/blob-damaged', 'repository/pack-damaged']);
      const blob = problems.find(({ code }) => code === 'repository/blob-damaged')!;
      expect(blob.message).toContain(id);
      expect(blob.message).toContain(packId);
      expect(blob.message).toContain(`/shop/ledger.csv of snapshot ${snapshotId.slice(0, 8)}`);
      expect(figures.problems).toBe(2);
      // Without reading the data it cannot be known.
      expect((await checkRepository(repository, STRUCTURE)).problems).toEqual([]);
    }));

  it(
    'notices a flipped bit anywhere in any pack',
    () =>
      withSnapshot(async (repository, folder) => {
        for (const pack of await packFiles(folder)) {
          const path = join(folder, 'vault', pack);
          const { length } = await readFile(path);
          for (let position = 0; position < length; position += Math.ceil(length / 7)) {
            await change(path, (bytes) => (bytes[position]! ^= 0x10));
            const { problems } = await checkRepository(repository, EVERYTHING);
            expect(JSON.stringify(problems)).toContain(pack.slice(8));
            await change(path, (bytes) => (bytes[position]! ^= 0x10));
          }
        }
        expect((await checkRepository(repository, EVERYTHING)).problems).toEqual([]);
      }),
    300_000,
  );

  it('names the folder whose tree is damaged, also without reading data', () =>
    withSnapshot(async (repository, folder) => {
      const tree = firstTree(repository);
      await change(packPath(folder, tree.packId), (bytes) => (bytes[tree.offset + 20]! ^= 1));
      const { problems } = await checkRepository(repository, STRUCTURE);
      expect(codes(problems)).toEqual(['repository/tree-damaged']);
      expect(problems[0]!.message).toMatch(new RegExp(`${tree.id}.*; it is the folder /.*of snapshot`));
    }));

  it('names a missing pack and the files in it', () =>
    withSnapshot(async (repository, folder) => {
      const { packId } = await findLedger(repository);
      await rm(packPath(folder, packId));
      const { problems } = await checkRepository(repository, STRUCTURE);
      expect(codes(problems)).toEqual(['repository/pack-missing']);
      expect(problems[0]).toMatchObject({ severity: 'critical', subject: `data/${packId.slice(0, 2)}/${packId}` });
      expect(problems[0]!.message).toContain('/shop/ledger.csv of snapshot');
    }));

  it('names each file of a missing pack once, and says when there are more than it names', () =>
    withRepository(async (repository, folder) => {
      // Blobs are spread over two packs at random: of so many, both have several of a file.
      const many = Array.from({ length: 40 }, () => randomBytes(100));
      const placesIn = async (shop: Folder): Promise<string[]> => {
        await saveSnapshotOf(repository, shop);
        for (const { id, blobs } of repository.indexedPacks())
          if (blobs[0]!.type === 'data') await rm(packPath(folder, id), { force: true });
        const { problems } = await checkRepository(repository, STRUCTURE);
        expect(codes(problems)).toEqual(['repository/pack-missing']);
        return problems.map(({ message }) => message.replace(/^.*; part of /, '').replace(/ of snapshot \w+/g, ''));
      };
      for (const places of await placesIn({ 'many.bin': many })) expect(places).toBe('/many.bin');
      const numbers = Array.from({ length: 8 }, (_, number) => number);
      const shop = Object.fromEntries(numbers.map((number) => [`${number}`, { [`file-${number}`]: many }]));
      for (const places of await placesIn(shop)) {
        expect(places).toMatch(/^(\/\S+, ){4}\/\S+ and others$/);
        const named = places.replace(' and others', '').split(', ');
        expect(new Set(named).size).toBe(5);
      }
    }));

  it('names a missing pack of trees', () =>
    withSnapshot(async (repository, folder) => {
      const { packId } = firstTree(repository);
      await rm(packPath(folder, packId));
      const { problems } = await checkRepository(repository, STRUCTURE);
      expect(codes(problems)).toContain('repository/pack-missing');
      expect(codes(problems)).toContain('repository/tree-damaged');
    }));

  it('names a truncated pack', () =>
    withSnapshot(async (repository, folder) => {
      const { packId, length } = await findLedger(repository);
      await chmod(packPath(folder, packId), 0o600);
      await truncate(packPath(folder, packId), length - 10);
      const { problems } = await checkRepository(repository, EVERYTHING);
      expect(codes(problems)).toEqual(['repository/blob-damaged', 'repository/pack-damaged', 'repository/pack-size']);
    }));

  it('names the file that needs a blob which no index knows', () =>
    withRepository(async (repository) => {
      const time = '2026-11-22T10:00:00Z';
      const node = { name: 'lost.bin', type: 'file', mtime: time, atime: time, ctime: time, uid: 0, gid: 0 };
      const missing = 'c'.repeat(64);
      const tree = encodeTree([{ ...node, content: [missing] } as unknown as Parameters<typeof encodeTree>[0][0]]);
      const { id } = await repository.saveBlob('tree', tree);
      await repository.flush();
      await repository.saveIndex();
      await repository.saveSnapshot({ time, tree: id, paths: ['/'], hostname: 'h', username: 'u' });
      const gone = 'd'.repeat(64);
      await repository.saveSnapshot({ time, tree: gone, paths: ['/'], hostname: 'h', username: 'u' });
      const { problems } = await checkRepository(repository, STRUCTURE);
      expect(problems.map(({ code, subject }) => [code, subject]).toSorted()).toEqual([
        ['repository/blob-missing', missing],
        ['repository/blob-missing', gone],
      ]);
      expect(JSON.stringify(problems)).toContain('/lost.bin of snapshot');
    }));

  it('names trees that are malformed', () =>
    withRepository(async (repository) => {
      for (const text of [
        'nonsense',
        '{}',
        '{"nodes":[{"name":"../x","type":"file","content":[]}]}',
        '{"nodes":[{"name":"x","type":"file"}]}',
      ]) {
        const { id } = await repository.saveBlob('tree', Buffer.from(text));
        await repository.flush();
        await repository.saveIndex();
        await repository.saveSnapshot({
          time: '2026-11-22T10:00:00Z',
          tree: id,
          paths: [],
          hostname: 'h',
          username: text,
        });
      }
      const { problems } = await checkRepository(repository, STRUCTURE);
      expect(problems.map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => 'repository/tree-damaged'));
    }));

  it('names damaged index and snapshot files, and goes on', () =>
    withSnapshot(async (repository, folder) => {
      await saveSnapshotOf(repository, { 'other.txt': ['other'] });
      await repository.storage.write(`index/${'e'.repeat(64)}`, Buffer.alloc(64));
      await repository.storage.write(`snapshots/${'f'.repeat(64)}`, Buffer.alloc(64));
      const { problems, figures } = await checkRepository(await openVault(folder), EVERYTHING);
      expect(codes(problems)).toEqual(['repository/index-damaged', 'repository/snapshot-damaged']);
      expect(figures.snapshots).toBe(2);
      expect(figures.packsRead).toBeGreaterThan(1);
    }));

  it('names blobs that are authentic, but have other content than their ids say, and no others', () =>
    withRepository(async (repository) => {
      const builder = new PackBuilder(prepareKey(repository.key), { compression: 'auto' });
      const wrong: string[] = [];
      // Short ones, long ones, compressed ones and others: they are hashed in different ways.
      for (const [number, bytes] of [100, 9000, 20_000, 300_000, 9000, 70, 2_000_000].entries()) {
        for (const plain of [randomBytes(bytes), Buffer.alloc(bytes, `text ${number} `)]) {
          const isWrong = number % 2 === 1;
          const id = sha256Hex(isWrong ? Buffer.concat([plain, Buffer.from('!')]) : plain);
          if (isWrong) wrong.push(id);
          builder.add('data', id, plain);
        }
      }
      const { pack, content } = builder.finish();
      await repository.savePack(pack, content);
      await repository.saveIndex();
      const { problems } = await checkRepository(repository, EVERYTHING);
      expect(problems.map(({ message }) => message).toSorted()).toEqual(
        wrong
          .map((id) => `data blob ${id} in pack ${pack.id} has other content than its id says; no snapshot needs it`)
          .toSorted(),
      );
    }));

  it.each([
    { where: 'begins', position: 0 },
    // What is left looks like a whole pack.
    { where: 'ends', position: -1 },
  ])('names what an index leaves out of a pack where it $where', ({ position }) =>
    withSnapshot(async (repository) => {
      const packs = [...repository.indexedPacks()];
      const partly = packs.find(({ blobs }) => blobs.length > 1)!;
      const [left] = partly.blobs.splice(position, 1);
      for await (const { name } of repository.storage.list('index/')) await repository.storage.remove(name);
      for (const document of encodeIndexFiles(packs)) await repository.saveUnpacked('index', document);
      const { problems } = await checkRepository(repository, EVERYTHING);
      const messages = problems.map(({ message }) => message);
      expect(messages).toContainEqual(
        `pack ${partly.id} holds ${left!.type} blob ${left!.id}, which the index does not name there`,
      );
      expect(codes(problems)).toContain('repository/pack-size');
      expect(codes(problems)).not.toContain('repository/blob-damaged');
    }),
  );

  it('mentions packs that no index names, without calling them problems', () =>
    withSnapshot(async (repository) => {
      await repository.saveBlob('data', Buffer.from('of a backup that was killed'));
      await repository.flush();
      const { problems, figures } = await checkRepository(repository, EVERYTHING);
      expect(problems).toMatchObject([{ code: 'repository/pack-unindexed', severity: 'notice' }]);
      expect(figures.problems).toBe(0);
    }));

  it('sends to repair index, and promises nothing, when packs in no index may be what is missing', () =>
    withSnapshot(async (repository, folder) => {
      for await (const { name } of repository.storage.list('index/')) await repository.storage.remove(name);
      const { problems } = await checkRepository(await openVault(folder), STRUCTURE);
      expect(codes(problems)).toEqual(expect.arrayContaining(['repository/blob-missing', 'repository/pack-unindexed']));
      for (const { hint } of problems) {
        expect(hint).toContain('holdfast repair index');
        expect(hint).not.toContain('Nothing is lost');
      }
    }));

  it('reads all packs once in as many runs as the share says', () =>
    withRepository(
      async (repository, folder) => {
        const folderOfMany: Folder = {};
        for (let number = 0; number < 40; number++) folderOfMany[`file-${number}`] = [randomBytes(1000)];
        await saveSnapshotOf(repository, folderOfMany);
        const packs = (await packFiles(folder)).length;
        const runs: number[] = [];
        for (let turn = 7; turn < 11; turn++) {
          runs.push(
            (await checkRepository(repository, { readData: { kind: 'rotating', share: 0.25, turn } })).figures
              .packsRead,
          );
        }
        expect(runs.reduce((sum, read) => sum + read, 0)).toBe(packs);
        expect(Math.max(...runs)).toBeLessThan(packs);
      },
      { packSizeBytes: 2000 },
    ));

  it('stops within a moment when it is aborted', () =>
    withSnapshot(async (repository) => {
      const abort = new AbortController();
      let abortedAt: number | undefined;
      const checking = checkRepository(repository, {
        ...EVERYTHING,
        signal: abort.signal,
        progress: {
          report: () => {
            abortedAt ??= performance.now();
            abort.abort();
          },
        },
      });
      await expect(checking).rejects.toMatchObject({ code: 'Interrupted' });
      expect(performance.now() - abortedAt!).toBeLessThan(2000);
    }));
});

describe('a repository with a damaged index', () => {
  it('cannot be used by accident', () =>
    withSnapshot(async (repository, folder) => {
      await repository.storage.write(`index/${'e'.repeat(64)}`, Buffer.alloc(64));
      await expect(reopen(folder)).rejects.toMatchObject({ code: 'Integrity' });
    }));
});
