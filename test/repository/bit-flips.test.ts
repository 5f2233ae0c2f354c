import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../common/errors.ts';
import { checkRepository } from '../../repository/check-repository.ts';
import { addKey } from '../../repository/keys.ts';
import { createStoredRepository } from '../../repository/open-repository.ts';
import { ReaderPool } from '../../repository/reader-pool.ts';
import type { Repository } from '../../repository/repository.ts';
import { restore } from '../../repository/restore.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { saveSnapshotOf, withRepository, type Folder } from './repository-fixture.ts';

const FLIPS = 2000;
/** A restore takes longer than a check of so little: one in so many flips is followed by restores. */
const FLIPS_PER_RESTORE = 25;

const contents: Record<string, Buffer[]> = {
  'shop/ledger.csv': [randomBytes(9000), Buffer.alloc(40_000, 'order 4711;')],
  'shop/deeper/note.txt': [Buffer.from('a note')],
  'shop/empty.txt': [],
  'readme.txt': [Buffer.alloc(3000, 'read me ')],
};
const FOLDER: Folder = {
  shop: {
    'ledger.csv': contents['shop/ledger.csv']!,
    deeper: { 'note.txt': contents['shop/deeper/note.txt']! },
    'empty.txt': [],
  },
  'readme.txt': contents['readme.txt']!,
};

/** Numbers from 0 (included) to 1, the same in each run. */
function* numbers(seed: string): Generator<number, never> {
  for (let count = 0; ; count++) {
    yield createHash('sha256').update(`${seed} ${count}`).digest().readUIntBE(0, 6) / 2 ** 48;
  }
}

interface Flip {
  file: string;
  offset: number;
  mask: number;
}

function flip(vault: string, { file, offset, mask }: Flip): void {
  const descriptor = openSync(join(vault, file), 'r+');
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, offset);
  byte[0]! ^= mask;
  writeSync(descriptor, byte, 0, 1, offset);
  closeSync(descriptor);
}

function allFiles(vault: string): string[] {
  return readdirSync(vault, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(vault, join(entry.parentPath, entry.name)))
    .toSorted();
}

/** One of everything: two keys, two index files, snapshots, packs of data and trees, a held lock. */
async function withFullRepository(body: (repository: Repository, vault: string) => Promise<void>): Promise<void> {
  await withRepository(
    async (repository, folder) => {
      await addKey(repository, 'another password', { kdf: { N: 1024, r: 8, p: 1 }, now: new Date() });
      await saveSnapshotOf(repository, { 'older.bin': [randomBytes(2000)] }, '2026-11-22T02:00:00Z');
      await saveSnapshotOf(repository, FOLDER);
      const lock = await repository.lock('shared');
      const vault = join(folder, 'vault');
      for (const file of allFiles(vault)) chmodSync(join(vault, file), 0o600);
      try {
        await body(repository, vault);
      } finally {
        await lock.release();
      }
    },
    { packSizeBytes: 8000 },
  );
}

describe('a repository in which one bit is flipped', () => {
  it(
    `is noticed by a check of all data, the file named, in ${FLIPS} random places; and a restore says what it could not bring back`,
    () =>
      withFullRepository(async (repository, vault) => {
        const files = allFiles(vault);
        const kinds = new Set(files.map((file) => file.split('/')[0]));
        expect([...kinds].toSorted()).toEqual(['config', 'data', 'index', 'keys', 'locks', 'snapshots']);
        const random = numbers('bit flips');
        const pool = new ReaderPool(repository);
        const check = async () => (await checkRepository(repository, { readData: { kind: 'all' }, pool })).problems;
        try {
          expect(await check()).toEqual([]);
          for (let count = 1; count <= FLIPS; count++) {
            const file = files[Math.floor(random.next().value * files.length)]!;
            const offset = Math.floor(random.next().value * statSync(join(vault, file)).size);
            const flipped: Flip = { file, offset, mask: 1 << Math.floor(random.next().value * 8) };
            flip(vault, flipped);
            const problems = (await check()).filter(({ severity }) => severity !== 'notice');
            expect([flipped, problems.map(({ subject }) => subject)]).toEqual([
              flipped,
              expect.arrayContaining([file]),
            ]);
            if (count % FLIPS_PER_RESTORE === 0) await expectHonestRestore(repository, vault);
            flip(vault, flipped);
          }
          expect(await check()).toEqual([]);
        } finally {
          await pool.close();
        }
      }),
    600_000,
  );
});

/** What is restored is right, or told; an error is a way of telling. */
async function expectHonestRestore(opened: Repository, vault: string): Promise<void> {
  const target = join(vault, '..', 'restored');
  rmSync(target, { recursive: true, force: true });
  const { config, key } = opened;
  // As a new process would, which has no index in memory.
  const repository = createStoredRepository(openLocalStorage(vault), config, key, {});
  let told: string[];
  try {
    await repository.loadIndex();
    const snapshot = (await repository.listSnapshots()).at(-1)!;
    told = (await restore(repository, { snapshot, target })).problems.map(({ subject }) => subject.replace(/^\//, ''));
  } catch (error) {
    if (error instanceof HoldfastError) return;
    throw error;
  }
  for (const [path, blobs] of Object.entries(contents)) {
    const restored = join(target, path);
    const isRight = existsSync(restored) && readFileSync(restored).equals(Buffer.concat(blobs));
    const isTold = told.some((subject) => subject === '' || `${path}/`.startsWith(`${subject}/`));
    expect([path, told, isRight || isTold]).toEqual([path, told, true]);
  }
}
