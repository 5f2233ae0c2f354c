/** Policies on an SSH server through the real embedded engine: syncs to a folder there and from one, and a backup into a repository there. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect } from 'vitest';
import type { RunRecord } from '../../domain/run-record.ts';
import { requirePeer } from '../peers.ts';
import { startSshd, type SshServer } from '../servers/sshd.ts';
import { createProject, writeManyFiles, type Project } from './project-fixture.ts';

const sshd = requirePeer('sshd');
const temporal = requirePeer('temporal');
/** The engine starts three times. */
const LIMIT_MS = 180_000;

sshd.describe('policies on an SSH server', () => {
  let server: SshServer;
  let project: Project;

  beforeAll(async () => {
    server = await startSshd(sshd.command);
    await mkdir(join(server.data, 'warehouse', 'stock', 'shelf'), { recursive: true });
    for (let number = 0; number < 5; number++)
      await writeFile(join(server.data, 'warehouse', 'stock', 'shelf', `item ${number}`), `item ${number}`);
    const identities = `{ writer: ${server.identityYaml('admin')}, reader: ${server.identityYaml('reader')} }`;
    const location = (name: string) =>
      `kind: Location\nmetadata: { name: ${name} }\nspec: { ${server.placeYaml(name)}, identities: ${identities} }`;
    project = await createProject({
      temporal,
      environment: { CI: undefined },
      documents: [
        ...['vault', 'standby', 'warehouse'].map(location),
        'kind: Location\nmetadata: { name: disk }\nspec: { local: { path: ../disk } }',
        `kind: Repository
metadata: { name: offsite }
spec: { location: vault, path: repository, passwordFrom: { env: ORDERS_PASSWORD }, check: { every: 7d, readData: 100% } }`,
        `kind: Policy
metadata: { name: orders }
spec:
  source: { directory: ../source }
  sync: [{ to: standby, path: orders, mode: mirror, verify: { content: 100% } }]
  backup: [{ to: offsite }]
  retention: { keep: { last: 3 } }
  restoreTest: { sample: { files: 20 } }`,
        `kind: Policy
metadata: { name: stock }
spec:
  source: { location: warehouse, path: stock }
  sync:
    - { to: disk, path: stock, mode: mirror, verify: { content: 100% } }
    - { to: standby, path: stock, mode: mirror }
  accessCheck: { every: 7d }`,
      ],
    });
    await writeManyFiles(join(project.directory, 'source'), 40);
  });
  afterAll(async () => {
    await server.stop();
    await project[Symbol.asyncDispose]();
  });

  temporal.it(
    'run whole, once and again, and the second sync copies what is new alone',
    async () => {
      const first = await project.holdfast(['start', '--once', '--allow-dirty']);
      expect(first.status, first.stdout + first.stderr).toBe(0);
      expect(first.stdout).toMatch(/✓ {2}sync +orders → standby\/orders .* 40 files copied/);
      expect(first.stdout).toMatch(/✓ {2}sync +stock → disk\/stock .* 5 files copied/);
      expect(first.stdout).toMatch(/✓ {2}sync +stock → standby\/stock .* 5 files copied/);
      expect(first.stdout).toMatch(/✓ {2}restore-test +orders → offsite/);
      await writeFile(join(project.directory, 'source', 'file 7'), 'new');
      await rm(join(project.directory, 'source', 'file 8'));
      await writeFile(join(server.data, 'warehouse', 'stock', 'shelf', 'item 3'), 'another item');
      const second = await project.holdfast(['start', '--once', '--allow-dirty']);
      expect(second.status, second.stdout + second.stderr).toBe(0);
      const runs = JSON.parse((await project.holdfast(['runs', '--json'])).stdout) as RunRecord[];
      const syncs = runs
        .filter(({ kind, policy }) => kind === 'sync' && policy === 'orders')
        .map(({ figures }) => figures);
      expect(syncs).toContainEqual(expect.objectContaining({ filesCopied: 1, filesRemoved: 1, filesUnchanged: 38 }));
      const expectCopy = (source: string, copy: string) =>
        execFileSync('diff', ['-r', '--exclude=.holdfast-sync.json', source, copy]);
      expectCopy(join(project.directory, 'source'), join(server.data, 'standby', 'orders'));
      const stock = join(server.data, 'warehouse', 'stock');
      for (const copy of [join(project.directory, 'disk', 'stock'), join(server.data, 'standby', 'stock')])
        expectCopy(stock, copy);
      const ofStock = runs.filter(({ policy }) => policy === 'stock');
      const copied = ofStock.flatMap(({ figures }) => (figures?.kind === 'sync' ? figures.filesCopied : []));
      expect(copied.toSorted()).toEqual([1, 1, 5, 5]);
      const told = ofStock.filter(({ kind }) => kind === 'access-check').flatMap(({ findings }) => findings);
      expect(told.map(({ subject, message }) => `${subject}: ${message}`)).toContainEqual(
        expect.stringMatching(/^warehouse: .*\(reader: may not write, may not delete\)$/),
      );
      expect((await readdir(join(server.data, 'standby'))).toSorted()).toEqual(['orders', 'stock']);
    },
    LIMIT_MS,
  );
});
