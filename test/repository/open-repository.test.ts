import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile, chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { initRepository } from '../../repository/init-repository.ts';
import { calibrateScrypt, createKeyFile, openKeyFile, parseKeyFile } from '../../repository/key-file.ts';
import { openRepository } from '../../repository/open-repository.ts';
import { openLocalStorage } from '../../storage/local.ts';
import {
  createRepository,
  FAST_KDF,
  PASSWORD,
  reopen,
  saveFolder,
  withRepository,
  withTemporaryFolder,
} from './repository-fixture.ts';

const vault = (folder: string) => openLocalStorage(join(folder, 'vault'));

describe('creating a repository', () => {
  it('writes what restic expects, readable by its owner alone', () =>
    withTemporaryFolder(async (folder) => {
      const repository = await createRepository(folder);
      expect(repository.config).toMatchObject({ version: 2, id: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect((await readdir(join(folder, 'vault'))).filter((name) => !name.startsWith('.'))).toEqual([
        'config',
        'keys',
      ]);
      expect((await stat(join(folder, 'vault', 'config'))).mode & 0o077).toBe(0);
      const [key] = await readdir(join(folder, 'vault', 'keys'));
      const document = JSON.parse(await readFile(join(folder, 'vault', 'keys', key!), 'utf8'));
      expect(Object.keys(document)).toEqual(['created', 'username', 'hostname', 'kdf', 'N', 'r', 'p', 'salt', 'data']);
    }));

  it('refuses a second one in the same place, and an empty password', () =>
    withTemporaryFolder(async (folder) => {
      await createRepository(folder);
      await expect(createRepository(folder)).rejects.toMatchObject({ code: 'AlreadyExists' });
      await expect(initRepository(vault(folder), '')).rejects.toMatchObject({ code: 'Usage' });
    }));

  it('is finished by the same password when it was killed between key and config', () =>
    withTemporaryFolder(async (folder) => {
      await createRepository(folder);
      await rm(join(folder, 'vault', 'config'));
      await expect(initRepository(vault(folder), 'another')).rejects.toMatchObject({ code: 'AlreadyExists' });
      await initRepository(vault(folder), PASSWORD);
      expect(await readdir(join(folder, 'vault', 'keys'))).toHaveLength(1);
      await reopen(folder);
    }));

  it('by several at once gives one repository that opens', () =>
    withTemporaryFolder(async (folder) => {
      const results = await Promise.allSettled(Array.from({ length: 5 }, () => createRepository(folder)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      await reopen(folder);
    }));
});

describe('opening a repository', () => {
  it('says NoRepository where there is none', () =>
    withTemporaryFolder(async (folder) => {
      await expect(openRepository(vault(folder), PASSWORD)).rejects.toMatchObject({ code: 'NoRepository' });
    }));

  it('says WrongPassword in one sentence', () =>
    withTemporaryFolder(async (folder) => {
      await createRepository(folder);
      const error = await openRepository(vault(folder), 'wrong').catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'WrongPassword' });
      expect((error as Error).message).toBe(`the password opens no key of the repository at local:${folder}/vault`);
      expect((error as Error).message).not.toContain('wrong');
    }));

  it('tries all keys', () =>
    withTemporaryFolder(async (folder) => {
      const repository = await createRepository(folder);
      const options = { kdf: FAST_KDF, username: 'u', hostname: 'h', now: new Date() };
      for (const password of ['second', 'third']) {
        const { id, content } = await createKeyFile(repository.key, password, options);
        await repository.storage.write(`keys/${id}`, content);
      }
      for (const password of [PASSWORD, 'second', 'third']) {
        expect((await openRepository(vault(folder), password)).config).toEqual(repository.config);
      }
    }));

  it('names a damaged config or key', () =>
    withTemporaryFolder(async (folder) => {
      await createRepository(folder);
      const config = join(folder, 'vault', 'config');
      const bytes = await readFile(config);
      bytes[20]! ^= 1;
      await chmod(config, 0o600);
      await writeFile(config, bytes);
      await expect(reopen(folder)).rejects.toMatchObject({
        code: 'Integrity',
        message: expect.stringContaining('config'),
      });
      const [key] = await readdir(join(folder, 'vault', 'keys'));
      const path = join(folder, 'vault', 'keys', key!);
      await chmod(path, 0o600);
      await writeFile(path, '{}');
      await expect(reopen(folder)).rejects.toMatchObject({ code: 'Integrity', message: expect.stringContaining(key!) });
    }));
});

describe('a key file', () => {
  it('opens with its password alone', async () => {
    const key = { encrypt: randomBytes(32), macK: randomBytes(16), macR: randomBytes(16) };
    const options = { kdf: FAST_KDF, username: 'u', hostname: 'h', now: new Date() };
    const { id, content } = await createKeyFile(key, 'pässword', options);
    expect(await openKeyFile(parseKeyFile(content, id), 'pässword', id)).toEqual(key);
    expect(await openKeyFile(parseKeyFile(content, id), 'password', id)).toBeUndefined();
  });

  it('that would exhaust the machine is refused', () => {
    const file = { kdf: 'scrypt', N: 2 ** 24, r: 8, p: 1, salt: '', data: '' };
    expect(() => parseKeyFile(Buffer.from(JSON.stringify(file)), 'k')).toThrow(/1 GiB/);
    expect(() => parseKeyFile(Buffer.from(JSON.stringify({ ...file, N: -1 })), 'k')).toThrow(/parameters/);
    expect(() => parseKeyFile(Buffer.from('nonsense'), 'k')).toThrow(/not JSON/);
  });

  it('of a new repository costs N = 32768, r = 8 and at least one repetition', async () => {
    const { N, r, p } = await calibrateScrypt();
    expect([N, r]).toEqual([32_768, 8]);
    expect(p).toBeGreaterThanOrEqual(1);
    expect(p).toBeLessThanOrEqual(16);
  });
});

describe('blobs', () => {
  it('are saved once, and loaded by another instance after flush and index', () =>
    withRepository(async (repository, folder) => {
      const content = randomBytes(50_000);
      const first = await repository.saveBlob('data', content);
      expect(first).toMatchObject({ known: false });
      expect(first.storedBytes).toBeGreaterThan(50_000);
      expect(await repository.saveBlob('data', content)).toEqual({ id: first.id, known: true, storedBytes: 0 });
      expect(repository.hasBlob('data', first.id)).toBe(true);
      expect(repository.hasBlob('tree', first.id)).toBe(false);
      await repository.flush();
      await repository.saveIndex();
      const other = await reopen(folder);
      expect(await other.loadBlob('data', first.id)).toEqual(content);
      expect(await other.saveBlob('data', content)).toMatchObject({ known: true });
    }));

  it('that are not there are NotFound, and damaged ones Integrity, by name', () =>
    withRepository(async (repository, folder) => {
      const { id } = await repository.saveBlob('data', Buffer.from('orders'));
      await repository.flush();
      await expect(repository.loadBlob('data', 'f'.repeat(64))).rejects.toMatchObject({ code: 'NotFound' });
      const { packId, offset } = repository.findBlob('data', id)!;
      const path = join(folder, 'vault', 'data', packId.slice(0, 2), packId);
      const bytes = await readFile(path);
      bytes[offset + 17]! ^= 1;
      await chmod(path, 0o600);
      await writeFile(path, bytes);
      await expect(repository.loadBlob('data', id)).rejects.toMatchObject({
        code: 'Integrity',
        message: expect.stringContaining(packId),
      });
    }));

  it('of a pack that could not be written fail the flush, and are not known afterwards', () =>
    withRepository(async (repository) => {
      const write = repository.storage.write.bind(repository.storage);
      repository.storage.write = async () => {
        throw new Error('disk full');
      };
      const { id } = await repository.saveBlob('data', Buffer.from('orders'));
      await expect(repository.flush()).rejects.toThrow('disk full');
      expect(repository.hasBlob('data', id)).toBe(false);
      repository.storage.write = write;
      expect(await repository.saveBlob('data', Buffer.from('orders'))).toMatchObject({ known: false });
      await repository.flush();
      expect(await repository.loadBlob('data', id)).toEqual(Buffer.from('orders'));
    }));

  it('fill packs of the given size', () =>
    withRepository(
      async (repository) => {
        for (let number = 0; number < 60; number++) await repository.saveBlob('data', randomBytes(20_000));
        await repository.flush();
        await repository.saveIndex();
        const packs = [...repository.indexedPacks()];
        expect(packs.length).toBeGreaterThan(8);
        expect(packs.flatMap(({ blobs }) => blobs)).toHaveLength(60);
      },
      { packSizeBytes: 100_000 },
    ));

  it('written while the index is read again stay known', () =>
    withRepository(async (repository) => {
      const tree = await saveFolder(repository, { 'a.txt': ['a'] });
      await repository.flush();
      await repository.loadIndex({ reload: true });
      expect(repository.hasBlob('tree', tree)).toBe(true);
      await repository.saveIndex();
      await repository.loadIndex({ reload: true });
      expect(repository.hasBlob('tree', tree)).toBe(true);
    }));

  it('stop at an aborted signal', () =>
    withRepository(async (repository) => {
      const signal = AbortSignal.abort();
      const interrupted = { code: 'Interrupted' };
      await expect(repository.saveBlob('data', Buffer.from('x'), { signal })).rejects.toMatchObject(interrupted);
      await expect(repository.flush({ signal })).rejects.toMatchObject(interrupted);
      await expect(repository.listSnapshots({ signal })).rejects.toMatchObject(interrupted);
      await expect(repository.loadIndex({ signal, reload: true })).rejects.toMatchObject(interrupted);
      await repository.loadIndex();
    }));
});
