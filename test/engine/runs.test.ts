import { ApplicationFailure, Context } from '@temporalio/activity';
import { Client } from '@temporalio/client';
import type { Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect } from 'vitest';
import type { ActionRequest } from '../../domain/action.ts';
import type { ActionOutcome, RunRecord } from '../../domain/run-record.ts';
import { connect } from '../../engine/connection.ts';
import type { EmbeddedServer } from '../../engine/embedded-server.ts';
import { keepBundle } from '../../engine/keep-bundle.ts';
import { launch } from '../../engine/launch.ts';
import { installRuntime } from '../../engine/runtime.ts';
import { applySchedules } from '../../engine/schedules.ts';
import { startTaskWorker, type TaskWorker } from '../../engine/task-worker.ts';
import { requirePeer } from '../peers.ts';
import { PROJECT_FOLDER } from '../source-files.ts';
import {
  THIS_HOST,
  someAction,
  someRequest,
  startServer,
  temporaryFolder,
  type StateFolder,
} from './engine-fixture.ts';

const temporal = requirePeer('temporal');

const outcome: ActionOutcome = {
  figures: {
    kind: 'audit',
    expected: 1,
    attention: 0,
    succeeded: 1,
    failed: 0,
    missed: 0,
    late: 0,
    suspended: 0,
    objectivesMissed: 0,
  },
  findings: [],
};

temporal.describe('A run through a real embedded Temporal', () => {
  let state: StateFolder;
  let server: EmbeddedServer;
  let connection: Connection;
  let worker: TaskWorker;
  const recorded: RunRecord[] = [];
  const audit = { run: (_request: ActionRequest): Promise<ActionOutcome> => Promise.resolve(outcome) };
  let recordFailures = 0;

  beforeAll(async () => {
    installRuntime(() => {});
    state = await temporaryFolder('runs');
    server = await startServer(state.path, temporal);
    connection = await connect(server.engine);
    worker = await startTaskWorker({
      engine: server.engine,
      workflows: { code: await keepBundle(PROJECT_FOLDER) },
      hostname: THIS_HOST,
      activities: {
        audit: (request: ActionRequest) => audit.run(request),
        recordRun: async ({ record }: { record: RunRecord }) => {
          if (recordFailures-- > 0)
            throw ApplicationFailure.create({ message: 'disk full', type: 'StorageUnreachable' });
          recorded.push(record);
        },
      },
    });
  });

  afterAll(async () => {
    worker?.stop();
    await worker?.stopped;
    await connection?.close();
    await server?.release();
    await state?.[Symbol.asyncDispose]();
  });

  const run = async (request: ActionRequest) =>
    (await launch(new Client({ connection, namespace: server.engine.namespace }), request)).result(
      new AbortController().signal,
    );

  temporal.it('ends with a run record that names workflow, commit and times', async () => {
    const record = await run(someRequest());
    expect(record).toMatchObject({
      format: 'holdfast-run/1',
      workflowId: 'project/audit/now',
      actionId: 'project/audit',
      outcome: 'succeeded',
      commit: { hash: 'c'.repeat(40) },
      trigger: 'once',
      dryRun: false,
      figures: { kind: 'audit' },
    });
    expect(Date.parse(record.finishedAt)).toBeGreaterThanOrEqual(Date.parse(record.startedAt));
    expect(recorded).toEqual([record]);
  });

  temporal.it(
    'records a failure with its code, its hint and a finding, and does not try again what cannot help',
    async () => {
      let attempts = 0;
      audit.run = () => {
        attempts++;
        throw ApplicationFailure.create({
          type: 'GuardRefused',
          message: 'the source /srv/orders is empty',
          details: [{ hint: 'mount it', context: { finding: 'source/empty' } }],
        });
      };
      const record = await run(someRequest());
      expect(attempts).toBe(1);
      expect(record.outcome).toBe('failed');
      expect(record.error).toEqual({
        code: 'GuardRefused',
        message: 'the source /srv/orders is empty',
        hint: 'mount it',
      });
      expect(record.findings).toEqual([
        expect.objectContaining({ code: 'source/empty', severity: 'critical', subject: 'project/audit' }),
      ]);
      expect(recorded.at(-1)).toEqual(record);
    },
  );

  temporal.it(
    'schedules the action again when the worker that ran it was told to stop, without counting a failure',
    async () => {
      let interruptions = 8;
      audit.run = async () => {
        if (interruptions-- > 0)
          throw ApplicationFailure.create({ type: 'Interrupted', message: 'the worker stopped', nonRetryable: true });
        return outcome;
      };
      expect((await run(someRequest())).outcome).toBe('succeeded');
    },
  );

  temporal.it('writes the record again until evidence takes it', async () => {
    audit.run = () => Promise.resolve(outcome);
    recordFailures = 2;
    const record = await run(someRequest());
    expect(recorded.at(-1)).toEqual(record);
  });

  temporal.it('gives the work of a host to the worker of that host', async () => {
    const action = someAction({ id: 'policy/orders/audit', host: THIS_HOST });
    expect((await run(someRequest({ action }))).outcome).toBe('succeeded');
  });

  temporal.it('is started by its schedule at each slot, whose nominal time the record carries', async () => {
    const action = someAction({ id: 'policy/often/audit' });
    const often = { ...action.schedule, timing: { kind: 'interval' as const, everySeconds: 2, offsetSeconds: 1 } };
    const request = someRequest({ trigger: 'schedule', action: { ...action, schedule: often } });
    await applySchedules(connection, server.engine.namespace, [request]);
    const ours = () => recorded.filter(({ actionId }) => actionId === 'policy/often/audit');
    while (ours().length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    await applySchedules(connection, server.engine.namespace, []);
    const [first, second] = ours();
    expect(first).toMatchObject({ trigger: 'schedule', outcome: 'succeeded' });
    const [slot, next] = [first!, second!].map(({ scheduledAt }) => Date.parse(scheduledAt!));
    // A busy machine leaves out the slots at which the run before is still open.
    expect([(slot! / 1000) % 2, (next! / 1000) % 2]).toEqual([1, 1]);
    expect(next!).toBeGreaterThan(slot!);
    expect(first!.workflowId).toMatch(/^policy\/often\/audit-\d{4}-/);
  });

  temporal.it('is recorded as cancelled when someone cancels it', async () => {
    const client = new Client({ connection, namespace: server.engine.namespace });
    audit.run = async () => {
      const context = Context.current();
      // Cancellation comes with the answer to a heartbeat.
      const timer = setInterval(() => context.heartbeat(), 200);
      return context.cancelled.finally(() => clearInterval(timer));
    };
    const launched = await launch(client, someRequest());
    await client.workflow.getHandle(launched.workflowId).cancel();
    const record = await launched.result(new AbortController().signal);
    expect(record).toMatchObject({ outcome: 'cancelled', error: { code: 'Interrupted' }, findings: [] });
    const { workflowId, runId } = record;
    expect(recorded.at(-1)).toMatchObject({ workflowId, runId, outcome: 'cancelled', error: record.error });
  });
});
