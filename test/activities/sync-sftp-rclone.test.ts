import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { openRclone, type RealRclone } from '../files/real-rclone.ts';
import { requirePeer } from '../peers.ts';
import { runCommand } from '../run-command.ts';
import { PASSPHRASE, startSshd, type SshServer } from '../servers/sshd.ts';
import { openSshSync } from './server-sync.ts';
import { fillFolder } from './sync-settings.ts';
import { PASSWORD, type Workbench } from './workbench.ts';

const sshd = requirePeer('sshd');
const rclone = requirePeer('rclone');
const FILES = { 'a.txt': 'a', 'sub/deep/b & ü.txt': 'bb', 'sub/empty': '', 'sub/large': 'x'.repeat(3_000_000) };

sshd.describe('an encrypted sync to an SSH server, beside rclone', () => {
  let server: SshServer;
  let bench: Workbench;
  let settings: SyncSettings;
  let program: RealRclone;

  beforeAll(async () => {
    server = await startSshd(sshd.command);
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    const opened = await openSshSync(server, { verifyShare: 0 });
    ({ bench, settings } = opened);
    settings.guards.maxDelete = { share: 1, files: 1000 };
    settings.encrypt = { password: { env: 'PASSWORD' }, names: 'standard' };
    // cryptcheck wants hashes, which rclone has made by the shell: this account has one.
    const pass = (await runCommand(rclone.command, ['obscure', PASSPHRASE], { cwd: bench.directory })).stdout.trim();
    const login = `user=${server.user},key_file=${server.keyFile('encrypted')},key_file_pass=${pass}`;
    const connection = `host=127.0.0.1,port=${server.port},known_hosts_file=${server.knownHosts}`;
    const remote = `:sftp,${connection},${login}:${opened.target}`;
    const elsewhere = { cwd: bench.directory, environment: {} };
    program = await openRclone(rclone.command, remote, { password: PASSWORD }, 'standard', elsewhere);
    await fillFolder(bench.source, FILES);
    await utimes(join(bench.source, 'a.txt'), 1_234_567_890, 1_234_567_890);
  });
  afterEach(() => bench.remove());

  const run = async (accept: string[] = []) =>
    (await sync(bench.deps, bench.request(settings, { accept }), bench.context())).figures as SyncFigures;

  rclone.it('is listed, checked and brought back by rclone, names included', async () => {
    await run();
    await program.run('cryptcheck', bench.source, 'crypt:');
    const listed = await program.run('lsf', '-R', '--files-only', 'crypt:');
    expect(listed.trim().split('\n').toSorted()).toEqual(Object.keys(FILES).toSorted());
    const restored = join(bench.directory, 'restored');
    await program.run('copy', 'crypt:', restored);
    await program.run('check', bench.source, restored);
    const times = (place: string) => program.run('lsl', place, '--include', '/a.txt');
    expect(await times(restored)).toBe(await times(bench.source));
  });

  rclone.it('takes what rclone has encrypted there for the same files', async () => {
    await program.run('copy', bench.source, 'crypt:');
    expect(await run(['foreignTarget', 'missingTarget'])).toMatchObject({ filesCopied: 0, filesUnchanged: 4 });
    expect(await run()).toMatchObject({ filesCopied: 0, filesRemoved: 0 });
  });
});
