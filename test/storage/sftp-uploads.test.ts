/** Uploads over SFTP that meet trouble: they go on where they were, and a full disk is told as what it is. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openSftpStorage } from '../../storage/sftp.ts';
import { WITHOUT_ROOT_POWERS } from '../cli/run-cli.ts';
import { itAsRoot, requirePeer } from '../peers.ts';
import { mountSmallDisk } from '../servers/small-disk.ts';
import { startSshd } from '../servers/sshd.ts';
import type { Toxic } from '../servers/toxiproxy.ts';
import { behindProxy, namesOf } from './behind-proxy.ts';

const sshd = requirePeer('sshd');
const toxiproxy = requirePeer('toxiproxy-server');
const MiB = 1024 * 1024;

const CUT_UPLOADS: Toxic = { type: 'limit_data', attributes: { bytes: 5 * MiB }, stream: 'upstream' };

toxiproxy.describe('an SFTP upload on a line that is cut every 5 MiB', () => {
  const withStorage = behindProxy(sshd.command, toxiproxy.command);

  it('goes on with an upload where it was', () =>
    withStorage(async ({ storage, folder, proxy }) => {
      const content = randomBytes(16 * MiB);
      await storage.write('small', Buffer.from('x'));
      await proxy.set(CUT_UPLOADS);
      await storage.write('ab/large', content, { existing: 'refuse' });
      expect((await readFile(join(folder, 'ab/large'))).equals(content)).toBe(true);
      const modeOf = async (name: string): Promise<number> => (await stat(join(folder, name))).mode & 0o777;
      expect(await modeOf('ab/large')).toBe(await modeOf('small'));
      await storage.write('ab/large', content.subarray(MiB));
      expect((await readFile(join(folder, 'ab/large'))).equals(content.subarray(MiB))).toBe(true);
      const other = storage.write('ab/large', content, { existing: 'refuse' });
      await expect(other).rejects.toMatchObject({ code: 'AlreadyExists' });
      // What was under way of a stream is kept on a line that was cut before, also where its giver uses its memory again.
      await storage.write('streamed', slices(content));
      expect((await readFile(join(folder, 'streamed'))).equals(content)).toBe(true);
      expect((await readdir(folder)).toSorted()).toEqual(['ab', 'small', 'streamed']);
      expect(await readdir(join(folder, 'ab'))).toEqual(['large']);
    }));

  it('sends a stream by the second try at the latest', () =>
    withStorage(async ({ storage, folder, proxy }) => {
      await proxy.set(CUT_UPLOADS);
      const content = randomBytes(24 * MiB);
      const failure = { code: 'StorageUnreachable', retryable: true };
      await expect(storage.write('streamed', slices(content))).rejects.toMatchObject(failure);
      await storage.write('streamed', slices(content));
      expect((await readFile(join(folder, 'streamed'))).equals(content)).toBe(true);
    }));

  it('does not go on with a file that lost what the server had of it', () =>
    withStorage(async ({ storage, folder, proxy }) => {
      await proxy.set(CUT_UPLOADS);
      let shortened = 0;
      const shorten = async (): Promise<void> => {
        for (const name of await readdir(folder).catch(() => []))
          if (name.startsWith('.tmp-') && (await stat(join(folder, name))).size > 4 * MiB) {
            await truncate(join(folder, name), MiB);
            shortened += 1;
          }
      };
      const timer = setInterval(() => void shorten().catch(() => undefined), 5);
      try {
        const writing = storage.write('large', randomBytes(24 * MiB));
        const failure = {
          message: expect.stringMatching(/has \d+ bytes of an upload of which it had \d+/),
          retryable: true,
        };
        await expect(writing).rejects.toMatchObject(failure);
        expect(shortened).toBeGreaterThan(0);
      } finally {
        clearInterval(timer);
      }
      expect(await namesOf(storage)).toEqual([]);
    }));
});

// Root may write into any file, unless it gives that power away.
toxiproxy.describe('SFTP on a server whose account is bound by modes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bound-'));
  const command = join(folder, 'sshd');
  writeFileSync(command, `#!/bin/sh\nexec ${WITHOUT_ROOT_POWERS.join(' ')} ${sshd.command} "$@"\n`, { mode: 0o755 });
  afterAll(() => rm(folder, { recursive: true }));
  const withStorage = behindProxy(command, toxiproxy.command);

  it('goes on with a file that nobody may write into, and leaves it so', () =>
    withStorage(async ({ storage, folder: data, proxy }) => {
      await proxy.set(CUT_UPLOADS);
      const content = randomBytes(16 * MiB);
      await storage.write('large', content);
      expect((await readFile(join(data, 'large'))).equals(content)).toBe(true);
      expect((await stat(join(data, 'large'))).mode & 0o777).toBe(0o400);
    }));
});

sshd.describe('SFTP on OpenSSH’s server', () => {
  itAsRoot('says that its disk is full, and how full, where the server says no more than "Failure"', async () => {
    const disk = mountSmallDisk(12);
    const folder = join(disk.folder, 'server');
    await mkdir(folder);
    const server = await startSshd(sshd.command, { folder });
    const storage = await openSftpStorage(server.place('full'), server.identity('admin'), server.surroundings, {
      role: 'writer',
    });
    try {
      for (const content of [randomBytes(16 * MiB), slices(randomBytes(16 * MiB))]) {
        const failure = {
          code: 'StorageUnreachable',
          hint: 'Free space on the disk of the server, then run it again.',
        };
        const writing = storage.write('object', content);
        await expect(writing).rejects.toMatchObject(failure);
        await expect(writing).rejects.toThrow(
          /^no space is left on sftp:\/\/\S+\/full \((0 B|[\d.]+ [KM]iB) of 12\.0 MiB free\)$/,
        );
      }
      expect(await namesOf(storage)).toEqual([]);
      expect(await readdir(join(server.data, 'full'))).toEqual([]);
    } finally {
      await storage.close();
      await server.stop();
      disk.unmount();
    }
  });
});

/** Always in the same memory. */
async function* slices(content: Buffer): AsyncIterable<Buffer> {
  const memory = Buffer.alloc(700_000);
  for (let at = 0; at < content.length; at += memory.length)
    yield memory.subarray(0, content.copy(memory, 0, at, at + memory.length));
}
