/** Policies on buckets through the real embedded engine: a sync into one, and a backup into a repository in it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { RunRecord } from '../../domain/run-record.ts';
import { openBucketTree } from '../../storage/bucket-tree.ts';
import { bytes, readText, walk } from '../files/tree-contract/tree-under-test.ts';
import { requirePeer } from '../peers.ts';
import { BUCKET_KINDS, type BucketService } from '../servers/bucket-services.ts';
import { runCli, type CliResult } from './run-cli.ts';

const temporal = requirePeer('temporal');

describe.each(BUCKET_KINDS)('policies on buckets of $name', ({ peer, start }) => {
  peer.describe('through the engine', () => {
    let service: BucketService;
    let directory: string;

    beforeAll(async () => {
      service = await start();
      directory = await mkdtemp(join(tmpdir(), 'holdfast-start-bucket-'));
      await mkdir(join(directory, 'policies'));
      await mkdir(join(directory, 'orders'));
      for (let number = 0; number < 40; number++)
        await writeFile(join(directory, 'orders', `file ${number}`), `${number} `.repeat(1000));
      const location = (name: string) => `apiVersion: holdfast/v1
kind: Location
metadata: { name: ${name} }
spec:
  ${service.yaml(name)}${service.accessKey === undefined ? '' : '\n  identities: { writer: { credentialsFrom: { env: ACCESS_KEY } } }'}
---
`;
      await writeFile(
        join(directory, 'policies', 'all.yaml'),
        `${location('vault')}${location('standby')}apiVersion: holdfast/v1
kind: Repository
metadata: { name: offsite }
spec: { location: vault, path: repository, passwordFrom: { env: OFFSITE_PASSWORD }, check: { every: 7d, readData: 100% } }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: orders }
spec:
  source: { directory: ../orders }
  sync: [{ to: standby, path: orders, mode: mirror, versions: 30d, verify: { content: 100% } }]
  backup: [{ to: offsite }]
  retention: { keep: { last: 3 } }
  restoreTest: { sample: { files: 20 } }
`,
      );
    });
    afterAll(async () => {
      await service.stop();
      await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    });

    const holdfast = (...args: string[]): Promise<CliResult> =>
      runCli(args, {
        directory,
        environment: {
          OFFSITE_PASSWORD: 'secret',
          ACCESS_KEY: service.accessKey,
          GOOGLE_APPLICATION_CREDENTIALS: undefined,
          HOLDFAST_TEMPORAL_CLI: temporal.command,
          CI: undefined,
        },
      });

    temporal.it(
      'run whole, once and again, and the second sync copies what is new alone',
      async () => {
        expect((await holdfast('validate', 'policies')).status).toBe(0);
        const first = await holdfast('start', '--once', '--allow-dirty');
        expect(first.status, first.stdout + first.stderr).toBe(0);
        expect(first.stdout).toMatch(/✓ {2}sync +orders → standby .* 40 files copied/);
        expect(first.stdout).toMatch(/✓ {2}restore-test +orders → offsite/);
        await writeFile(join(directory, 'orders', 'file 7'), 'new');
        await rm(join(directory, 'orders', 'file 8'));
        const second = await holdfast('start', '--once', '--allow-dirty');
        expect(second.status, second.stdout + second.stderr).toBe(0);
        const runs = JSON.parse((await holdfast('runs', '--json')).stdout) as RunRecord[];
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
