/** Repositories in buckets, by the command line alone: the path of the night when no policy folder is at hand. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { S3Credentials } from '../../storage/s3-settings.ts';
import { requirePeer } from '../peers.ts';
import { readSource } from '../source-files.ts';
import { startFakeGcsServer } from '../servers/fake-gcs-server.ts';
import { startVersitygw, type S3Server } from '../servers/versitygw.ts';
import { shareWithRestic } from './share-with-restic.ts';
import { runCli, type CliResult } from './run-cli.ts';

const versitygw = requirePeer('versitygw');
const fakeGcs = requirePeer('fake-gcs-server');
const restic = requirePeer('restic');
const PASSWORD = 'a password for tests';

type Run = (...args: string[]) => Promise<CliResult>;

/** Holds a folder of sources while the body runs. */
async function withSource(body: (source: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-buckets-'));
  try {
    const source = join(folder, 'source');
    mkdirSync(source);
    for (let number = 0; number < 20; number += 1)
      writeFileSync(join(source, `file ${number}`), `${number} `.repeat(20_000));
    await body(source, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function cliAt(where: string, endpoint: string, environment: Record<string, string | undefined>): Run {
  return (command, ...args) =>
    runCli([command!, '--repo', where, '--endpoint', endpoint, ...args], {
      environment: { HOLDFAST_PASSWORD: PASSWORD, AWS_PROFILE: undefined, ...environment },
    });
}

function keysOf({ accessKeyId, secretAccessKey }: S3Credentials) {
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}

async function succeed(result: Promise<CliResult>): Promise<string> {
  const { status, stdout, stderr } = await result;
  expect([status, stderr]).toEqual([0, expect.any(String)]);
  return stdout;
}

/** Everything that is done to a repository: it is made, written, pruned, verified and read. */
async function wholeLife(run: Run): Promise<void> {
  await withSource(async (source, folder) => {
    expect((await run('snapshots')).status).toBe(10);
    await succeed(run('init'));
    expect((await run('init')).status).not.toBe(0);
    await succeed(run('backup', source));
    rmSync(join(source, 'file 3'));
    writeFileSync(join(source, 'file 4'), 'new');
    const backup = JSON.parse((await succeed(run('backup', source, '--json'))).trim().split('\n').at(-1)!) as object;
    // The new file's blob, the trees, the index, the snapshot and the lock, at least.
    expect(backup).toMatchObject({ requests: { writes: expect.any(Number), bytesWritten: expect.any(Number) } });
    const { writes, reads } = (backup as { requests: { writes: number; reads: number } }).requests;
    expect([writes >= 4, reads >= 3]).toEqual([true, true]);
    expect((await run('check', '-v')).stderr).toMatch(/asked of the storage: \d+ writes and lists/);
    await succeed(run('forget', '--keep-last', '1'));
    await succeed(run('prune', '--max-unused', '0%'));
    expect(await succeed(run('check', '--read-data'))).toContain('no problem found in 1 snapshot');
    const target = join(folder, 'restored');
    await succeed(run('restore', 'latest', '--path', source, '--target', target));
    expect(readFileSync(join(target, source, 'file 4'), 'utf8')).toBe('new');
    expect(readFileSync(join(target, source, 'file 5'))).toEqual(readFileSync(join(source, 'file 5')));
  });
}

fakeGcs.it(
  'a repository in a bucket of Google Cloud Storage lives its whole life there',
  async () => {
    const server = await startFakeGcsServer(fakeGcs.command);
    try {
      await server.createBucket('vault');
      await wholeLife(cliAt('gs://vault/deep/down', server.endpoint, {}));
    } finally {
      await server.stop();
    }
  },
  60_000,
);

versitygw.describe('a repository in a bucket of S3', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startVersitygw(versitygw.command);
    await server.createBucket('vault');
  });
  afterAll(() => server.stop());

  it(
    'lives its whole life there',
    () => wholeLife(cliAt('s3://vault/life', server.endpoint, keysOf(server.root))),
    60_000,
  );

  it('is refused to who has no credentials, or wrong ones, without showing them: exit 4', async () => {
    const wrong = { accessKeyId: server.root.accessKeyId, secretAccessKey: 'geheim' };
    const { status, stderr } = await cliAt('s3://vault/life', server.endpoint, keysOf(wrong))('snapshots');
    expect([status, stderr]).toEqual([4, expect.stringContaining('SignatureDoesNotMatch')]);
    expect(stderr).not.toContain('geheim');
  });

  it('is no repository where there is no bucket, and unreachable where there is no server: exits 10 and 6', async () => {
    const absent = await cliAt('s3://absent/x', server.endpoint, keysOf(server.root))('init');
    expect([absent.status, absent.stderr]).toEqual([expect.any(Number), expect.stringContaining('Create the bucket')]);
    const unread = await cliAt('s3://absent/x', server.endpoint, keysOf(server.root))('snapshots');
    expect([unread.status, unread.stderr]).toEqual([10, expect.stringContaining('Create the bucket')]);
    const nobody = await cliAt('s3://vault/x', 'http://127.0.0.1:9', keysOf(server.root))('snapshots');
    expect(nobody.status).toBe(6);
  }, 30_000);

  restic.it(
    'is shared with restic: each reads, extends, prunes and verifies what the other wrote',
    () =>
      withSource(async (source, folder) => {
        const run = cliAt('s3://vault/shared', server.endpoint, keysOf(server.root));
        const resticAt = (...args: string[]) =>
          execFileSync(restic.command, ['-r', `s3:${server.endpoint}/vault/shared`, '--no-cache', ...args], {
            env: { PATH: process.env['PATH'], HOME: folder, RESTIC_PASSWORD: PASSWORD, ...keysOf(server.root) },
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'pipe'],
          });
        await shareWithRestic({ run, restic: resticAt, source, folder });
      }),
    90_000,
  );

  it(
    'takes backups of a writer who cannot delete, and says that its locks stay until they expire',
    () =>
      withSource(async (source) => {
        const root = cliAt('s3://vault/guarded', server.endpoint, keysOf(server.root));
        await succeed(root('init'));
        const writer = await server.createUser('writer');
        await server.setPolicy('vault', {
          writer: ['s3:GetObject', 's3:PutObject', 's3:ListBucket', 's3:AbortMultipartUpload'],
        });
        const asWriter = cliAt('s3://vault/guarded', server.endpoint, keysOf(writer));
        const backup = await asWriter('backup', source);
        expect([backup.status, backup.stderr]).toEqual([0, expect.stringMatching(/lock .* stays/)]);
        const forget = await asWriter('forget', '--keep-last', '1', '--host', 'nobody', '--wait-lock', '0s');
        expect(forget.status).not.toBe(1);
        const id = /snapshot ([0-9a-f]{8})/.exec(backup.stdout)![1]!;
        expect((await asWriter('forget', id)).status).toBe(4);
        expect(await succeed(asWriter('check', '--read-data'))).toContain('no problem found in 1 snapshot');
        await succeed(root('unlock', '--remove-all'));
        await succeed(root('forget', id));
      }),
    60_000,
  );

  it(
    'is used by policies as writer, maintainer and reader, each within its rights',
    () =>
      withSource(async (source, folder) => {
        await server.createBucket('roles');
        const [adder, keeper, looker] = await Promise.all(['adder', 'keeper', 'looker'].map(server.createUser));
        await server.setPolicyDocument(
          'roles',
          policyOfReadme({ writer: 'adder', maintainer: 'keeper', reader: 'looker' }),
        );
        writeFileSync(
          join(folder, 'all.yaml'),
          `apiVersion: holdfast/v1
kind: Location
metadata: { name: bucket }
spec:
  s3: { bucket: roles, prefix: a/b, region: us-east-1, endpoint: "${server.endpoint}", forcePathStyle: true }
  identities:
    writer: { credentialsFrom: { env: ADDER } }
    maintainer: { credentialsFrom: { env: KEEPER } }
    reader: { credentialsFrom: { env: LOOKER } }
  limits: { connections: 4, upload: 500MiB/s }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: offsite }
spec: { location: bucket, path: repository, passwordFrom: { env: PASSWORD } }
`,
        );
        const secret = (user: S3Credentials | undefined) => `${user?.accessKeyId}:${user?.secretAccessKey}`;
        const environment = {
          PASSWORD,
          ADDER: secret(adder),
          KEEPER: secret(keeper),
          LOOKER: secret(looker),
          AWS_ACCESS_KEY_ID: undefined,
          AWS_PROFILE: undefined,
        };
        const run: Run = (command, ...args) =>
          runCli([command!, '--repository', 'offsite', '--policies', folder, ...args], { environment });
        await succeed(run('init'));
        const backup = await run('backup', source);
        expect([backup.status, backup.stderr]).toEqual([0, expect.stringMatching(/lock .* stays/)]);
        expect(await succeed(run('check', '--read-data'))).toContain('no problem found in 1 snapshot');
        await succeed(run('restore', 'latest', '--path', source, '--target', join(folder, 'restored')));
        await succeed(run('unlock', '--remove-all'));
        const id = /snapshot ([0-9a-f]{8})/.exec(backup.stdout)![1]!;
        for (const user of [adder, looker]) {
          const as = cliAt('s3://roles/a/b/repository', server.endpoint, keysOf(user!));
          expect((await as('forget', id)).status).toBe(4);
        }
        await succeed(run('forget', id));
      }),
    90_000,
  );
});

/** The policy that the README shows, for the bucket `roles`, whose service knows accounts by their access keys alone. */
function policyOfReadme(users: Readonly<Record<string, string>>): string {
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(readSource('README.md')) ?? [];
  const policy = json.replaceAll(/arn:aws:iam::\d+:user\/([a-z]+)/g, (_, role: string) => users[role] ?? role);
  return policy.replaceAll('arn:aws:s3:::acme-backup', 'arn:aws:s3:::roles');
}
