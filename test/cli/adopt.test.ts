/** Snapshots that the real restic made, taken under a policy; afterwards restic, and the policy's own runs, go on with them. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { AdoptionRecord } from '../../domain/adoption-record.ts';
import type { RunRecord } from '../../domain/run-record.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { requirePeer } from '../peers.ts';
import { startSshd } from '../servers/sshd.ts';
import { createProject, type Project } from './project-fixture.ts';
import { createRepositoryFixture } from './repository-fixture.ts';
import { runCli } from './run-cli.ts';

const restic = requirePeer('restic');
const temporal = requirePeer('temporal');
const sshd = requirePeer('sshd');

async function listPacks(repository: string): Promise<string[]> {
  return (await readdir(join(repository, 'data'), { recursive: true })).toSorted();
}

async function resticSnapshots(project: Project): Promise<Snapshot[]> {
  return JSON.parse(await project.restic(restic, 'snapshots', '--json')) as Snapshot[];
}

const DAYS = ['2026-11-01', '2026-11-02', '2026-11-03'];

describe('snapshots of restic', () => {
  restic.it(
    'go on under a policy: same data and times, restic’s own check, the next backup uploads nothing, retention sees their ages',
    async () => {
      await using project = await createProject({ temporal });
      await writeFile(join(project.directory, 'source', 'big.csv'), 'x,y\n'.repeat(100_000));
      await project.restic(restic, 'init', '--quiet');
      const backup = ['backup', '--quiet', '--host', 'oldbox', '--tag', 'nightly'];
      for (const day of DAYS)
        await project.restic(restic, ...backup, '--time', `${day} 02:00:00`, join(project.directory, 'source'));
      const before = await resticSnapshots(project);
      const packs = await listPacks(project.repository);

      const adopted = await project.holdfast(['adopt', '--repository', 'main', '--policy', 'orders', '--yes']);
      expect([adopted.status, adopted.stdout]).toEqual([0, expect.stringContaining('adopted 3 snapshots for orders')]);
      const after = await resticSnapshots(project);
      expect(
        after.map(({ time, tree, hostname, tags, original }) => ({ time, tree, hostname, tags, original })),
      ).toEqual(
        before.map(({ id, time, tree }) => ({
          time,
          tree,
          hostname: 'oldbox',
          tags: ['nightly', 'holdfast', 'policy=orders'],
          original: id,
        })),
      );
      expect(await listPacks(project.repository)).toEqual(packs);
      await project.restic(restic, 'check', '--read-data');
      const [name] = await readdir(join(project.directory, '.holdfast', 'evidence', 'adoptions'));
      const record = JSON.parse(
        await readFile(join(project.directory, '.holdfast', 'evidence', 'adoptions', name!), 'utf8'),
      ) as AdoptionRecord;
      expect(record).toMatchObject({ policy: 'orders', repository: 'main', adoptedBy: expect.stringContaining('@') });
      expect(record.snapshots.map(({ oldId, newId }) => [oldId, newId])).toEqual(
        before.map(({ id }, index) => [id, after[index]!.id]),
      );

      const once = await project.holdfast(['start', '--once', '--quiet']);
      expect([once.status, once.stderr]).toEqual([0, expect.not.stringContaining('error')]);
      const runs = JSON.parse((await project.holdfast(['runs', '--json'])).stdout) as RunRecord[];
      const of = (kind: string) => runs.find((run) => run.kind === kind)!.figures;
      expect(of('backup')).toMatchObject({ filesNew: 0, filesChanged: 0, filesUnmodified: 2 });
      const shown = await project.holdfast(['snapshots', '--repository', 'main', '--json']);
      const newest = (JSON.parse(shown.stdout) as Snapshot[]).at(-1)!;
      expect(newest).toMatchObject({ hostname: 'orders', parent: after.at(-1)!.id });
      // No file's content; the folders above the source have new times.
      expect(newest.summary).toMatchObject({ data_blobs: 0 });
      // By day: the times are those of the snapshots, not of the adoption.
      expect(of('retention')).toMatchObject({ kept: 4, forgotten: 0, foreign: 0 });
      expect(of('restore-test')).toMatchObject({ proven: true });
      expect((await project.holdfast(['status'])).status).toBe(0);
      await project.restic(restic, 'check');
    },
    180_000,
  );
});

test('what is not said is asked, what is of several sources is refused, and nothing is adopted twice', async () => {
  await using fixture = await createRepositoryFixture();
  const ids = [await fixture.addSnapshot({}), await fixture.addSnapshot({ time: '2026-11-21T02:00:00Z' })];
  await fixture.addSnapshot({ hostname: 'nas' });
  const adopt = (...args: string[]) => fixture.run(['adopt', '--policy', 'orders', ...args]);
  expect(await adopt('--yes')).toMatchObject({ status: 2, stderr: expect.stringContaining('nothing says which') });
  expect(await adopt('--path', '/', '--yes')).toMatchObject({
    status: 8,
    stderr: expect.stringContaining('2 snapshots of app-01: /srv/a; 1 snapshot of nas: /srv/a'),
  });
  expect(await adopt('--host', 'app-01')).toMatchObject({ status: 8, stderr: expect.stringContaining('give --yes') });
  const dry = JSON.parse((await adopt('--host', 'app-01', '--dry-run', '--json')).stdout) as Record<string, unknown>;
  expect(dry).toMatchObject({ dryRun: true, snapshots: [{ step: 'adopt' }, { step: 'adopt' }] });
  expect((await fixture.repository.listSnapshots()).every(({ tags }) => tags === undefined)).toBe(true);

  const one = await adopt(ids[0]!.slice(0, 12), '--yes', '--json');
  expect(JSON.parse(one.stdout)).toMatchObject({ adopted: [{ oldId: ids[0] }], left: [] });
  expect(JSON.parse((await adopt('--host', 'app-01', '--yes', '--json')).stdout)).toMatchObject({
    adopted: [{ oldId: ids[1] }],
  });
  const again = await adopt('--host', 'app-01', '--yes');
  expect([again.status, again.stdout]).toEqual([0, 'there is nothing to adopt for orders\n']);
  expect(await fixture.repository.listSnapshots()).toHaveLength(3);
  expect(await adopt('--policy', 'Orders!', '--path', '/', '--yes')).toMatchObject({ status: 2 });
});

test('a policy that is not there, or does not use the repository, takes nothing', async () => {
  await using fixture = await createRepositoryFixture();
  const id = await fixture.addSnapshot({});
  const policies = join(fixture.folder, 'policies');
  await mkdir(policies);
  const document = (kind: string, name: string, spec: string): string =>
    `apiVersion: holdfast/v1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: ${spec}\n---\n`;
  await writeFile(
    join(policies, 'all.yaml'),
    document('Location', 'here', '{ local: { path: .. } }') +
      document('Repository', 'main', `{ location: here, path: vault, passwordFrom: { env: P } }`) +
      document('Repository', 'other', `{ location: here, path: elsewhere, passwordFrom: { env: P } }`) +
      document('Policy', 'orders', '{ source: { directory: /srv/a }, backup: [{ to: other }] }'),
  );
  const adopt = (...args: string[]) =>
    runCli(['adopt', ...args, '--yes'], { directory: fixture.folder, environment: { P: 'geheim' } });
  expect(await adopt('--repository', 'main', '--policy', 'order')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('did you mean "orders"?'),
  });
  expect(await adopt('--repository', 'main', '--policy', 'orders')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('it backs up to other'),
  });
  expect((await fixture.repository.listSnapshots()).map((snapshot) => snapshot.id)).toEqual([id]);
});

sshd.describe('an identity that may only add', () => {
  restic.it(
    'adopts, says what it could not remove, and the maintainer finishes it',
    async () => {
      const server = await startSshd(sshd.command);
      const directory = await mkdtemp(join(tmpdir(), 'holdfast-adopt-'));
      onTestFinished(async () => {
        await server.stop();
        await rm(directory, { recursive: true, force: true, maxRetries: 10 });
      });
      const environment = { RESTIC_PASSWORD: 'secret', P: 'secret', HOME: '/nowhere', SSH_AUTH_SOCK: undefined };
      const repository = join(server.data, 'vault', 'main');
      const source = join(directory, 'orders');
      await mkdir(source);
      await mkdir(join(directory, 'policies'));
      await writeFile(join(source, 'ledger.csv'), 'id\n1\n');
      const run = (...args: string[]) =>
        promisify(execFile)(restic.command, ['-r', repository, '--no-cache', ...args], {
          env: { ...process.env, ...environment },
        });
      await run('init');
      await run('backup', source);
      const write = (account: 'writer' | 'admin') =>
        writeFile(
          join(directory, 'policies', 'all.yaml'),
          `apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec:
  ${server.placeYaml('vault')}
  identities: { writer: ${server.identityYaml(account)} }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: main }
spec: { location: vault, path: main, passwordFrom: { env: P } }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: orders }
spec: { source: { directory: ../orders }, backup: [{ to: main }] }
`,
        );
      const adopt = () =>
        runCli(['adopt', '--repository', 'main', '--policy', 'orders', '--yes'], { directory, environment });
      await write('writer');
      const added = await adopt();
      expect([added.status, added.stderr]).toEqual([
        4,
        expect.stringContaining('1 old snapshot file could not be removed'),
      ]);
      expect(JSON.parse((await run('snapshots', '--json', '--no-lock')).stdout)).toHaveLength(2);
      // The lock that it could not remove either.
      await run('unlock', '--remove-all');
      await write('admin');
      const finished = await adopt();
      expect([finished.status, finished.stdout]).toEqual([0, expect.stringMatching(/^finish/m)]);
      const left = JSON.parse((await run('snapshots', '--json')).stdout) as Snapshot[];
      expect(left.map(({ tags }) => tags)).toEqual([['holdfast', 'policy=orders']]);
      await run('check');
    },
    60_000,
  );
});
