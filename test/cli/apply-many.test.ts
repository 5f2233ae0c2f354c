import type { ChildProcess } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect } from 'vitest';
import type { ActionRequest } from '../../domain/action.ts';
import type { ApplyRecord } from '../../domain/apply-record.ts';
import type { Plan } from '../../domain/plan.ts';
import { connect } from '../../engine/connection.ts';
import { listOwnSchedules } from '../../engine/read-schedules.ts';
import { requirePeer } from '../peers.ts';
import { startCluster, type Cluster } from '../servers/temporal-cluster.ts';
import { createProject, untilTrue, type Project } from './project-fixture.ts';

const temporal = requirePeer('temporal');
const LIMIT_MS = 120_000;
const APPLY = ['apply', '--yes', '--allow-dirty', '--allow-weaker'];

temporal.describe('Applies of many policies', () => {
  let cluster: Cluster;
  let connection: Awaited<ReturnType<typeof connect>>;
  let client: Client;

  beforeAll(async () => {
    cluster = await startCluster(temporal.command);
    connection = await connect({ address: cluster.address, namespace: 'default' });
    client = new Client({ connection });
  });

  afterAll(async () => {
    await connection?.close();
    await cluster?.[Symbol.asyncDispose]();
  });

  const project = () => createProject({ temporal, engine: `{ address: "${cluster.address}" }` });

  /** Schedules of holdfast's, with the apply that each names. */
  async function appliesOfSchedules(): Promise<Map<string, string>> {
    const ids = [...(await listOwnSchedules(client)).keys()];
    const described = await Promise.all(ids.map((id) => client.schedule.getHandle(id).describe()));
    return new Map(
      described.map(({ scheduleId, action }) => [scheduleId, (action.args as [ActionRequest])[0].applyId]),
    );
  }

  async function expectInForce(folder: Project): Promise<void> {
    const record = await latestRecord(folder);
    const expected = new Map(record.actions.map(({ id }) => [id, record.id]));
    expect(await appliesOfSchedules()).toEqual(expected);
  }

  temporal.it(
    'that was killed half-way is finished by the next one, which need not wait',
    async () => {
      await using folder = await project();
      await writePolicies(folder, 300, '1h');
      let child: ChildProcess | undefined;
      const killed = folder.holdfast(APPLY, (started) => (child = started));
      await untilTrue(async () => (await listOwnSchedules(client)).size > 20);
      child!.kill('SIGKILL');
      await killed;

      const plan = JSON.parse((await folder.holdfast(['plan', '--json'])).stdout) as Plan;
      expect(plan.actions.filter(({ fault }) => fault === 'missing')).not.toHaveLength(0);
      const started = performance.now();
      expect((await folder.holdfast(APPLY)).status).toBe(0);
      expect(performance.now() - started).toBeLessThan(25_000);
      await expectInForce(folder);
    },
    LIMIT_MS,
  );

  temporal.it(
    'of which two come at once do not mix: the second waits, and is in force as a whole',
    async () => {
      await using folder = await project();
      await writePolicies(folder, 60, '1h');
      const first = folder.holdfast(APPLY);
      await untilTrue(async () => (await appliesOf(folder)).length === 1);
      await writePolicies(folder, 40, '2h');
      const [second, third] = await Promise.all([folder.holdfast(APPLY), folder.holdfast(APPLY)]);
      expect([(await first).status, second.status, third.status], second.stderr + third.stderr).toEqual([0, 0, 0]);
      // The one that came last found all of it done.
      expect(await appliesOf(folder)).toHaveLength(2);
      expect((await latestRecord(folder)).actions).toHaveLength(48);
      await expectInForce(folder);
      expect(second.stderr + third.stderr).toContain('waits for another apply: ');
    },
    LIMIT_MS,
  );
});

/** Mirrors of one folder: each policy has one action. */
async function writePolicies(folder: Project, amount: number, every: string): Promise<void> {
  const policies = Array.from(
    { length: amount },
    (_, index) => `apiVersion: holdfast/v1
kind: Policy
metadata: { name: shelf-${index} }
spec:
  source: { directory: ../source }
  sync: [{ to: mirror, path: shelf-${index}, mode: copy, every: ${every} }]
`,
  );
  await writeFile(join(folder.directory, 'policies', 'shelves.yaml'), policies.join('---\n'));
}

function appliesOf(folder: Project): Promise<string[]> {
  return readdir(join(folder.directory, '.holdfast', 'evidence', 'applies')).catch(() => []);
}

async function latestRecord(folder: Project): Promise<ApplyRecord> {
  const latest = (await appliesOf(folder)).toSorted().at(-1)!;
  return JSON.parse(
    await readFile(join(folder.directory, '.holdfast', 'evidence', 'applies', latest), 'utf8'),
  ) as ApplyRecord;
}
