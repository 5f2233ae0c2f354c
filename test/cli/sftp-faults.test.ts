import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { openSftpStorage } from '../../storage/sftp.ts';
import { requirePeer } from '../peers.ts';
import { startSshd } from '../servers/sshd.ts';
import { startToxiproxy } from '../servers/toxiproxy.ts';
import { describeFaults } from './fault-matrix.ts';
import { runCli } from './run-cli.ts';
import { personOf } from './ssh-person.ts';

const sshd = requirePeer('sshd');
const toxiproxy = requirePeer('toxiproxy-server');

sshd.describe('commands on an SSH server through faults', () =>
  toxiproxy.describe('of the network and the server', () => {
    describeFaults(async (folder) => {
      const server = await startSshd(sshd.command, folder === undefined ? {} : { folder });
      const proxy = await startToxiproxy(toxiproxy.command, server.port);
      const home = await personOf(server, proxy.port);
      return {
        optionsOf: (repository) => ({
          args: ['--repo', `sftp://${server.user}@127.0.0.1:${proxy.port}/${repository}`],
          environment: { HOME: home, SSH_AUTH_SOCK: undefined },
        }),
        open: (repository) =>
          openSftpStorage(server.place(repository), server.identity('admin'), server.surroundings, { role: 'writer' }),
        setToxics: (...toxics) => proxy.set(...toxics),
        restart: () => server.restart(),
        filesOf: (repository) => {
          const below = join(server.data, repository);
          const files = execFileSync('find', [below, '-type', 'f'], { encoding: 'utf8' }).split('\n').filter(Boolean);
          return files.map((file) => relative(below, file));
        },
        async stop() {
          await proxy.stop();
          await server.stop();
        },
      };
    });

    it('a command says within seconds that a server does not answer when it is connected to, and for how long it waits', async () => {
      const server = await startSshd(sshd.command);
      const proxy = await startToxiproxy(toxiproxy.command, server.port);
      try {
        const HOME = await personOf(server, proxy.port);
        await proxy.set({ type: 'timeout', attributes: { timeout: 0 } });
        const at = `sftp://${server.user}@127.0.0.1:${proxy.port}/vault`;
        const environment = {
          HOLDFAST_PASSWORD: 'geheim',
          HOLDFAST_STORAGE_TIMEOUT: '6s',
          HOME,
          SSH_AUTH_SOCK: undefined,
        };
        const { status, stderr } = await runCli(['snapshots', '--repo', at], { environment });
        expect([status, stderr]).toEqual([6, expect.stringContaining(`${at} cannot be reached`)]);
        expect(stderr.startsWith(`working: ${at} does not answer yet; waiting for up to 3s more\n`)).toBe(true);
      } finally {
        await proxy.stop();
        await server.stop();
      }
    });

    it('a writer who can only add leaves what was cut under its name; nothing counts it, and the next run goes on', async () => {
      const server = await startSshd(sshd.command);
      const proxy = await startToxiproxy(toxiproxy.command, server.port);
      try {
        const [maintainer, writer] = [await personOf(server), await personOf(server, proxy.port, 'writer')];
        const source = join(server.folder, 'source');
        mkdirSync(source);
        writeFileSync(join(source, 'file'), randomBytes(6 * 1024 * 1024));
        const run = (HOME: string, port: number, ...[command = '', ...args]: string[]) =>
          runCli([command, '--repo', `sftp://${server.user}@127.0.0.1:${port}/vault`, ...args], {
            environment: { HOLDFAST_PASSWORD: 'geheim', HOME, SSH_AUTH_SOCK: undefined },
          });
        expect((await run(maintainer, server.port, 'init')).status).toBe(0);
        await proxy.set({ type: 'limit_data', attributes: { bytes: 1024 * 1024 }, stream: 'upstream' });
        const cut = await run(writer, proxy.port, 'backup', source);
        expect([cut.status, cut.stderr]).toEqual([6, expect.stringContaining('Run it again')]);
        await proxy.set();
        const again = await run(writer, proxy.port, 'backup', source);
        expect([again.status, again.stderr]).toEqual([0, expect.any(String)]);
        const check = await run(writer, proxy.port, 'check', '--read-data');
        expect([check.status, check.stdout, check.stderr]).toEqual([0, expect.any(String), expect.any(String)]);
        expect((await run(maintainer, server.port, 'unlock', '--remove-all')).status).toBe(0);
        expect((await run(maintainer, server.port, 'prune')).status).toBe(0);
      } finally {
        await proxy.stop();
        await server.stop();
      }
    });
  }),
);
