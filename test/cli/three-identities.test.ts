/** One account for each role on an SSH server, through the real embedded engine: who adds, who deletes, who reads. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import type { RunRecord } from '../../domain/run-record.ts';
import { requirePeer } from '../peers.ts';
import { startSshd, type SshAccount, type SshServer } from '../servers/sshd.ts';
import { createProject, untilTrue, writeManyFiles, type Project } from './project-fixture.ts';

const sshd = requirePeer('sshd');
const temporal = requirePeer('temporal');
/** The engine starts for each command. */
const LIMIT_MS = 300_000;

sshd.describe('a repository with a writer who can only add, a maintainer and a reader', () => {
  let server: SshServer;
  let project: Project;
  let packs: string;

  beforeAll(async () => {
    server = await startSshd(sshd.command);
    packs = join(server.data, 'vault', 'repository', 'data');
    const [writer, maintainer, reader] = (['writer', 'admin', 'reader'] as const).map(server.identityYaml);
    project = await createProject({
      temporal,
      environment: { CI: undefined, HOME: '/nowhere', SSH_AUTH_SOCK: undefined },
      documents: [
        `kind: Location
metadata: { name: vault }
spec:
  ${server.placeYaml('vault')}
  identities: { writer: ${writer}, maintainer: ${maintainer}, reader: ${reader} }`,
        `kind: Repository
metadata: { name: offsite }
spec:
  location: vault
  path: repository
  passwordFrom: { env: ORDERS_PASSWORD }
  prune: { every: 7d, maxUnused: 0%, after: 1s }
  check: { every: 7d, readData: 100% }`,
        `kind: Policy
metadata: { name: orders }
spec:
  source: { directory: ../source }
  backup: [{ to: offsite }]
  retention: { keep: { last: 1 }, proven: 0, maxForget: 100% }
  restoreTest: { snapshot: latest, sample: { all: true } }`,
      ],
    });
  });
  afterAll(async () => {
    await server.stop();
    await project[Symbol.asyncDispose]();
  });

  /** The run's record, and whose keys have logged in for it. */
  const run = async (...args: string[]): Promise<{ record: RunRecord; logins: SshAccount[] }> => {
    await server.logins();
    const { stdout, stderr } = await project.holdfast(['run', ...args, '--json']);
    expect(stdout, stderr).not.toBe('');
    const record = JSON.parse(stdout) as RunRecord;
    expect(record, stderr).toMatchObject({ outcome: 'succeeded' });
    return { record, logins: await server.logins() };
  };
  const fill = (content: string) => writeManyFiles(join(project.directory, 'source'), 20, content);
  const packsThere = async (): Promise<string[]> =>
    (await readdir(packs, { recursive: true })).filter((name) => name.length > 60);
  const actor = (role: string) => [expect.objectContaining({ location: 'vault', role, user: server.user })];

  temporal.it(
    'is filled, freed and read by each of them, and the records say by whom',
    async () => {
      await fill('first');
      // Puts the policies in force, and makes the repository.
      await project.holdfast(['start', '--allow-dirty'], (child) => {
        const config = join(server.data, 'vault', 'repository', 'config');
        const evidence = join(project.directory, '.holdfast', 'evidence', 'applies');
        void untilTrue(() => existsSync(config) && existsSync(evidence)).then(() => child.kill('SIGINT'));
      });

      const backup = await run('orders', 'backup');
      expect(backup.logins).not.toContain('admin');
      expect(backup.logins).toContain('writer');
      expect(backup.record.requests).toEqual(actor('writer'));
      expect(backup.record.findings).toContainEqual(expect.objectContaining({ code: 'repository/lock-left' }));
      const first = await packsThere();
      // The writer's key makes files that nobody writes again.
      for (const name of first) expect((await stat(join(packs, name))).mode & 0o777).toBe(0o400);

      await rm(join(project.directory, 'source'), { recursive: true });
      await mkdir(join(project.directory, 'source'));
      await fill('second');
      await run('orders', 'backup');
      const retention = await run('orders', 'retention');
      expect(retention.record.figures).toMatchObject({ kept: 1, forgotten: 1 });
      expect([retention.logins, retention.record.requests]).toEqual([['admin'], actor('maintainer')]);

      const prune = await run('offsite', 'prune');
      expect([prune.logins, prune.record.requests]).toEqual([['admin'], actor('maintainer')]);
      expect(prune.record.figures).toMatchObject({ kind: 'prune', bytesUnused: 0 });
      const left = await packsThere();
      expect(first.filter((name) => left.includes(name))).toEqual([]);

      const check = await run('offsite', 'check');
      expect([check.logins, check.record.requests]).toEqual([['reader'], actor('reader')]);
      expect(check.record.figures).toMatchObject({ snapshots: 1, problems: 0, packsRead: left.length });

      const test = await run('orders', 'restore-test');
      expect([test.logins, test.record.requests]).toEqual([['reader'], actor('reader')]);
      expect(test.record.figures).toMatchObject({ filesCompared: 20, proven: true });

      const access = await run('orders', 'access-check');
      expect(access.record.findings.map(({ message }) => message)).toContainEqual(
        expect.stringContaining(
          'writer: may write, may not delete; maintainer: may write, may delete; reader: may not write, may not delete',
        ),
      );
      const shown = (await project.holdfast(['runs'])).stdout;
      for (const role of ['writer', 'maintainer', 'reader'])
        expect(shown).toContain(`vault as ${role} ${server.user}: `);
    },
    LIMIT_MS,
  );
});
