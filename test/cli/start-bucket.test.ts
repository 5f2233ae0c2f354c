/** Policies on buckets through the real embedded engine: a sync into one, and a backup into a repository in it. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { RunRecord } from '../../domain/run-record.ts';
import { openBucketTree } from '../../storage/bucket-tree.ts';
import { bytes, readText, walk } from '../files/tree-contract/tree-under-test.ts';
import { requirePeer } from '../peers.ts';
import { BUCKET_KINDS, type BucketService } from '../servers/bucket-services.ts';
import { createProject, writeManyFiles, type Project } from './project-fixture.ts';

const temporal = requirePeer('temporal');

describe.each(BUCKET_KINDS)('policies on buckets of $name', ({ peer, start }) => {
  peer.describe('through the engine', () => {
    let service: BucketService;
    let project: Project;

    beforeAll(async () => {
      service = await start();
      const { accessKey } = service;
      const identities =
        accessKey === undefined ? '' : '\n  identities: { writer: { credentialsFrom: { env: ACCESS_KEY } } }';
      const location = (name: string) =>
        `kind: Location\nmetadata: { name: ${name} }\nspec:\n  ${service.yaml(name)}${identities}`;
      project = await createProject({
        temporal,
        environment: { ACCESS_KEY: accessKey, GOOGLE_APPLICATION_CREDENTIALS: undefined, CI: undefined },
        documents: [
          location('vault'),
          location('standby'),
          `kind: Repository
metadata: { name: offsite }
spec: { location: vault, path: repository, passwordFrom: { env: ORDERS_PASSWORD }, check: { every: 7d, readData: 100% } }`,
          `kind: Policy
metadata: { name: orders }
spec:
  source: { directory: ../source }
  sync: [{ to: standby, path: orders, mode: mirror, versions: 30d, verify: { content: 100% } }]
  backup: [{ to: offsite }]
  retention: { keep: { last: 3 } }
  restoreTest: { sample: { files: 20 } }`,
        ],
      });
      await writeManyFiles(join(project.directory, 'source'), 40);
    });
    afterAll(async () => {
      await service.stop();
      await project[Symbol.asyncDispose]();
    });

    temporal.it(
      'run whole, once and again, and the second sync copies what is new alone',
      async () => {
        expect((await project.holdfast(['validate', 'policies'])).status).toBe(0);
        const first = await project.holdfast(['start', '--once', '--allow-dirty']);
        expect(first.status, first.stdout + first.stderr).toBe(0);
        expect(first.stdout).toMatch(/✓ {2}sync +orders → standby\/orders .* 40 files copied/);
        expect(first.stdout).toMatch(/✓ {2}restore-test +orders → offsite/);
        await writeFile(join(project.directory, 'source', 'file 7'), 'new');
        await rm(join(project.directory, 'source', 'file 8'));
        const second = await project.holdfast(['start', '--once', '--allow-dirty']);
        expect(second.status, second.stdout + second.stderr).toBe(0);
        const runs = JSON.parse((await project.holdfast(['runs', '--json'])).stdout) as RunRecord[];
        const syncs = runs.filter(({ kind }) => kind === 'sync').map(({ figures }) => figures);
        expect(syncs).toContainEqual(
          expect.objectContaining({ filesCopied: 1, filesRemoved: 1, filesUnchanged: 38, filesKept: 2 }),
        );
        const tree = openBucketTree(await service.open('standby'));
        const copied = (await walk(tree)).filter((path) => !/(^|\/)\.holdfast/.test(path));
        const names = Array.from({ length: 40 }, (_, number) => `orders/file ${number}`);
        expect(copied).toEqual(['orders', ...names.filter((name) => name !== 'orders/file 8').toSorted()]);
        expect(await readText(tree, bytes('orders/file 7'))).toBe('new');
        await tree.close();
      },
      180_000,
    );
  });
});
