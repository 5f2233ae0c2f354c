/**
 * Saves the histories that `replay.test.ts` replays: `node test/workflows/save-histories.ts [NAME…]`. Run it for a new
 * workflow or a new course of one. Saving anew what is there hides that running workflows would break: only after all
 * runs of the old code have ended everywhere.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { Client, type Connection, type WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { Activities } from '../../activities/activities.ts';
import type { ActionRequest } from '../../domain/action.ts';
import { WORKFLOW_TYPES } from '../../domain/routing.ts';
import { connect, type EngineAddress } from '../../engine/connection.ts';
import { startEmbedded } from '../../engine/embedded-server.ts';
import { keepBundle } from '../../engine/keep-bundle.ts';
import { launch } from '../../engine/launch.ts';
import { installRuntime } from '../../engine/runtime.ts';
import { applySchedules } from '../../engine/schedules.ts';
import { startTaskWorker } from '../../engine/task-worker.ts';
import { cacheDirectoryOf } from '../../cli/state-folder.ts';
import { PROJECT_FOLDER } from '../source-files.ts';
import { HISTORY_HOST, historyCases, someOutcome, type HistoryCase } from './history-cases.ts';

const FOLDER = fileURLToPath(new URL('./histories/', import.meta.url));

const wanted = process.argv.slice(2);
const cases = historyCases().filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const state = await mkdtemp(join(tmpdir(), 'holdfast-histories-'));
installRuntime(() => {});
const server = await startEmbedded({
  stateDirectory: state,
  cacheDirectory: cacheDirectoryOf(process.env),
  environment: process.env,
  onProgress: (line) => process.stderr.write(`${line}\n`),
});
const connection = await connect(server.engine);
try {
  for (const each of cases) {
    await writeFile(join(FOLDER, `${each.name}.json`), await record(each, server.engine, connection));
    process.stderr.write(`saved ${each.name}\n`);
  }
} finally {
  await connection.close();
  await server.release();
  await rm(state, { recursive: true });
}
process.exit(0);

/** Runs the case and hands back its history as JSON. */
async function record(each: HistoryCase, engine: EngineAddress, connection: Connection): Promise<string> {
  const client = new Client({ connection, namespace: engine.namespace, identity: 'holdfast' });
  const activities = activitiesFor(each);
  const code = await keepBundle(PROJECT_FOLDER);
  const start = () =>
    startTaskWorker({
      engine,
      workflows: { code },
      hostname: HISTORY_HOST,
      activities,
    });
  let worker = await start();
  const handle = await begin(each, client, connection);
  if (each.course === 'is-cancelled') {
    await untilRunning(handle);
    await handle.cancel();
  }
  if (each.course === 'is-interrupted') {
    await untilRunning(handle);
    worker.stop();
    await worker.stopped;
    worker = await start();
  }
  await handle.result().catch(() => {});
  const history = await handle.fetchHistory();
  worker.stop();
  await worker.stopped;
  // Stacks hold this machine's paths, and replaying looks at none.
  const text = JSON.stringify(
    JSON.parse(historyToJSON(history)),
    (key, value: unknown) => (key === 'stackTrace' ? '' : value),
    1,
  );
  return `${text}\n`;
}

async function begin(each: HistoryCase, client: Client, connection: Connection): Promise<WorkflowHandle> {
  if (each.course !== 'is-scheduled') return client.workflow.getHandle((await launch(client, each.request)).workflowId);
  await applySchedules(connection, client.options.namespace, [each.request]);
  const schedule = client.schedule.getHandle(each.request.action.id);
  await schedule.trigger('SKIP');
  for (;;) {
    const { info } = await schedule.describe();
    const started = info.recentActions[0]?.action.workflow;
    if (started !== undefined) {
      await schedule.delete();
      return client.workflow.getHandle(started.workflowId, started.firstExecutionRunId);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function untilRunning(handle: WorkflowHandle): Promise<void> {
  while ((await handle.describe()).raw.pendingActivities?.[0]?.state !== 2)
    await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Stand-ins that take the course of the case; the workflow under them is the real one. */
function activitiesFor({ course }: HistoryCase): Partial<Activities> {
  let attempts = 0;
  const run = async ({ action }: ActionRequest) => {
    attempts++;
    if (course === 'fails' && attempts === 1)
      throw ApplicationFailure.create({ type: 'StorageUnreachable', message: 'the disk does not answer' });
    if (course === 'fails')
      throw ApplicationFailure.create({
        type: 'GuardRefused',
        message: 'the source is empty',
        nonRetryable: true,
        details: [{ hint: 'mount it', context: { finding: 'source/empty' } }],
      });
    if (course === 'is-cancelled' || (course === 'is-interrupted' && attempts === 1)) await untilStopped();
    return someOutcome(action.kind);
  };
  return {
    ...Object.fromEntries(Object.values(WORKFLOW_TYPES).map((type) => [type, run])),
    async recordRun() {
      if (course === 'is-recorded-later') throw ApplicationFailure.nonRetryable('full', 'StorageUnreachable');
    },
  };
}

async function untilStopped(): Promise<never> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), 200);
  try {
    return await context.cancelled;
  } catch (error) {
    if (context.cancellationDetails?.workerShutdown !== true) throw error;
    throw ApplicationFailure.nonRetryable('the worker stopped', 'Interrupted');
  } finally {
    clearInterval(timer);
  }
}
