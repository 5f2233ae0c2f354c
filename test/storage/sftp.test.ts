import { execFile } from 'node:child_process';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSftpStorage, type SftpStorageOptions } from '../../storage/sftp.ts';
import type { SftpPlace, StorageIdentity } from '../../storage/storage-location.ts';
import type { Storage } from '../../storage/storage.ts';
import { requirePeer } from '../peers.ts';
import { startSshd, type SshAccount, type SshServer } from '../servers/sshd.ts';
import { freePort } from '../servers/spawn-server.ts';
import { describeStorageContract } from './contract.ts';

const execFileAsync = promisify(execFile);

const sshd = requirePeer('sshd');

sshd.describe('SFTP, on OpenSSH', () => {
  let server: SshServer;
  let folders = 0;

  beforeAll(async () => {
    server = await startSshd(sshd.command);
  });
  afterAll(() => server.stop());

  const open = (path: string, account: SshAccount = 'admin', options: Partial<SftpStorageOptions> = {}) =>
    openSftpStorage(server.place(path), server.identity(account), server.surroundings, { role: 'writer', ...options });
  const fresh = (): string => `storage-${(folders += 1)}`;

  describe('all of it', () => {
    let storages: Storage[];
    beforeAll(async () => {
      storages = [await open('contract'), await open('contract')];
    });
    afterAll(() => Promise.all(storages.map((storage) => storage.close())));

    // To connect takes longer than most of the tests.
    describeStorageContract('SFTP', async (body) => {
      await rm(join(server.data, 'contract'), { recursive: true, force: true });
      await body({ storage: storages[0]!, reopen: () => storages[1]! });
    });
  });

  describe('the host key', () => {
    const openWith = (place: Partial<SftpPlace>) => {
      const { knownHosts: _, ...rest } = server.place(fresh());
      return openSftpStorage({ ...rest, ...place }, server.identity('admin'), server.surroundings, { role: 'writer' });
    };
    const write = async (name: string, text: string): Promise<string> => {
      const file = join(server.folder, name);
      await writeFile(file, text);
      return file;
    };
    const lines = async (): Promise<string[]> => (await readFile(server.knownHosts, 'utf8')).trim().split('\n');

    it('may be given as the fingerprint of any key that the server has', async () => {
      for (const hostKey of [server.fingerprints.ed25519, server.fingerprints.rsa]) {
        const storage = await openWith({ hostKey });
        expect(await storage.stat('config')).toBeUndefined();
        await storage.close();
      }
    });

    it('is refused when its fingerprint is another one, which the message shows beside those of the server', async () => {
      const hostKey = `SHA256:${'A'.repeat(43)}`;
      const refused = openWith({ hostKey });
      await expect(refused).rejects.toMatchObject({ code: 'AccessDenied', retryable: false });
      for (const shown of [hostKey, server.fingerprints.ed25519, server.fingerprints.rsa])
        await expect(refused).rejects.toThrow(shown);
    });

    it('is asked for by the type that known_hosts has', async () => {
      const [, rsa] = await lines();
      const storage = await openWith({ knownHosts: await write('only-rsa', `${rsa}\n`) });
      await storage.close();
    });

    it('is refused when it is unknown, changed, of a type that is not there any more, or revoked', async () => {
      const [ed25519] = await lines();
      const elsewhere = (line: string, type: string) => `${line.split(' ')[0]} ${type}`;
      await execFileAsync('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', join(server.folder, 'ecdsa')]);
      const ecdsa = await readFile(join(server.folder, 'ecdsa.pub'), 'utf8');
      const other = await readFile(`${server.keyFile('admin')}.pub`, 'utf8');
      const cases: [string, RegExp][] = [
        ['', /is not known in .*shows SHA256/],
        [elsewhere(ed25519!, other), /is not the one that is known/],
        [elsewhere(ed25519!, ecdsa), /is not the one that is known: it shows SHA256/],
        [`@revoked * ${ed25519!.split(' ').slice(1).join(' ')}\n${ed25519}`, /revoked/],
      ];
      for (const [text, message] of cases) {
        const refused = openWith({ knownHosts: await write('some', `${text}\n`) });
        await expect(refused).rejects.toThrow(message);
        await expect(refused).rejects.toMatchObject({ code: 'AccessDenied', retryable: false });
        await expect(refused).rejects.toThrow(server.fingerprints.ed25519);
      }
    });

    it('is looked up in the home folder when a location names nothing, and never trusted at first sight', async () => {
      await mkdir(join(server.folder, '.ssh'), { recursive: true });
      await writeFile(join(server.folder, '.ssh', 'known_hosts'), '');
      await expect(openWith({})).rejects.toThrow(/is not known/);
      await writeFile(join(server.folder, '.ssh', 'known_hosts'), await readFile(server.knownHosts));
      await (await openWith({})).close();
      await expect(openWith({ knownHosts: '/nowhere' })).rejects.toMatchObject({ code: 'NotFound' });
    });
  });

  describe('the login', () => {
    const openAs = (identity: StorageIdentity, environment: Record<string, string> = {}) =>
      openSftpStorage(server.place(fresh()), identity, { ...server.surroundings, environment }, { role: 'reader' });

    it('opens a key with its passphrase, and says what is wrong with one that does not open', async () => {
      await (await openAs(server.identity('encrypted'))).close();
      const { passphrase: _, ...without } = server.identity('encrypted');
      await expect(openAs(without)).rejects.toThrow(/is encrypted, and no passphrase/);
      await expect(openAs({ ...without, passphrase: { file: server.knownHosts } })).rejects.toThrow(/does not open/);
      await expect(openAs({ privateKey: { file: server.knownHosts } })).rejects.toThrow(/no private key/);
    });

    it('asks the agent', async () => {
      const agent = await startAgent(server.keyFile('admin'));
      try {
        await (await openAs({ user: server.user, agent: true }, { SSH_AUTH_SOCK: agent.socket })).close();
        await (await openAs({ user: server.user }, { SSH_AUTH_SOCK: agent.socket })).close();
      } finally {
        agent.stop();
      }
      await expect(openAs({ agent: true })).rejects.toThrow(/agent/);
    });

    it("takes the person's own keys when the identity names none", async () => {
      const home = await mkdtemp(join(server.folder, 'home-'));
      await expect(openAs({ user: server.user }, { HOME: home })).rejects.toMatchObject({ code: 'AccessDenied' });
      await mkdir(join(home, '.ssh'));
      await copyFile(server.keyFile('encrypted'), join(home, '.ssh', 'id_ed25519'));
      await expect(openAs({ user: server.user }, { HOME: home })).rejects.toThrow(/no key to log in/);
      await copyFile(server.keyFile('admin'), join(home, '.ssh', 'id_rsa'));
      await (await openAs({ user: server.user }, { HOME: home })).close();
    });

    it('that is refused is no failure of the network', async () => {
      const stranger = { user: server.user, privateKey: { file: join(server.folder, 'host-rsa') } };
      await expect(openAs(stranger)).rejects.toMatchObject({ code: 'AccessDenied', retryable: false });
    });

    it('to nobody is a storage error, which may pass', async () => {
      const place = { ...server.place('x'), port: await freePort() };
      const refused = openSftpStorage(place, server.identity('admin'), server.surroundings, { role: 'reader' });
      await expect(refused).rejects.toMatchObject({ code: 'StorageUnreachable', retryable: true });
    });
  });

  describe('an account that may only add', () => {
    it('writes straight to the names, once each, and may neither replace nor remove', async () => {
      const path = fresh();
      await mkdir(join(server.data, path));
      const storage = await open(path, 'writer');
      expect(storage.capabilities).toEqual({ atomicWrites: false });
      await storage.write('first', Buffer.from('first'), { existing: 'refuse' });
      expect((await storage.read('first')).toString()).toBe('first');
      await storage.write('streamed', pieces('a', 'b'));
      expect((await storage.read('streamed')).toString()).toBe('ab');
      // The same again is a success: what is named by its hash is written twice by those who lost an answer.
      await storage.write('first', Buffer.from('first'));
      const other = storage.write('first', Buffer.from('other'));
      await expect(other).rejects.toMatchObject({ code: 'AccessDenied' });
      const again = storage.write('first', Buffer.from('first'), { existing: 'refuse' });
      await expect(again).rejects.toMatchObject({ code: 'AlreadyExists' });
      await expect(storage.remove('first')).rejects.toMatchObject({ code: 'AccessDenied' });
      await expect(storage.write('new/folder', Buffer.from('x'))).rejects.toMatchObject({ code: 'AccessDenied' });
      await storage.close();
      expect(await readdir(join(server.data, path))).toEqual(['first', 'streamed']);
    });

    it('writes into folders that the maintainer has made', async () => {
      const path = fresh();
      const maintainer = await open(path, 'admin', { role: 'maintainer' });
      await maintainer.makeFolders?.(['data/00', 'data/01', 'keys']);
      await maintainer.makeFolders?.(['data/00']);
      await maintainer.close();
      const storage = await open(path, 'writer');
      await storage.write('data/01/pack', Buffer.from('x'));
      await storage.close();
    });

    it('makes no name of content that fails', async () => {
      const path = fresh();
      await mkdir(join(server.data, path));
      const storage = await open(path, 'writer');
      await expect(storage.write('broken', failing())).rejects.toThrow('the source broke');
      expect(await readdir(join(server.data, path))).toEqual([]);
      await storage.close();
    });
  });

  it('lets an account that may only read do no more than that', async () => {
    const path = fresh();
    const admin = await open(path);
    await admin.write('data/object', Buffer.from('x'));
    await admin.close();
    const storage = await open(path, 'reader', { role: 'reader' });
    expect((await storage.read('data/object')).toString()).toBe('x');
    await expect(storage.write('other', Buffer.from('x'))).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(storage.remove('data/object')).rejects.toMatchObject({ code: 'AccessDenied' });
    await storage.close();
  });

  it('gives new files the rights that the root has, and nobody else', async () => {
    const modeOf = async (path: string) => (await stat(join(server.data, path))).mode & 0o777;
    const [fresh1, shared] = [fresh(), fresh()];
    await mkdir(join(server.data, shared));
    await chmod(join(server.data, shared), 0o750);
    for (const path of [fresh1, shared]) {
      const storage = await open(path);
      await storage.write('data/object', Buffer.from('x'));
      await storage.close();
    }
    expect([await modeOf(fresh1), await modeOf(`${fresh1}/data`)]).toEqual([0o700, 0o700]);
    expect(await modeOf(`${fresh1}/data/object`)).toBe(0o400);
    expect([await modeOf(`${shared}/data`), await modeOf(`${shared}/data/object`)]).toEqual([0o750, 0o440]);
  });

  it('hides unfinished files, and removes those that were left a day ago', async () => {
    const path = fresh();
    const [old, recent] = [`.tmp-${'a'.repeat(24)}`, `.tmp-${'b'.repeat(24)}`];
    await mkdir(join(server.data, path));
    for (const name of [old, recent, '.tmp-other']) await writeFile(join(server.data, path, name), 'x');
    const yesterday = new Date(Date.now() - 25 * 3600 * 1000);
    await utimes(join(server.data, path, old), yesterday, yesterday);
    const reader = await open(path, 'reader', { role: 'reader' });
    expect(await namesOf(reader)).toEqual(['.tmp-other']);
    await reader.close();
    const writer = await open(path);
    expect(await namesOf(writer)).toEqual(['.tmp-other']);
    expect(await namesOf(writer)).toEqual(['.tmp-other']);
    await writer.close();
    expect((await readdir(join(server.data, path))).toSorted()).toEqual([recent, '.tmp-other']);
  });

  it('begins relative paths where the session begins, and follows linked folders', async () => {
    const path = fresh();
    const absolute = await open(join(server.data, path));
    await absolute.write('moved/object', Buffer.from('x'));
    await absolute.close();
    await symlink(join(server.data, path, 'moved'), join(server.data, path, 'data'));
    const relative = await open(path);
    expect(await namesOf(relative)).toEqual(['data/object', 'moved/object']);
    expect(relative.description).toBe(`sftp://${server.user}@127.0.0.1:${server.port}/${path}`);
    expect(absolute.description).toBe(`sftp://${server.user}@127.0.0.1:${server.port}/${join(server.data, path)}`);
    await relative.close();
  });

  it('opens no more connections than it is told to', async () => {
    const before = await connectionsTo(server.port);
    const storage = await open(fresh(), 'admin', { connections: 2 });
    const names = Array.from({ length: 40 }, (_, number) => `object-${number}`);
    await Promise.all(names.map((name) => storage.write(name, Buffer.alloc(100_000))));
    expect(await connectionsTo(server.port)).toBe(before + 2);
    await storage.close();
  });

  describe('many small files at once', () => {
    const writeAll = async (storage: Storage): Promise<string[]> => {
      const names = Array.from({ length: 64 }, (_, number) => `object-${String(number).padStart(2, '0')}`);
      await Promise.all(names.map((name) => storage.write(name, Buffer.from(name))));
      for (const name of names) expect(String(await storage.read(name))).toBe(name);
      return names;
    };

    it('are worked on by several processes of the server on each connection', async () => {
      const storage = await open(fresh(), 'admin', { connections: 2 });
      // What is opened first takes the first work: only the second round finds all connections open.
      await writeAll(storage);
      await writeAll(storage);
      expect(await sftpProcessesOf(server.pid())).toBe(8);
      await storage.close();
    });

    it('are all written where the server allows one session on a connection', async () => {
      const strict = await startSshd(sshd.command, { maxSessions: 1 });
      try {
        const storage = await openSftpStorage(strict.place('data'), strict.identity('admin'), strict.surroundings, {
          role: 'writer',
          connections: 2,
        });
        await writeAll(storage);
        const names = await writeAll(storage);
        expect((await namesOf(storage)).toSorted()).toEqual(names);
        expect(await sftpProcessesOf(strict.pid())).toBe(2);
        await storage.close();
      } finally {
        await strict.stop();
      }
    });
  });
});

