import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { checkRepository } from '../../repository/check-repository.ts';
import { executePrune } from '../../repository/execute-prune.ts';
import { preparePrune } from '../../repository/prune-repository.ts';
import type { Repository } from '../../repository/repository.ts';
import { decodeTree } from '../../repository/tree-node.ts';
import { listLocks } from '../../repository/unlock.ts';
import { requirePeer } from '../peers.ts';
import { realRestic } from './real-restic.ts';
import {
  createRepository,
  openVault,
  reopen,
  saveSnapshotOf,
  withTemporaryFolder,
  type Folder,
} from './repository-fixture.ts';

const restic = requirePeer('restic');

const EVERYTHING = { readData: { kind: 'all' } } as const;
const SMALL_PACKS = { packSizeBytes: 4000 };

const shared = Array.from({ length: 5 }, () => randomBytes(900));
const first: Folder = { both: { 'a.bin': shared }, 'first.bin': Array.from({ length: 40 }, () => randomBytes(900)) };
const second: Folder = { both: { 'a.bin': shared }, 'second.txt': ['text that gets smaller '.repeat(100)] };

async function prune(repository: Repository): Promise<void> {
  const lock = await repository.lock('exclusive');
  await executePrune(repository, await preparePrune(repository, { maxUnused: { share: 0 } }), SMALL_PACKS);
  await lock.release();
}

/** Restores with the real restic, and compares with what `second` holds. */
async function expectRestored(folder: string, snapshotId: string): Promise<void> {
  const target = join(folder, 'restored');
  realRestic(restic.command, folder).run(['restore', snapshotId, '--target', target, '--no-lock']);
  expect(await readFile(join(target, 'both', 'a.bin'))).toEqual(Buffer.concat(shared));
  expect(await readFile(join(target, 'second.txt'), 'utf8')).toBe('text that gets smaller '.repeat(100));
  await rm(target, { recursive: true });
}

describe('a repository of ours', () => {
  restic.it('is one for restic: it checks, lists and restores it', () =>
    withTemporaryFolder(async (folder) => {
      const repository = await createRepository(folder, SMALL_PACKS);
      await repository.loadIndex();
      await saveSnapshotOf(repository, first);
      const { id } = await saveSnapshotOf(repository, second);
      const real = realRestic(restic.command, folder);
      real.run(['check', '--read-data']);
      const listed = JSON.parse(real.run(['snapshots', '--json'])) as { id: string }[];
      expect(listed.map((snapshot) => snapshot.id)).toContain(id);
      await expectRestored(folder, id);
    }),
  );

  restic.it('is accepted by restic after our prune, and after restic’s', () =>
    withTemporaryFolder(async (folder) => {
      const repository = await createRepository(folder, SMALL_PACKS);
      await repository.loadIndex();
      const forgotten = await saveSnapshotOf(repository, first);
      const { id } = await saveSnapshotOf(repository, second);
      await repository.removeSnapshot(forgotten.id);
      await prune(repository);
      const real = realRestic(restic.command, folder);
      real.run(['check', '--read-data']);
      await expectRestored(folder, id);
      const third = await saveSnapshotOf(await reopen(folder, SMALL_PACKS), first);
      real.run(['forget', third.id]);
      real.run(['prune', '--max-unused', '0']);
      expect((await checkRepository(await openVault(folder), EVERYTHING)).problems).toEqual([]);
      await expectRestored(folder, id);
    }),
  );

  restic.it('can be opened with a key that restic added', () =>
    withTemporaryFolder(async (folder) => {
      await createRepository(folder);
      const passwordFile = join(folder, 'second-password');
      await writeFile(passwordFile, 'another');
      realRestic(restic.command, folder).run(['key', 'add', '--new-password-file', passwordFile]);
      expect((await reopen(folder)).config.version).toBe(2);
    }),
  );

  restic.it('is locked for restic by our locks, and for us by restic’s stale ones not', () =>
    withTemporaryFolder(async (folder) => {
      const repository = await createRepository(folder);
      const real = realRestic(restic.command, folder);
      const lock = await repository.lock('exclusive');
      const refused = real.tryRun(['check']);
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toContain(`PID ${process.pid}`);
      expect(JSON.parse(real.run(['cat', 'lock', (await listLocks(repository))[0]!.id, '--no-lock']))).toMatchObject({
        exclusive: true,
        pid: process.pid,
      });
      await lock.release();
      real.run(['check']);
    }),
  );

  restic.it(
    'killed at any moment of a prune is sound for restic, and the next prune finishes',
    () =>
      withTemporaryFolder(async (folder) => {
        const repository = await createRepository(folder, SMALL_PACKS);
        await repository.loadIndex();
        const forgotten = await saveSnapshotOf(repository, first);
        const { id } = await saveSnapshotOf(repository, second);
        await repository.removeSnapshot(forgotten.id);
        const script = new URL('killed-prune.ts', import.meta.url).pathname;
        let kills = 0;
        for (let changes = 2; ; changes += 2, kills++) {
          const copy = join(folder, `killed-${changes}`);
          await mkdir(copy);
          await cp(join(folder, 'vault'), join(copy, 'vault'), { recursive: true, preserveTimestamps: true });
          const { signal, status, stderr } = spawnSync(process.execPath, [
            script,
            join(copy, 'vault'),
            String(changes),
          ]);
          const real = realRestic(restic.command, copy);
          real.run(['check', '--read-data', '--no-lock']);
          await expectRestored(copy, id);
          // The dead process's lock does not stand in the way.
          await prune(await reopen(copy));
          real.run(['check', '--read-data']);
          await expectRestored(copy, id);
          await rm(copy, { recursive: true });
          if (signal === null) {
            expect([status, stderr.toString()]).toEqual([0, '']);
            break;
          }
          expect(signal).toBe('SIGKILL');
        }
        expect(kills).toBeGreaterThan(4);
      }),
    300_000,
  );
});

