import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PerformanceObserver, constants } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { Client, type SFTPWrapper } from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { giveBack, lendPiece } from '../../common/lent-memory.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { moveDirectly } from '../../storage/sftp-direct.ts';
import { openSftpStorage } from '../../storage/sftp.ts';
import { useOwnCiphers } from '../../storage/ssh-ciphers.ts';
import { GcmCipher, GcmDecipher } from '../../storage/ssh-gcm.ts';
import { GatheringSocket } from '../../storage/ssh-socket.ts';
import { madeGarbage } from '../../storage/young-garbage.ts';
import { requirePeer } from '../peers.ts';
import { startSshd, type SshServer } from '../servers/sshd.ts';

const require = createRequire(import.meta.url);
const sshd = requirePeer('sshd');
const MiB = 1024 * 1024;

/** Parts of ssh2 without a public name are replaced: each new version has to be looked at, and pinned here and there. */
it('is for the version of ssh2 that is pinned', () => {
  const { dependencies } = require('../../package.json') as { dependencies: Record<string, string> };
  expect(dependencies['ssh2']).toBe('1.17.0');
  expect((require('ssh2/package.json') as { version: string }).version).toBe('1.17.0');
});

sshd.describe('what is faster than ssh2', () => {
  let server: SshServer;
  beforeAll(async () => {
    server = await startSshd(sshd.command);
    // New keys after each MiB, in both directions.
    await appendFile(join(server.folder, 'sshd_config'), 'RekeyLimit 1M\n');
    await server.restart();
  });
  afterAll(() => server.stop());

  async function connect(cipher: string) {
    const client = new Client();
    const socket = new GatheringSocket();
    socket.connect({ host: '127.0.0.1', port: server.port });
    client.connect({
      sock: socket,
      username: server.user,
      privateKey: await readFile(server.keyFile('admin')),
      algorithms: { cipher: [cipher as never] },
    });
    useOwnCiphers(client, socket);
    await new Promise((resolve, reject) => client.once('ready', resolve as () => void).once('error', reject));
    const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
      client.sftp((error, opened) => (error === undefined ? resolve(opened) : reject(error)));
    });
    const { _protocol: protocol } = client as unknown as { _protocol: { _cipher: object; _decipher: object } };
    return { client, sftp, protocol };
  }

  it.each(['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'])('is in its place with %s', async (cipher) => {
    const { client, sftp, protocol } = await connect(cipher);
    expect([protocol._cipher, protocol._decipher]).toEqual([expect.any(GcmCipher), expect.any(GcmDecipher)]);
    const { push, write } = sftp as unknown as { push: unknown; write: unknown };
    expect(moveDirectly(sftp)).toBe(true);
    expect(sftp).not.toMatchObject({ push });
    expect(sftp).not.toMatchObject({ write });
    client.end();
  });

  it('leaves other ciphers to ssh2, and its sessions when they are other than they were', async () => {
    const { client, sftp, protocol } = await connect('aes128-ctr');
    expect([protocol._cipher, protocol._decipher]).not.toContainEqual(expect.any(GcmCipher));
    const { push, _buffer } = sftp as unknown as { push: unknown; _buffer: unknown };
    Object.assign(sftp, { _buffer: undefined });
    expect(moveDirectly(sftp)).toBe(false);
    expect(sftp).toMatchObject({ push });
    Object.assign(sftp, { _buffer });
    client.end();
  });

  it('goes on with new keys while bytes are on their way in both directions', async () => {
    const content = randomBytes(24 * MiB);
    const storage = await openSftpStorage(server.place('rekey'), server.identity('admin'), server.surroundings, {
      role: 'writer',
      connections: 1,
    });
    await storage.write('first', content);
    const [read] = await Promise.all([storage.read('first'), storage.write('second', content)]);
    expect(read.equals(content)).toBe(true);
    for (const name of ['first', 'second']) {
      expect((await readFile(join(server.data, 'rekey', name))).equals(content)).toBe(true);
    }
    await storage.close();
  });

  it('gives each of many reads and writes at once its own bytes, whatever its length', async () => {
    const { client, sftp } = await connect('aes128-gcm@openssh.com');
    moveDirectly(sftp);
    const lengths = [1, 63_999, 64 * 1024, 64 * 1024 + 1, 261_120, 255, 200_000];
    const contents = Array.from({ length: 70 }, (_, number) => randomBytes(lengths[number % lengths.length]!));
    await Promise.all(
      contents.map(async (content, number) => {
        const handle = await call<Buffer>((done) => sftp.open(`many-${number}`, 'w', done));
        const memory = Buffer.from(content);
        const written = call((done) => sftp.write(handle, memory, 0, memory.length, 0, done as never));
        // It was copied: the caller may use its memory again.
        memory.fill(0);
        await written;
        await call((done) => sftp.close(handle, done as never));
      }),
    );
    const read = await Promise.all(
      contents.map(async (content, number) => {
        const handle = await call<Buffer>((done) => sftp.open(`many-${number}`, 'r', done));
        // One byte less and more than there is, into the middle of other memory.
        const target = Buffer.alloc(content.length + 20, 7);
        const length = Math.min(content.length + (number % 2), 261_120);
        const bytes = await call<number>((done) => sftp.read(handle, target, 10, length, 0, done));
        await call((done) => sftp.close(handle, done as never));
        expect(target.subarray(0, 10).equals(Buffer.alloc(10, 7))).toBe(true);
        return target.subarray(10, 10 + bytes);
      }),
    );
    expect(read.map((bytes, number) => bytes.equals(contents[number]!))).toEqual(contents.map(() => true));
    client.end();
  });

  it('sends and gets files at once through memory that all use again', async () => {
    const contents = Array.from({ length: 4 }, (_, number) => randomBytes((4 + number) * MiB + 4711));
    const here = join(server.folder, 'here');
    await mkdir(here);
    const tree = openLocalTree(here);
    const storage = await openSftpStorage(server.place('again'), server.identity('admin'), server.surroundings, {
      role: 'writer',
      connections: 2,
    });
    await Promise.all(
      contents.map(async (content, number) => {
        const [source, copy] = [`source-${number}`, `copy-${number}`] as ByteString[];
        await writeFile(join(here, source!), content);
        await storage.write(source!, await tree.openRead(source!));
        await tree.replace(copy!, await storage.openRead(source!), {});
      }),
    );
    for (const [number, content] of contents.entries()) {
      expect((await readFile(join(server.data, 'again', `source-${number}`))).equals(content)).toBe(true);
      expect((await readFile(join(here, `copy-${number}`))).equals(content)).toBe(true);
    }
    // What is there whole may be asked for again, after a cut.
    const whole = lendPiece(Buffer.from(contents[0]!.subarray(0, 300_000)), 300_000);
    await storage.write('whole', whole);
    expect(giveBack(whole)).toBe(true);
    // Who keeps the pieces gives none back.
    const kept: Buffer[] = [];
    for await (const piece of (await storage.openRead('source-3')) as AsyncIterable<Buffer>) kept.push(piece);
    expect(Buffer.concat(kept).equals(contents[3]!)).toBe(true);
    await storage.close();
  });

  it('leaves a small file in place of memory that was used for a large one', async () => {
    await writeFile(join(server.data, 'large'), randomBytes(MiB));
    await writeFile(join(server.data, 'small'), 'small');
    const storage = await openSftpStorage(server.place('.'), server.identity('admin'), server.surroundings, {
      role: 'writer',
    });
    await storage.read('large');
    expect((await storage.read('small')).toString()).toBe('small');
    await storage.close();
  });
});

