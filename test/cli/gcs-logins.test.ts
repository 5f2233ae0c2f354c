/** Who logs in to Google Cloud Storage, with what, and what each may do: by the command line, with tokens and permissions that are checked. */
import { mkdir, mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { requirePeer } from '../peers.ts';
import { startFakeGcsServer, type GcsServer } from '../servers/fake-gcs-server.ts';
import { startGcsAccounts, withOtherKey, type GcsAccounts } from '../servers/gcs-accounts.ts';
import { runCli, type CliResult } from './run-cli.ts';

const fakeGcs = requirePeer('fake-gcs-server');
const openssl = requirePeer('openssl');
const temporal = requirePeer('temporal');
const PASSWORD = 'a password for tests';

/** As the README has the roles. */
const READS = ['get', 'list'] as const;
const ADDS = [...READS, 'create'] as const;
const KEEPS = [...ADDS, 'delete'] as const;

type Run = (command: string, ...args: string[]) => Promise<CliResult>;

fakeGcs.describe('logins to Google Cloud Storage', () => {
  openssl.describe('with tokens that are checked', () => {
    let accounts: GcsAccounts;
    let server: GcsServer;
    let folder: string;
    let source: string;
    let prefixes = 0;
    let keys: Record<'writer' | 'maintainer' | 'reader' | 'copier' | 'syncer', string>;

    beforeAll(async () => {
      let backend = '';
      accounts = await startGcsAccounts(() => backend, openssl.command);
      server = await startFakeGcsServer(fakeGcs.command, { externalUrl: accounts.endpoint, inMemory: true });
      backend = server.endpoint;
      await server.createBucket('vault');
      keys = {
        writer: await accounts.createKey('writer', ADDS),
        maintainer: await accounts.createKey('maintainer', KEEPS),
        reader: await accounts.createKey('reader', READS),
        copier: await accounts.createKey('copier', [...KEEPS, 'update']),
        syncer: await accounts.createKey('syncer', [...KEEPS, 'update']),
      };
    });
    afterAll(async () => {
      await server.stop();
      await accounts.stop();
    });
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'holdfast-gcs-logins-'));
      source = join(folder, 'source');
      await mkdir(source);
      for (let number = 0; number < 5; number++) await writeFile(join(source, `file ${number}`), `${number}`);
    });
    afterEach(() => rm(folder, { recursive: true, maxRetries: 10 }));

    const freshUrl = () => `gs://vault/repository-${(prefixes += 1)}`;
    const as =
      (keyFile: string, url: string): Run =>
      (command, ...args) =>
        runCli([command, '--repo', url, '--endpoint', accounts.endpoint, ...args], {
          environment: {
            ...accounts.environment,
            HOLDFAST_PASSWORD: PASSWORD,
            GOOGLE_APPLICATION_CREDENTIALS: keyFile,
          },
        });
    async function succeed(running: Promise<CliResult>): Promise<string> {
      const { status, stdout, stderr } = await running;
      expect([status, stderr]).toEqual([0, expect.any(String)]);
      return stdout;
    }
    async function expectDenied(running: Promise<CliResult>): Promise<string> {
      const { status, stdout, stderr } = await running;
      expect([status, stdout + stderr]).toEqual([4, expect.any(String)]);
      return stderr;
    }

    it('take the key of a service account, and the login of a person', async () => {
      const login = await accounts.createLogin('person', KEEPS);
      for (const file of [keys.maintainer, login]) {
        const [run, before] = [as(file, freshUrl()), accounts.tokensGiven()];
        expect((await run('init')).stderr).not.toContain('deprecated');
        expect(accounts.tokensGiven()).toBe(before + 1);
        await succeed(run('backup', source));
        expect(await succeed(run('check', '--read-data'))).toContain('no problem found in 1 snapshot');
      }
    }, 120_000);

    it('are refused, exit 4, without a word of the secret: no login, one that was replaced, one that does not reach', async () => {
      const url = freshUrl();
      await succeed(as(keys.maintainer, url)('init'));
      const other = await withOtherKey(keys.maintainer);
      const secret = (JSON.parse(await readFile(other, 'utf8')) as { private_key: string }).private_key.split('\n')[3]!;
      const replaced = await expectDenied(as(other, url)('snapshots'));
      expect(replaced).toContain('no usable Google credentials');
      expect(replaced).not.toContain(secret);
      const anonymous = runCli(['snapshots', '--repo', url, '--endpoint', accounts.endpoint], {
        environment: { HOLDFAST_PASSWORD: PASSWORD, GOOGLE_APPLICATION_CREDENTIALS: undefined },
      });
      expect(await expectDenied(anonymous)).toContain('does not accept these credentials');
      const missing = await as(join(folder, 'missing.json'), url)('snapshots');
      expect([missing.status, missing.stderr]).toEqual([2, expect.stringContaining('missing.json cannot be read')]);
      const nobody = await accounts.createKey('nobody', []);
      expect(await expectDenied(as(nobody, url)('snapshots'))).toContain('Use an identity that may');
    }, 120_000);

    it('as writer add, and cannot remove what is there; as maintainer remove; as reader read alone', async () => {
      const url = freshUrl();
      await succeed(as(keys.maintainer, url)('init'));
      const backup = await as(keys.writer, url)('backup', source);
      expect([backup.status, backup.stderr]).toEqual([0, expect.stringMatching(/lock .* stays/)]);
      const id = /snapshot ([0-9a-f]{8})/.exec(backup.stdout)![1]!;
      await expectDenied(as(keys.writer, url)('forget', id));
      await expectDenied(as(keys.writer, url)('unlock', '--remove-all'));
      await expectDenied(as(keys.reader, url)('backup', source));
      expect(await succeed(as(keys.reader, url)('snapshots'))).toContain(id);
      await succeed(as(keys.reader, url)('restore', id, '--target', join(folder, 'restored')));
      await succeed(as(keys.maintainer, url)('unlock', '--remove-all'));
      await succeed(as(keys.maintainer, url)('forget', id));
      await succeed(as(keys.maintainer, url)('prune'));
      expect(accounts.refused.filter((line) => line.startsWith('403 DELETE')).length).toBeGreaterThan(0);
    }, 120_000);

    temporal.it(
      'are chosen by the role in policies: a backup, a sync, and a sync whose writer may only add',
      async () => {
        const identities = (writer: string) =>
          `identities: { writer: { credentialsFrom: { file: ${writer} } }, maintainer: { credentialsFrom: { file: ${keys.syncer} } }, reader: { credentialsFrom: { file: ${keys.reader} } } }`;
        const location = (name: string, writer: string) => `apiVersion: holdfast/v1
kind: Location
metadata: { name: ${name} }
spec:
  gcs: { bucket: vault, prefix: ${name}, endpoint: "${accounts.endpoint}" }
  ${identities(writer)}
---
`;
        await mkdir(join(folder, 'policies'));
        await writeFile(
          join(folder, 'policies', 'all.yaml'),
          `${location('repositories', keys.maintainer)}${location('standby', keys.copier)}${location('adding', keys.writer)}apiVersion: holdfast/v1
kind: Repository
metadata: { name: offsite }
spec: { location: repositories, path: offsite, passwordFrom: { env: OFFSITE_PASSWORD } }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: orders }
spec:
  source: { directory: ../source }
  sync:
    - { to: standby, mode: mirror }
    - { to: adding, mode: copy }
  backup: [{ to: offsite }]
  retention: { keep: { last: 3 } }
`,
        );
        const holdfast = (...args: string[]) =>
          runCli(args, {
            directory: folder,
            environment: {
              ...accounts.environment,
              OFFSITE_PASSWORD: PASSWORD,
              GOOGLE_APPLICATION_CREDENTIALS: undefined,
              HOLDFAST_TEMPORAL_CLI: temporal.command,
              CI: undefined,
            },
          });
        const first = await holdfast('start', '--once', '--allow-dirty');
        expect(first.stderr).not.toContain('deprecated');
        expect(first.stdout + first.stderr).toMatch(/✓ {2}backup +orders → offsite/);
        expect(first.stdout).toMatch(/✓ {2}sync +orders → standby .* 5 files copied/);
        await writeFile(join(source, 'file 1'), 'changed');
        await unlink(join(source, 'file 2'));
        const second = await holdfast('start', '--once', '--allow-dirty');
        expect(second.stdout).toMatch(/✓ {2}sync +orders → standby .* 1 file copied/);
        expect(second.stdout).toMatch(/✗ {2}sync +orders → adding/);
        expect(second.stdout + second.stderr).toContain('this identity may not write gs://vault/adding/file 1 (403)');
      },
      300_000,
    );
  });
});