describe('a repository of restic’s', () => {
  restic.it('is opened, checked and read by us', () =>
    withTemporaryFolder(async (folder) => {
      const real = realRestic(restic.command, folder);
      await fillSource(folder);
      real.run(['backup', 'source'], { cwd: folder });
      const repository = await reopen(folder);
      const { problems, figures } = await checkRepository(repository, EVERYTHING);
      expect(problems).toEqual([]);
      expect(figures).toMatchObject({ snapshots: 1 });
      const [snapshot] = await repository.listSnapshots();
      const [source] = decodeTree(await repository.loadBlob('tree', snapshot!.tree));
      const nodes = decodeTree(await repository.loadBlob('tree', source!.subtree!));
      for (const node of nodes) {
        const blobs: Buffer[] = [];
        for (const blob of node.content!) blobs.push(await repository.loadBlob('data', blob));
        expect(Buffer.concat(blobs)).toEqual(await readFile(join(folder, 'source', node.name)));
      }
    }),
  );

  restic.it('is pruned by us, and then checked and restored by restic', () =>
    withTemporaryFolder(async (folder) => {
      const real = realRestic(restic.command, folder);
      await fillSource(folder);
      real.run(['backup', 'source'], { cwd: folder });
      await rm(join(folder, 'source', 'big.bin'));
      await writeFile(join(folder, 'source', 'new.bin'), randomBytes(2_000_000));
      real.run(['backup', 'source'], { cwd: folder });
      const repository = await reopen(folder);
      const [oldest] = await repository.listSnapshots();
      await repository.removeSnapshot(oldest!.id);
      await prune(repository);
      real.run(['check', '--read-data']);
      real.run(['restore', 'latest', '--target', join(folder, 'restored')]);
      for (const name of await readdir(join(folder, 'source'))) {
        expect(await readFile(join(folder, 'restored', 'source', name))).toEqual(
          await readFile(join(folder, 'source', name)),
        );
      }
    }),
  );

  restic.it('of format version 1 is read, and never written', () =>
    withTemporaryFolder(async (folder) => {
      const password = join(folder, 'password');
      await writeFile(password, 'correct horse');
      const vault = join(folder, 'vault');
      const made = spawnSync(
        restic.command,
        ['-r', vault, '--password-file', password, '--no-cache', 'init', '--repository-version', '1'],
        { encoding: 'utf8' },
      );
      expect([made.status, made.stderr]).toEqual([0, '']);
      const real = realRestic(restic.command, folder);
      await fillSource(folder);
      real.run(['backup', 'source'], { cwd: folder });
      const repository = await reopen(folder);
      expect(repository.config.version).toBe(1);
      expect((await checkRepository(repository, EVERYTHING)).problems).toEqual([]);
      await expect(repository.saveBlob('data', Buffer.from('x'))).rejects.toMatchObject({ code: 'NotBuilt' });
      const [snapshot] = await repository.listSnapshots();
      await expect(repository.removeSnapshot(snapshot!.id)).rejects.toMatchObject({ code: 'NotBuilt' });
      await expect(repository.lock('exclusive')).rejects.toMatchObject({ code: 'NotBuilt' });
      expect(await repository.listSnapshots()).toHaveLength(1);
    }),
  );
});

async function fillSource(folder: string): Promise<void> {
  await mkdir(join(folder, 'source'));
  await writeFile(join(folder, 'source', 'big.bin'), randomBytes(3_000_000));
  await writeFile(join(folder, 'source', 'text.txt'), 'orders\n'.repeat(100_000));
  await writeFile(join(folder, 'source', 'empty'), '');
}