/** Processes below one that serve SFTP sessions: sshd names itself so. */
async function sftpProcessesOf(ancestor: number): Promise<number> {
  const { stdout } = await execFileAsync('ps', ['-eo', 'pid=,ppid=,args=']);
  const processes = stdout.split('\n').map((line) => /^ *(\d+) +(\d+) +(.*)$/.exec(line)?.slice(1) ?? []);
  const parentOf = new Map(processes.map(([pid, parent]) => [Number(pid), Number(parent)]));
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === ancestor || isBelow(parentOf.get(pid)));
  return processes.filter(([pid, , args]) => args?.includes('internal-sftp') === true && isBelow(Number(pid))).length;
}

async function namesOf(storage: Storage): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of storage.list('')) names.push(name);
  return names;
}

async function* pieces(...texts: string[]): AsyncIterable<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function* failing(): AsyncIterable<Buffer> {
  yield Buffer.from('begun');
  throw new Error('the source broke');
}

/** Connections of this process to a port, as the kernel lists them. */
async function connectionsTo(port: number): Promise<number> {
  const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = (await readFile('/proc/self/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/ +/));
  // State 01: established.
  return sockets.filter((fields) => fields[2] === remote && fields[3] === '01').length;
}

async function startAgent(keyFile: string): Promise<{ socket: string; stop(): void }> {
  const { stdout } = await execFileAsync('ssh-agent', ['-s']);
  const [socket, pid] = [/SSH_AUTH_SOCK=([^;]+)/.exec(stdout)![1]!, Number(/SSH_AGENT_PID=(\d+)/.exec(stdout)![1])];
  await execFileAsync('ssh-add', ['-q', keyFile], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  return { socket, stop: () => void process.kill(pid) };
}
