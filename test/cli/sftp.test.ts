/** Repositories on an SSH server, by the command line: by their URL, and by the policies with an account for each role. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { requirePeer } from '../peers.ts';
import { startSshd, type SshServer } from '../servers/sshd.ts';
import { shareWithRestic } from './share-with-restic.ts';
import { runCli, type CliResult } from './run-cli.ts';

const sshd = requirePeer('sshd');
const restic = requirePeer('restic');
const PASSWORD = 'a password for tests';

type Run = (...args: string[]) => Promise<CliResult>;

async function succeed(result: Promise<CliResult>): Promise<string> {
  const { status, stdout, stderr } = await result;
  expect([status, stderr]).toEqual([0, expect.any(String)]);
  return stdout;
}

sshd.describe('a repository on an SSH server', () => {
  let server: SshServer;
  let home: string;
  let source: string;

  beforeAll(async () => {
    server = await startSshd(sshd.command);
    home = await mkdtemp(join(tmpdir(), 'holdfast-sftp-home-'));
    source = join(home, 'source');
    mkdirSync(join(home, '.ssh'), { mode: 0o700 });
    copyFileSync(server.knownHosts, join(home, '.ssh', 'known_hosts'));
    copyFileSync(server.keyFile('admin'), join(home, '.ssh', 'id_ed25519'));
    chmodSync(join(home, '.ssh', 'id_ed25519'), 0o600);
    mkdirSync(source);
    for (let number = 0; number < 20; number += 1)
      writeFileSync(join(source, `file ${number}`), `${number} `.repeat(20_000));
  });
  afterAll(async () => {
    await server.stop();
    await rm(home, { recursive: true, force: true });
  });

  const at =
    (path: string, environment: Record<string, string | undefined> = {}): Run =>
    (command, ...args) =>
      runCli([command!, '--repo', `sftp://${server.user}@127.0.0.1:${server.port}/${path}`, ...args], {
        environment: { HOLDFAST_PASSWORD: PASSWORD, HOME: home, SSH_AUTH_SOCK: undefined, ...environment },
      });

  it('lives its whole life there, with the keys and the known hosts of the person', async () => {
    const run = at('life');
    expect((await run('snapshots')).status).toBe(10);
    await succeed(run('init'));
    expect(readdirSync(join(server.data, 'life/data'))).toHaveLength(256);
    await succeed(run('backup', source));
    writeFileSync(join(source, 'file 4'), 'new');
    await succeed(run('backup', source));
    await succeed(run('forget', '--keep-last', '1'));
    await succeed(run('prune', '--max-unused', '0%'));
    expect(await succeed(run('check', '--read-data'))).toContain('no problem found in 1 snapshot');
    const target = join(home, 'restored');
    await succeed(run('restore', 'latest', '--path', source, '--target', target, '--verify'));
    execFileSync('diff', ['-r', source, join(target, source)]);
    expect(await succeed(run('dump', 'latest', join(source, 'file 4'), '--path', source))).toBe('new');
    // Locks are gone, and nothing unfinished is left.
    expect(readdirSync(join(server.data, 'life/locks'))).toEqual([]);
    expect(execFileSync('find', [server.data, '-name', '.tmp-*'], { encoding: 'utf8' })).toBe('');
  }, 120_000);

  it('is refused where the server is not known, shows both fingerprints when its key has changed: exit 4', async () => {
    const stranger = await mkdtemp(join(home, 'stranger-'));
    mkdirSync(join(stranger, '.ssh'));
    copyFileSync(server.keyFile('admin'), join(stranger, '.ssh', 'id_ed25519'));
    const unknown = await at('life', { HOME: stranger })('snapshots');
    expect([unknown.status, unknown.stderr]).toEqual([4, expect.stringContaining('ssh-keyscan')]);
    const other = readFileSync(`${server.keyFile('reader')}.pub`, 'utf8');
    writeFileSync(join(stranger, '.ssh', 'known_hosts'), `[127.0.0.1]:${server.port} ${other}`);
    const changed = await at('life', { HOME: stranger })('snapshots');
    expect([changed.status, changed.stderr]).toEqual([4, expect.stringContaining(server.fingerprints.ed25519)]);
    expect(changed.stderr.match(/SHA256:/g)).toHaveLength(2);
  });

  it('is unreachable where nobody answers: exit 6', async () => {
    const nobody = await runCli(['snapshots', '--repo', 'sftp://127.0.0.1:9/x'], {
      environment: { HOLDFAST_PASSWORD: PASSWORD, HOME: home },
    });
    expect([nobody.status, nobody.stderr]).toEqual([6, expect.stringContaining('cannot be reached')]);
  });

  restic.it(
    'is shared with restic: each reads, extends, prunes and verifies what the other wrote',
    async () => {
      const run = at('shared');
      const ssh = `ssh -p ${server.port} -o UserKnownHostsFile=${server.knownHosts} -o IdentitiesOnly=yes -i ${join(home, '.ssh', 'id_ed25519')} ${server.user}@127.0.0.1 -s sftp`;
      const resticAt = (...args: string[]) =>
        execFileSync(restic.command, ['-r', 'sftp:x:shared', '-o', `sftp.command=${ssh}`, '--no-cache', ...args], {
          env: { PATH: process.env['PATH'], HOME: home, RESTIC_PASSWORD: PASSWORD },
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        });
      await shareWithRestic({ run, restic: resticAt, source, folder: home });
    },
    120_000,
  );

  it('takes backups of a writer who may only add, deletes as maintainer, and reads as reader', async () => {
    const policies = join(home, 'policies');
    mkdirSync(policies);
    writeFileSync(
      join(policies, 'all.yaml'),
      `apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec:
  ${server.placeYaml('guarded')}
  identities:
    writer: ${server.identityYaml('writer')}
    maintainer: ${server.identityYaml('admin')}
    reader: ${server.identityYaml('reader')}
  limits: { connections: 2 }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: offsite }
spec: { location: vault, path: repository, passwordFrom: { env: OFFSITE_PASSWORD } }
`,
    );
    const run: Run = (command, ...args) =>
      runCli([command!, '--repository', 'offsite', '--policies', policies, ...args], {
        directory: home,
        environment: { OFFSITE_PASSWORD: PASSWORD, HOME: '/nowhere', SSH_AUTH_SOCK: undefined },
      });
    await succeed(run('init'));
    const backup = await run('backup', source);
    expect([backup.status, backup.stderr]).toEqual([0, expect.stringMatching(/lock .* stays/)]);
    expect(readdirSync(join(server.data, 'guarded/repository/locks'))).toHaveLength(1);
    const id = /snapshot ([0-9a-f]{8})/.exec(backup.stdout)![1]!;
    expect(await succeed(run('check', '--read-data'))).toContain('no problem found in 1 snapshot');
    await succeed(run('restore', 'latest', '--path', source, '--target', join(home, 'by-reader')));
    execFileSync('diff', ['-r', source, join(home, 'by-reader', source)]);
    await succeed(run('unlock', '--remove-all'));
    await succeed(run('forget', id));
    await succeed(run('prune'));
  }, 120_000);
});
