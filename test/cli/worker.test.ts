import type { ChildProcess } from 'node:child_process';
import { expect } from 'vitest';
import type { RunRecord } from '../../domain/run-record.ts';
import { answers } from '../../engine/server-process.ts';
import { requirePeer } from '../peers.ts';
import { createProject, untilTrue } from './project-fixture.ts';
import { startCluster } from '../servers/temporal-cluster.ts';

const temporal = requirePeer('temporal');

temporal.describe('Beside a Temporal that is there already', () => {
  temporal.it(
    'apply, worker and run do the same as with the embedded one, wherever TEMPORAL_ADDRESS points',
    async () => {
      await using cluster = await startCluster(temporal.command);
      const engine = `{ address: "${cluster.address}" }`;
      await using project = await createProject({
        temporal,
        engine,
        environment: { TEMPORAL_ADDRESS: '192.0.2.1:7233' },
      });
      expect((await project.holdfast(['apply', '--yes', '--allow-dirty'])).status).toBe(0);

      // Nobody works yet: who follows a run and stops is told that it is not ended by that.
      expect((await project.holdfast(['run', 'orders', 'backup', '--detach'])).status).toBe(0);
      const stopped = await project.holdfast(['run', 'orders', 'backup'], (child) =>
        child.stderr!.on('data', (chunk: Buffer) => {
          if (chunk.includes('a run is open already')) child.kill('SIGINT');
        }),
      );
      expect(stopped.status).toBe(130);
      expect(stopped.stderr).toContain('the run goes on in the `holdfast start` or `holdfast worker` that does it');

      let worker: ChildProcess | undefined;
      let heard = '';
      const working = project.holdfast(['worker', '--json'], (child) => {
        worker = child;
        child.stdout!.on('data', (chunk: Buffer) => (heard += chunk.toString()));
      });
      const backup = await project.holdfast(['run', 'orders', 'backup', '--json']);
      expect(backup.status, backup.stderr).toBe(0);
      const record = JSON.parse(backup.stdout) as RunRecord;
      expect(record).toMatchObject({ outcome: 'succeeded', trigger: 'manual', actionId: 'policy/orders/backup/main' });
      expect((await project.holdfast(['run', 'main', 'check'])).stdout).toContain('✓ check main: 0 problems');
      const detached = await project.holdfast(['run', 'orders', 'sync', '--detach']);
      expect(detached.stdout).toContain('started: policy/orders/sync/mirror/orders/now');
      await untilTrue(() => heard.includes('"kind":"sync"'));

      worker!.kill('SIGINT');
      expect((await working).status).toBe(130);
      const runs = JSON.parse((await project.holdfast(['runs', '--json'])).stdout) as RunRecord[];
      expect(runs.map(({ kind }) => kind).toSorted()).toEqual(['backup', 'check', 'sync']);
      expect(await answers(Number(cluster.address.split(':')[1]), 5000)).toBe(true);
    },
    120_000,
  );

  temporal.it('says in one sentence that it does not answer', async () => {
    await using project = await createProject({ temporal, engine: '{ address: "127.0.0.1:1" }' });
    const { status, stderr } = await project.holdfast(['apply', '--allow-dirty']);
    expect(status).toBe(9);
    expect(stderr).toContain('Temporal at 127.0.0.1:1 does not answer: ECONNREFUSED');
  });

  temporal.it('says that a namespace is missing, and how to make it', async () => {
    await using cluster = await startCluster(temporal.command);
    const engine = `{ address: "${cluster.address}", namespace: acme }`;
    await using project = await createProject({ temporal, engine });
    const { status, stderr } = await project.holdfast(['apply', '--allow-dirty']);
    expect([status, stderr]).toEqual([9, expect.stringContaining(`${cluster.address} has no namespace acme`)]);
    expect(stderr).toContain('temporal operator namespace create -n acme');
  });

  temporal.it('has no worker to offer where the engine is embedded', async () => {
    await using project = await createProject({ temporal });
    const { status, stderr } = await project.holdfast(['worker']);
    expect(status).toBe(2);
    expect(stderr).toContain('holdfast start runs engine and worker in one');
  });
});
