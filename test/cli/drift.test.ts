import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { expect } from 'vitest';
import type { Drift } from '../../domain/drift.ts';
import { connect } from '../../engine/connection.ts';
import { startServer } from '../engine/engine-fixture.ts';
import { requirePeer } from '../peers.ts';
import { createProject, type Project } from './project-fixture.ts';
import { runCli } from './run-cli.ts';

const temporal = requirePeer('temporal');
const LIMIT_MS = 180_000;

async function drifted(project: Project): Promise<string[]> {
  const { status, stdout, stderr } = await project.holdfast(['drift', '--json']);
  const { findings } = JSON.parse(stdout) as Drift;
  expect(status, stderr + stdout).toBe(findings.length === 0 ? 0 : 7);
  return findings.map(({ code, subject }) => `${code} ${subject}`);
}

temporal.describe('holdfast drift', () => {
  temporal.it(
    'tells what is not applied, and what was changed, paused and deleted in the engine, until an apply puts it back',
    async () => {
      await using project = await createProject({ temporal });
      expect(await drifted(project)).toEqual(['drift/not-applied the policies']);
      const server = await startServer(join(project.directory, '.holdfast'), temporal);
      const connection = await connect(server.engine);
      try {
        const apply = async () => {
          const { status, stderr } = await project.holdfast(['apply', '--yes', '--allow-dirty']);
          expect(status, stderr).toBe(0);
        };
        await apply();
        expect(await drifted(project)).toEqual([]);

        const { schedule } = new Client({ connection, namespace: server.engine.namespace });
        await schedule.getHandle('policy/orders/retention/main').pause('by hand');
        await schedule.getHandle('policy/orders/restore-test').delete();
        await schedule
          .getHandle('policy/orders/backup/main')
          .update((previous) => ({ ...previous, spec: { intervals: [{ every: '30d' }] } }));
        await project.holdfast(['pause', 'orders', '--action', 'sync', '--reason', 'moving the disk']);
        const path = join(project.directory, 'policies', 'orders.yaml');
        const text = await readFile(path, 'utf8');
        await writeFile(path, text.replace('prune: { every: 7d }', 'prune: { every: 14d }'));
        expect(await drifted(project)).toEqual([
          'drift/not-applied repository main',
          'drift/schedule-missing policy/orders/restore-test',
          'drift/schedule-changed policy/orders/backup/main',
          'drift/paused policy/orders/sync/mirror/orders',
          'drift/paused-unrecorded policy/orders/retention/main',
        ]);
        const { status, stdout } = await project.holdfast(['drift']);
        expect([status, stdout]).toEqual([7, expect.stringContaining(': moving the disk\n')]);

        await writeFile(path, text);
        expect((await project.holdfast(['plan'])).stdout).toContain(
          '~ backup/main  its times were changed in the engine',
        );
        await apply();
        await project.holdfast(['resume', 'orders']);
        expect(await drifted(project)).toEqual([]);
      } finally {
        await connection.close();
        await server.release();
      }
    },
    LIMIT_MS,
  );

  temporal.it(
    'looks at the storage: a repository that is gone, snapshots of nobody, and what lies between',
    async () => {
      await using project = await createProject({ temporal });
      const server = await startServer(join(project.directory, '.holdfast'), temporal);
      try {
        expect((await project.holdfast(['apply', '--yes', '--allow-dirty'])).status).toBe(0);
        expect(await drifted(project)).toEqual([]);
        const { repository, directory } = project;
        const password = join(directory, 'password');
        await writeFile(password, 'secret');
        const options = ['--repo', repository, '--password-file', password];
        expect((await project.holdfast(['backup', 'source', ...options])).status).toBe(0);
        await writeFile(join(repository, 'notes.txt'), 'mine');
        expect(await drifted(project)).toEqual(['drift/foreign-snapshots main', 'drift/unknown-objects main']);

        await project.holdfast([
          'key',
          'passwd',
          ...options,
          '--new-password-file',
          join(directory, 'policies', 'orders.yaml'),
        ]);
        const locked = await project.holdfast(['drift']);
        expect(locked).toMatchObject({ status: 12, stdout: expect.stringContaining('could not be examined') });

        await rename(repository, join(directory, 'vault', 'elsewhere'));
        const gone = await project.holdfast(['drift']);
        expect(gone).toMatchObject({ status: 7, stdout: expect.stringContaining('the repository main is missing') });
        expect(gone.stdout).toContain('Check that its disk is mounted.');
      } finally {
        await server.release();
      }
    },
    LIMIT_MS,
  );

  temporal.it(
    'compares all else when nobody answers as the engine: exit 9, and both are told',
    async () => {
      await using project = await createProject({ temporal });
      expect((await project.holdfast(['apply', '--yes', '--allow-dirty'])).status).toBe(0);
      const environment = { ORDERS_PASSWORD: 'secret', HOLDFAST_TEMPORAL_CLI: '/nowhere/temporal' };
      const drift = (...options: string[]) =>
        runCli(['drift', ...options], { directory: project.directory, environment });
      const codes = async () => {
        const { status, stdout, stderr } = await drift('--json');
        expect(status, stderr).toBe(9);
        return (JSON.parse(stdout) as Drift).findings.map(({ code, subject }) => `${code} ${subject}`);
      };
      expect(await codes()).toEqual(['drift/engine-unreachable the engine']);
      const path = join(project.directory, 'policies', 'orders.yaml');
      const text = await readFile(path, 'utf8');
      await writeFile(path, text.replace('prune: { every: 7d }', 'prune: { every: 14d }'));
      await rename(project.repository, join(project.directory, 'vault', 'elsewhere'));
      expect(await codes()).toEqual([
        'drift/engine-unreachable the engine',
        'drift/not-applied repository main',
        'drift/repository-missing main',
      ]);
      expect((await drift()).stdout).toContain('what the engine has was not compared: the Temporal CLI that was named');
    },
    LIMIT_MS,
  );
});
