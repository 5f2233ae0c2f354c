/** What networks and servers do to SFTP: within their time limits everything ends, and nothing half-written is ever visible. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HoldfastError } from '../../common/errors.ts';
import { openSftpStorage, type SftpStorageOptions } from '../../storage/sftp.ts';
import type { Storage } from '../../storage/storage.ts';
import { requirePeer } from '../peers.ts';
import { startPoorSftpServer, type PoorServer, type PoorServerOptions } from '../servers/poor-sftp-server.ts';
import { behindProxy, namesOf, SHORT } from './behind-proxy.ts';
import { describeStorageContract } from './contract.ts';

const sshd = requirePeer('sshd');
const toxiproxy = requirePeer('toxiproxy-server');
const MiB = 1024 * 1024;

toxiproxy.describe('SFTP through a bad network', () => {
  const withStorage = behindProxy(sshd.command, toxiproxy.command);

  it('works, only slower, where every answer takes 200 ms', () =>
    withStorage(async ({ storage, proxy }) => {
      await proxy.set({ type: 'latency', attributes: { latency: 200 } });
      const content = randomBytes(3 * MiB);
      await storage.write('data/ab/object', content);
      expect(await storage.read('data/ab/object')).toEqual(content);
      await Promise.all(
        Array.from({ length: 64 }, (_, number) => storage.write(`many/${number}`, randomBytes(10_000))),
      );
      expect(await namesOf(storage)).toHaveLength(65);
    }));

  it('does again, on fresh connections, what was cut, and goes on with a download where it was', () =>
    withStorage(async ({ storage, folder, proxy }) => {
      const content = randomBytes(4 * MiB);
      const large = randomBytes(24 * MiB);
      await storage.write('large', large);
      await proxy.set(
        { type: 'limit_data', attributes: { bytes: 5 * MiB }, stream: 'upstream' },
        { type: 'limit_data', attributes: { bytes: 5 * MiB }, stream: 'downstream' },
      );
      for (let number = 0; number < 6; number += 1)
        await storage.write(`object-${number}`, content, { existing: 'refuse' });
      for (let number = 0; number < 6; number += 1)
        expect((await storage.read(`object-${number}`)).equals(content)).toBe(true);
      const hash = createHash('sha256');
      for await (const piece of await storage.openRead('large')) hash.update(piece as Buffer);
      expect(hash.digest('hex')).toBe(createHash('sha256').update(large).digest('hex'));
      expect((await namesOf(storage)).length).toBe(7);
      for (let number = 0; number < 6; number += 1) await storage.remove(`object-${number}`);
      expect(await namesOf(storage)).toEqual(['large']);
      expect((await readdir(folder)).filter((name) => !name.startsWith('.tmp-'))).toEqual(['large']);
    }));

  it('never goes on in another file than the one that it began to read', () =>
    withStorage(async ({ storage, folder, proxy }) => {
      await storage.write('large', Buffer.alloc(24 * MiB, 'a'));
      await proxy.set({ type: 'limit_data', attributes: { bytes: 5 * MiB }, stream: 'downstream' });
      const reading = async (): Promise<void> => {
        let isReplaced = false;
        for await (const piece of await storage.openRead('large')) {
          expect((piece as Buffer).includes('b')).toBe(false);
          if (isReplaced) continue;
          await writeFile(join(folder, 'other'), Buffer.alloc(25 * MiB, 'b'));
          await rename(join(folder, 'other'), join(folder, 'large'));
          isReplaced = true;
        }
      };
      await expect(reading()).rejects.toMatchObject({ code: 'StorageUnreachable', retryable: true });
    }));

  it('fails with a storage error where no connection lives long enough, and leaves nothing to be seen', () =>
    withStorage(async ({ storage, proxy }) => {
      await storage.write('kept', Buffer.from('old'));
      // Less than one request takes.
      await proxy.set({ type: 'limit_data', attributes: { bytes: 100_000 }, stream: 'upstream' });
      const failure = { code: 'StorageUnreachable', retryable: true };
      await expect(storage.write('kept', randomBytes(12 * MiB))).rejects.toMatchObject(failure);
      await expect(storage.write('streamed', halves())).rejects.toMatchObject(failure);
      await proxy.set();
      expect(await namesOf(storage)).toEqual(['kept']);
      expect((await storage.read('kept')).toString()).toBe('old');
      await storage.write('kept', Buffer.from('new'));
    }));

  it('notices in seconds that nothing comes back any more, and works again when it does', () =>
    withStorage(async ({ storage, proxy }) => {
      await storage.write('object', Buffer.from('x'));
      await proxy.set({ type: 'timeout', attributes: { timeout: 0 } });
      const begun = performance.now();
      const failure = { code: 'StorageUnreachable', retryable: true };
      await expect(storage.read('object')).rejects.toMatchObject(failure);
      await expect(storage.write('other', Buffer.from('x'))).rejects.toMatchObject(failure);
      // The connection that dies, and the handshake of the one after it, twice.
      expect(performance.now() - begun).toBeLessThan(40_000);
      await proxy.set();
      expect((await storage.read('object')).toString()).toBe('x');
    }));

  it('stops at once when it is told to, though nothing comes back', () =>
    withStorage(async ({ storage, proxy }) => {
      await storage.write('object', Buffer.from('x'));
      await proxy.set({ type: 'timeout', attributes: { timeout: 0 } });
      const begun = performance.now();
      const signal = AbortSignal.timeout(100);
      await expect(storage.read('object', undefined, { signal })).rejects.toMatchObject({ code: 'Interrupted' });
      expect(performance.now() - begun).toBeLessThan(1400);
    }));
});

describe('SFTP on a server that has nothing but the protocol', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-poor-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const account = { user: 'me', password: 'geheim' };
  const start = (options: Partial<PoorServerOptions> = {}) => startPoorSftpServer({ folder, ...account, ...options });
  async function open(server: PoorServer, path: string, timing: Partial<SftpStorageOptions['timing']> = {}) {
    const surroundings = { environment: {}, resolveSecret: async () => account.password };
    const place = { host: '127.0.0.1', port: server.port, path, hostKey: server.hostKey() };
    const identity = { user: account.user, password: { env: 'PASSWORD' } };
    return openSftpStorage(place, identity, surroundings, { role: 'writer', timing: { ...SHORT, ...timing } });
  }

  describe('that asks for a password', () => {
    let server: PoorServer;
    let storages: Storage[];
    beforeAll(async () => {
      server = await start();
      storages = [await open(server, 'contract'), await open(server, 'contract')];
    });
    afterAll(async () => {
      for (const storage of storages) await storage.close();
      await server.stop();
    });

    describeStorageContract('SFTP without extensions', async (body) => {
      await rm(join(folder, 'contract'), { recursive: true, force: true });
      await body({ storage: storages[0]!, reopen: () => storages[1]! });
    });

    it('is asked for no larger pieces than every server must take', () => {
      expect(server.largestPiece()).toBeLessThanOrEqual(32_768);
      expect(server.largestPiece()).toBeGreaterThan(16_000);
    });
  });

  it('lets in who answers its question for the password, and nobody with another one', async () => {
    const server = await start({ asks: 'keyboard-interactive' });
    try {
      await (await open(server, 'x')).close();
      const other = { user: account.user, password: { env: 'OTHER' } };
      const surroundings = { environment: {}, resolveSecret: async () => 'wrong' };
      const place = { host: '127.0.0.1', port: server.port, path: 'x', hostKey: server.hostKey() };
      const refused = openSftpStorage(place, other, surroundings, { role: 'writer' });
      await expect(refused).rejects.toMatchObject({ code: 'AccessDenied', retryable: false });
      await expect(refused).rejects.not.toThrow(/wrong/);
    } finally {
      await server.stop();
    }
  });

  it.each([
    { what: 'many requests', bytes: 2 * MiB },
    { what: 'one request, sent with its sync and its close', bytes: 1000 },
  ])('whose disk is full fails the write of $what, and shows nothing of it', async ({ bytes }) => {
    const server = await start({ diskBytes: bytes / 2 });
    try {
      const storage = await open(server, 'full');
      await expect(storage.write('object', randomBytes(bytes))).rejects.toMatchObject({ code: 'StorageUnreachable' });
      expect(await namesOf(storage)).toEqual([]);
      expect(await readdir(join(folder, 'full'))).toEqual([]);
      await storage.close();
    } finally {
      await server.stop();
    }
  });

  describe('that cannot replace, and refuses the new name', () => {
    /** @param refuses Whether the renaming of this number to the name, when it is free, is refused; from 1 on. */
    async function withKept(refuses: (number: number) => boolean, body: (storage: Storage) => Promise<void>) {
      let isAsked = false;
      let number = 0;
      const server = await start({
        refusesRename: (_from, to) => isAsked && to === 'exchange/kept' && refuses((number += 1)),
      });
      try {
        const storage = await open(server, 'exchange');
        await storage.write('kept', Buffer.from('old'));
        isAsked = true;
        await body(storage);
        await storage.close();
      } finally {
        await server.stop();
        await rm(join(folder, 'exchange'), { recursive: true });
      }
    }
    /** What lies there, under whatever names. */
    async function contents(): Promise<string[]> {
      const names = await readdir(join(folder, 'exchange'));
      const read = names.map(async (name) => readFile(join(folder, 'exchange', name), 'utf8'));
      return (await Promise.all(read)).toSorted();
    }

    it('keeps what was there', () =>
      withKept(
        // The second one puts the old one back.
        (number) => number === 1,
        async (storage) => {
          const failure = { code: 'StorageUnreachable', retryable: true };
          await expect(storage.write('kept', Buffer.from('new'))).rejects.toMatchObject(failure);
          expect((await storage.read('kept')).toString()).toBe('old');
          expect(await contents()).toEqual(['old']);
        },
      ));

    it('has both under other names, and says which, where the old one cannot be put back either', () =>
      withKept(
        () => true,
        async (storage) => {
          const error: unknown = await storage.write('kept', Buffer.from('new')).catch((caught: unknown) => caught);
          expect(error).toMatchObject({ code: 'StorageUnreachable', retryable: false });
          const { hint = '' } = error as HoldfastError;
          const [, old, next] = /rename (\S+) \(what was there\) or (\S+) \(what was to come\) to exchange\/kept/.exec(
            hint,
          )!;
          expect(await readFile(join(folder, old!), 'utf8')).toBe('old');
          expect(await readFile(join(folder, next!), 'utf8')).toBe('new');
          expect(await namesOf(storage)).toEqual([]);
        },
      ));
  });

  it('that hangs, though its connection lives, is given up', async () => {
    let hangs = false;
    const server = await start({ hangs: () => hangs });
    try {
      const storage = await open(server, 'hangs', { silenceMilliseconds: 1000 });
      hangs = true;
      const failure = { code: 'StorageUnreachable', retryable: true };
      await expect(storage.read('object')).rejects.toMatchObject(failure);
      hangs = false;
      await storage.write('object', Buffer.from('x'));
      expect((await readFile(join(folder, 'hangs/object'))).toString()).toBe('x');
      await storage.close();
    } finally {
      await server.stop();
    }
  });
});

async function* halves(): AsyncIterable<Buffer> {
  for (let number = 0; number < 8; number += 1) yield randomBytes(MiB);
}