describe('answers that are cut anywhere', () => {
  const { SFTP } = require('ssh2/lib/protocol/SFTP.js') as {
    SFTP: new (client: object, channel: object, options: object) => SFTPWrapper & { push(data: Buffer): void };
  };

  const string = (bytes: Buffer): Buffer => Buffer.concat([number(bytes.length), bytes]);
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const packet = (type: number, ...parts: Buffer[]): Buffer => string(Buffer.concat([Buffer.of(type), ...parts]));

  it.each([1, 2, 3, 5, 9, 12, 13, 14, 50, 1000])('go to their places, %d bytes at a time', async (size) => {
    const channel = { type: 'session', incoming: {}, outgoing: { id: 0, state: 'open', window: 1e6, packetSize: 1e5 } };
    const sftp = new SFTP({ _protocol: { channelData: () => {} } }, channel, {});
    sftp.push(packet(2, number(3)));
    expect(moveDirectly(sftp)).toBe(true);
    const handle = Buffer.from('handle');
    const targets = [Buffer.alloc(100), Buffer.alloc(30)];
    const reads = targets.map((target) => call<number>((done) => sftp.read(handle, target, 0, target.length, 0, done)));
    const end = call<number>((done) => sftp.read(handle, Buffer.alloc(9), 0, 9, 130, done));
    const opened = call<Buffer>((done) => sftp.open('name', 'r', done));
    const stats = call<{ size: number }>((done) => sftp.stat('name', done as never));
    const bytes = randomBytes(130);
    const answers = Buffer.concat([
      packet(102, number(3), string(Buffer.from('another'))),
      packet(103, number(1), string(bytes.subarray(100, 125))),
      packet(101, number(2), number(1), string(Buffer.from('end')), string(Buffer.alloc(0))),
      packet(103, number(0), string(bytes.subarray(0, 100))),
      packet(105, number(4), number(1), number(0), number(4711)),
      // Of a request that is not there.
      packet(103, number(99), string(bytes)),
    ]);
    for (let at = 0; at < answers.length; at += size) sftp.push(answers.subarray(at, at + size));
    expect(await Promise.all(reads)).toEqual([100, 25]);
    expect(Buffer.concat(targets).subarray(0, 125)).toEqual(bytes.subarray(0, 125));
    expect(await end).toBe(0);
    expect((await opened).toString()).toBe('another');
    expect((await stats).size).toBe(4711);
  });

  it('never go beyond the memory that was asked for', async () => {
    const channel = { type: 'session', incoming: {}, outgoing: { id: 0, state: 'open', window: 1e6, packetSize: 1e5 } };
    const sftp = new SFTP({ _protocol: { channelData: () => {} } }, channel, {});
    sftp.push(packet(2, number(3)));
    moveDirectly(sftp);
    const memory = Buffer.alloc(64, 7);
    const reading = call((done) => sftp.read(Buffer.from('handle'), memory, 0, 32, 0, done));
    sftp.push(packet(103, number(0), string(Buffer.alloc(50, 1))));
    expect(await reading).toBe(32);
    expect(memory.subarray(32)).toEqual(Buffer.alloc(32, 7));
  });
});

it('has short-lived memory collected without the rest', async () => {
  const kinds: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) kinds.push((entry as unknown as { detail: { kind: number } }).detail.kind);
  });
  observer.observe({ entryTypes: ['gc'] });
  madeGarbage(12 * MiB);
  await setImmediate();
  await setImmediate();
  observer.disconnect();
  expect(kinds).toContain(constants.NODE_PERFORMANCE_GC_MINOR);
});

function call<Result>(send: (done: (error?: Error | null, result?: Result) => void) => void): Promise<Result> {
  return new Promise((resolve, reject) => {
    send((error, result) => (error == null ? resolve(result as Result) : reject(error)));
  });
}
