import type { ChildProcess } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { requirePeer } from '../peers.ts';
import { runSuccessfully } from '../run-command.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';

const restic = requirePeer('restic');

/** More than two windows of the chunker, the same each time, in which nothing repeats itself. */
const NOISE_BYTES = 25_000_000;
const WRITE_NOISE = `const cipher = require('node:crypto').createCipheriv('aes-256-ctr', Buffer.alloc(32), Buffer.alloc(16));
process.stdout.write(cipher.update(Buffer.alloc(${NOISE_BYTES})));`;

describe('a stream', () => {
  it('from a program becomes a file at the path that is asked for, byte for byte', async () => {
    await using fixture = await createRepositoryFixture();
    writeFileSync(join(fixture.folder, 'noise.cjs'), WRITE_NOISE);
    const command = ['--', process.execPath, 'noise.cjs'];
    const flags = ['--stdin-from-command', '--stdin-filename', 'db/dump.bin', '--time', '2026-01-02 03:04:05'];
    const first = await fixture.run(['backup', ...flags, '--tag', 'x', '--json', ...command]);
    expect([first.status, JSON.parse(first.stdout)]).toMatchObject([0, { filesNew: 1, bytesProcessed: NOISE_BYTES }]);
    const [snapshot] = await fixture.repository.listSnapshots();
    expect(snapshot).toMatchObject({ paths: ['/db/dump.bin'], tags: ['x'] });
    const second = await fixture.run(['backup', ...flags, '--json', ...command]);
    expect((JSON.parse(second.stdout) as { bytesAdded: number }).bytesAdded).toBeLessThan(100_000);
    await fixture.run(['restore', 'latest', '--target', 'back', '--verify']);
    const expected = createCipheriv('aes-256-ctr', Buffer.alloc(32), Buffer.alloc(16)).update(
      Buffer.alloc(NOISE_BYTES),
    );
    expect(readFileSync(join(fixture.folder, 'back/db/dump.bin')).equals(expected)).toBe(true);
  });

  it('of a program that fails makes no snapshot, and says what the program said: exit 1', async () => {
    await using fixture = await createRepositoryFixture();
    const failing = ['sh', '-c', 'echo data; echo no such table >&2; exit 3'];
    const { status, stderr } = await fixture.run(['backup', '--stdin-from-command', '--', ...failing]);
    expect(status).toBe(1);
    expect(stderr).toContain('sh: no such table');
    expect(stderr).toContain('ended with exit status 3: no snapshot');
    const killed = await fixture.run(['backup', '--stdin-from-command', '--', 'sh', '-c', 'kill -9 $$']);
    expect([killed.status, killed.stderr]).toEqual([1, expect.stringContaining('was ended by SIGKILL')]);
    const absent = await fixture.run(['backup', '--stdin-from-command', '--', 'no-such-program']);
    expect([absent.status, absent.stderr]).toEqual([1, expect.stringContaining('does not exist')]);
    expect(await fixture.repository.listSnapshots()).toEqual([]);
    expect((await fixture.run(['check', '--read-data'])).status).toBe(0);
  });

  it('from stdin that is empty is refused, unless that is accepted: exit 8', async () => {
    await using fixture = await createRepositoryFixture();
    const empty = await fixture.run(['backup', '--stdin']);
    expect([empty.status, empty.stderr]).toEqual([8, expect.stringContaining('The stream is empty')]);
    expect((await fixture.run(['backup', '--stdin', '--accept-empty'])).status).toBe(0);
    expect((await fixture.run(['dump', 'latest', '/stdin'])).stdout).toBe('');
    expect((await fixture.run(['backup', '--stdin'], { input: 'hello' })).status).toBe(0);
    expect((await fixture.run(['dump', 'latest', '/stdin'])).stdout).toBe('hello');
  });

  it('is not taken together with paths, lists, or without a name: exit 2', async () => {
    await using fixture = await createRepositoryFixture();
    const refusals = [
      ['--stdin', 'path'],
      ['--stdin', '--files-from', 'list'],
      ['--stdin', '--stdin-from-command', 'ls'],
      ['--stdin-from-command'],
      ['--stdin', '--stdin-filename', '/'],
      ['--stdin', '--skip-if-unchanged'],
    ];
    for (const words of refusals) {
      const { status } = await fixture.run(['backup', ...words], { input: 'x' });
      expect([words, status]).toEqual([words, 2]);
    }
    expect(await fixture.repository.listSnapshots()).toEqual([]);
  });

  it('does not get the password, and ends with the program when it is interrupted: exit 130', async () => {
    await using fixture = await createRepositoryFixture();
    const environment = { HOLDFAST_PASSWORD: 'geheim', HOLDFAST_FROM_PASSWORD: 'geheim' };
    const printed = ['--stdin-from-command', '--', 'sh', '-c', 'echo "<$HOLDFAST_PASSWORD$HOLDFAST_FROM_PASSWORD>"'];
    expect((await fixture.run(['backup', ...printed], { environment })).status).toBe(0);
    expect((await fixture.run(['dump', 'latest', '/stdin'])).stdout).toBe('<>\n');
    const endless = ['--stdin-from-command', '--', 'sh', '-c', 'echo $$ > pid; echo x; exec sleep 1000'];
    let interrupting: Promise<void> | undefined;
    const { status } = await fixture.run(['backup', ...endless], {
      onStart: (child) => void (interrupting = interruptOnceRunning(fixture, child)),
    });
    await interrupting;
    expect(status).toBe(130);
    const pid = Number(readFileSync(join(fixture.folder, 'pid'), 'utf8'));
    while (isRunning(pid)) await delay(20);
    expect(readdirSync(join(fixture.where, 'locks'))).toEqual([]);
    expect(await fixture.repository.listSnapshots()).toHaveLength(1);
  });
});

async function interruptOnceRunning(fixture: RepositoryFixture, child: ChildProcess): Promise<void> {
  const pid = join(fixture.folder, 'pid');
  while (!existsSync(pid) || readFileSync(pid, 'utf8') === '') await delay(5);
  child.kill('SIGINT');
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

restic.it('a stream has the tree that restic makes of it', async () => {
  // Folders above it would get the time of the run from restic 0.14, and the snapshot’s from newer ones.
  await using fixture = await createRepositoryFixture();
  const input = 'x'.repeat(3_000_000);
  writeFileSync(join(fixture.folder, 'input'), input);
  const flags = ['backup', '--stdin', '--stdin-filename', 'dump', '--time', '2026-01-02 03:04:05', '--host', 'h'];
  const theirs = [restic.command, '-r', 'vault', '-p', 'password', '--no-cache', ...flags];
  const cwd = fixture.folder;
  await runSuccessfully('sh', ['-c', '"$@" < input', 'sh', ...theirs], { cwd });
  expect((await fixture.run(flags, { input })).status).toBe(0);
  const trees = (await fixture.repository.listSnapshots()).map(({ tree }) => tree);
  expect(trees).toEqual([trees[0], trees[0]]);
});
