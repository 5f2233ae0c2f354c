import { randomBytes } from 'node:crypto';
import { link, mkdir, mkdtemp, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { fromText } from '../../files/byte-path.ts';
import { openEncryptedTree } from '../../files/encrypted-tree.ts';
import type { FileTree } from '../../files/file-tree.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { temporaryName } from '../../storage/sftp-temporary.ts';
import { openSftpTree } from '../../storage/sftp-tree.ts';
import type { StorageRole } from '../../storage/storage.ts';
import { cryptSettings } from '../files/real-rclone.ts';
import { countOpenFiles } from '../files/tree-contract/open-files.ts';
import { entryOf, expectRefusal, expectRefusals, put, read, walk } from '../files/tree-contract/tree-under-test.ts';
import { describeTreeContract, type WithTree } from '../files/tree-contract.ts';
import { requirePeer } from '../peers.ts';
import { startPoorSftpServer, type PoorServer } from '../servers/poor-sftp-server.ts';
import { startSshd, type SshServer } from '../servers/sshd.ts';

const sshd = requirePeer('sshd');
const crypt = cryptSettings({ password: 'correct horse', salt: 'battery staple' });

/** @param data The folder of the server, below which `openTree` opens. */
function onFolder(data: () => string, openTree: (path: string) => Promise<FileTree>): WithTree {
  return async (body) => {
    const folder = await mkdtemp(join(data(), 'contract-'));
    const opened: FileTree[] = [];
    const openAt = async (path: string): Promise<FileTree> => {
      const tree = await openTree(`${basename(folder)}/${path}`);
      opened.push(tree);
      return tree;
    };
    await mkdir(join(folder, 'root'));
    try {
      await body({
        tree: await openAt('root'),
        reopen: () => openAt('root'),
        openMissing: async () => ({ missing: await openAt('missing/root'), above: openLocalTree(folder) }),
        stored: async () => (await readdir(join(folder, 'root'), { recursive: true })).toSorted(),
        openFiles: () => countOpenFiles(join(folder, 'root')),
      });
    } finally {
      await Promise.all(opened.map((tree) => tree.close()));
      await rm(folder, { recursive: true });
    }
  };
}

sshd.describe('trees on SSH servers', () => {
  let server: SshServer;
  let folders = 0;

  beforeAll(async () => {
    server = await startSshd(sshd.command);
  });
  afterAll(() => server.stop());

  const open = (path: string, role: StorageRole = 'writer'): Promise<FileTree> =>
    openSftpTree(server.place(path), server.identity('lax'), server.surroundings, { role });

  const onServer = (wrap: (tree: FileTree) => FileTree | Promise<FileTree>): WithTree =>
    onFolder(
      () => server.data,
      async (path) => wrap(await open(path)),
    );

  describeTreeContract(
    'the tree on OpenSSH',
    { anyBytes: false, timeNs: 1_000_000_000n },
    onServer((tree) => tree),
  );

  // Encrypted names are letters alone.
  describeTreeContract(
    'the encrypted tree on OpenSSH',
    { links: false, nameBytes: 143, timeNs: 1_000_000_000n },
    onServer(async (tree) => openEncryptedTree(tree, await crypt)),
  );

  describe('a tree on OpenSSH', () => {
    let tree: FileTree;
    let folder: string;
    beforeEach(async () => {
      const name = `tree-${(folders += 1)}`;
      folder = join(server.data, name);
      await mkdir(folder);
      tree = await open(name);
    });
    afterEach(() => tree.close());
    const begunAt = (seconds: number): string =>
      `.tmp-${Math.floor(seconds).toString(16).padStart(8, '0')}-${randomBytes(8).toString('hex')}`;

    it('removes what killed runs left a day ago, and nothing that is still written, whatever its time', async () => {
      const now = Date.now() / 1000;
      const [before, yesterday] = [now - 23 * 3600, now - 25 * 3600];
      const [left, leftByEarlierVersion] = [begunAt(yesterday), `.tmp-${'a'.repeat(24)}`];
      const [ofOldFile, slow, ofOldFileToo] = [temporaryName(), begunAt(yesterday), begunAt(before)];
      const times: [string, number][] = [
        [left, yesterday],
        [leftByEarlierVersion, yesterday],
        [ofOldFile, 1_000_000_000],
        [ofOldFileToo, 0],
        [slow, before],
      ];
      for (const [name, time] of times) {
        await writeFile(join(folder, name), 'part');
        await utimes(join(folder, name), time, time);
      }
      const reader = await open(folder, 'reader');
      expect(await walk(reader)).toEqual([]);
      await reader.close();
      expect(await readdir(folder)).toHaveLength(times.length);
      expect(await walk(tree)).toEqual([]);
      // Whoever has changed nothing may be planning, or refused here.
      await delay(300);
      expect(await readdir(folder)).toHaveLength(times.length);
      await put(tree, 'file', 'content');
      expect((await walk(tree)).length).toBe(1);
      const kept = [ofOldFile, ofOldFileToo, slow, 'file'].toSorted();
      await expect.poll(async () => (await readdir(folder)).toSorted(), { timeout: 5000 }).toEqual(kept);
    });

    it('says of names that it cannot have why, and never that they may pass', async () => {
      const names = ['\xff', fromText('\ufffd'), temporaryName(), `folder/${temporaryName()}/file`] as ByteString[];
      for (const path of names) {
        expect(tree.refuses?.(entryOf(path))).toMatch(/its name/);
        await expectRefusal(() => put(tree, path), 'Usage');
        await expect(put(tree, path)).rejects.toThrow(/its name/);
      }
      const target = { type: 'symlink' as const, linkTarget: fromText('\ufffd') };
      expect(tree.refuses?.(entryOf('link', target))).toMatch(/its target/);
      await expectRefusal(() => tree.replaceSymlink('link' as ByteString, target.linkTarget, {}), 'Usage');
      expect(await readdir(folder)).toEqual([]);
    });

    it('reads a file whole, the old or the new one, that is replaced at this moment', async () => {
      const contents = [100, 200 * 1024, 300 * 1024].map((size, number) => Buffer.alloc(size, number));
      for (const [number, content] of contents.entries()) await writeFile(join(folder, `${number}`), content);
      await link(join(folder, '0'), join(folder, 'file'));
      let isReading = true;
      const replacing = (async () => {
        for (let number = 1; isReading; number = (number + 1) % contents.length) {
          await link(join(folder, `${number}`), join(folder, 'next'));
          await rename(join(folder, 'next'), join(folder, 'file'));
        }
      })();
      const readers = Array.from({ length: 8 }, async () => {
        for (let count = 0; count < 60; count++) {
          const content = await read(tree, 'file');
          expect(content.length).toBe(contents[content[0]!]!.length);
          expect(content.equals(contents[content[0]!]!)).toBe(true);
        }
      });
      await Promise.all(readers).finally(() => (isReading = false));
      await replacing;
    });

    it('tells what it finds and cannot say as none of its own', async () => {
      await writeFile(Buffer.from(`${folder}/\xff`, 'latin1'), 'odd');
      await symlink(Buffer.from('\xff', 'latin1'), join(folder, 'link'));
      await writeFile(join(folder, 'file'), 'x');
      const foreign: string[] = [];
      expect(await walk(tree, { onForeign: (_, why) => foreign.push(why) })).toEqual(['file']);
      expect(foreign.map((why) => why.slice(0, 10)).toSorted()).toEqual(['its name i', 'its target']);
    });

    it('takes the refusal of a name by the server for what it is', async () => {
      const part = 'p'.repeat(250);
      const parts: string[] = [];
      const making = async (): Promise<void> => {
        for (;;) {
          parts.push(part);
          await tree.makeFolder(parts.join('/') as ByteString, {});
        }
      };
      await expectRefusal(making, 'Usage');
      const tooLong = parts.join('/');
      expect(tooLong.length).toBeGreaterThan(3500);
      await expectRefusals(
        {
          replace: () => put(tree, tooLong),
          rename: () => tree.rename(part as ByteString, `${part.replaceAll('p', 'q')}/${tooLong}` as ByteString),
          stat: () => tree.stat(tooLong as ByteString),
          link: () => tree.replaceSymlink('link' as ByteString, 'x'.repeat(5000) as ByteString, {}),
        },
        'Usage',
      );
    });
  });
});

describe('trees on servers that have nothing but the protocol', () => {
  const account = { user: 'me', password: 'geheim' };
  let server: PoorServer;
  let data: string;

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'holdfast-poor-'));
    server = await startPoorSftpServer({ folder: data, ...account });
  });
  afterAll(async () => {
    await server.stop();
    await rm(data, { recursive: true });
  });

  describeTreeContract(
    'the tree there',
    { anyBytes: false, timeNs: 1_000_000_000n, linkTimes: false, replacesAtOnce: false },
    onFolder(
      () => data,
      (path) => {
        const place = { host: '127.0.0.1', port: server.port, path, hostKey: server.hostKey() };
        const identity = { user: account.user, password: { env: 'PASSWORD' } };
        const surroundings = { environment: {}, resolveSecret: async () => account.password };
        return openSftpTree(place, identity, surroundings, { role: 'writer' });
      },
    ),
  );
});
