/** What becomes of runs that an outage of the engine has missed, and of those that are in each other's way. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Action, ActionRequest } from '../../domain/action.ts';
import { buildAudit } from '../../domain/audit.ts';
import type { ActionOutcome, RunRecord } from '../../domain/run-record.ts';
import type { Schedule } from '../../domain/schedule.ts';
import { slotsBetween } from '../../domain/schedule-slots.ts';
import { connect } from '../../engine/connection.ts';
import type { EmbeddedServer } from '../../engine/embedded-server.ts';
import { keepBundle } from '../../engine/keep-bundle.ts';
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

const DAY = 86_400;
const STOP_LIMIT_MS = 14_000;
/** Longer than the server's least catch-up window of 10 seconds. */
const MISSED_FOR_MS = 11_000;
const SLOW_RUN_MS = 5000;
const TIMEOUT_SECONDS = 2;

const outcome: ActionOutcome = {
  figures: {
    kind: 'audit',
    expected: 0,
    attention: 0,
    succeeded: 0,
    failed: 0,
    missed: 0,
    late: 0,
    suspended: 0,
    objectivesMissed: 0,
  },
  findings: [],
};

temporal.describe('Runs of a real Temporal', () => {
  let state: StateFolder;
  let server: EmbeddedServer;
  let connection: Connection;
  let worker: TaskWorker;
  const recorded: RunRecord[] = [];

  const work = async ({ action }: ActionRequest): Promise<ActionOutcome> => {
    if (action.id.includes('slow')) await sleep(SLOW_RUN_MS);
    if (action.id.includes('hangs')) await sleep(TIMEOUT_SECONDS * 1000 + 2000);
    return outcome;
  };

  const start = async () => {
    server = await startServer(state.path, temporal);
    connection = await connect(server.engine);
    worker = await startTaskWorker({
      engine: server.engine,
      workflows: { code: await keepBundle(PROJECT_FOLDER) },
      hostname: THIS_HOST,
      activities: {
        audit: work,
        recordRun: ({ record }: { record: RunRecord }) => Promise.resolve(void recorded.push(record)),
      },
    });
  };

  const stop = async () => {
    worker?.stop();
    await worker?.stopped;
    await connection?.close();
    await server?.release();
  };

  beforeAll(async () => {
    installRuntime(() => {});
    state = await temporaryFolder('missed-runs');
    await start();
  });

  afterAll(async () => {
    await stop();
    await state?.[Symbol.asyncDispose]();
  });

  const scheduled = (name: string, everySeconds: number, firstAt: Date, changes: Partial<Schedule> = {}): Action => {
    const action = someAction({ id: `policy/${name}/audit` });
    const offsetSeconds = Math.floor(firstAt.getTime() / 1000) % everySeconds;
    const timing = { kind: 'interval' as const, everySeconds, offsetSeconds };
    return { ...action, schedule: { ...action.schedule, timing, ...changes } };
  };
  const apply = (...actions: Action[]) =>
    applySchedules(
      connection,
      server.engine.namespace,
      actions.map((action) => someRequest({ trigger: 'schedule', action })),
    );
  const runsOf = ({ id }: Action) => recorded.filter(({ actionId }) => actionId === id);
  const slotsOf = ({ schedule }: Action, from: Date, to: Date) =>
    slotsBetween(schedule, from, to).map((slot) => slot.toISOString());
  const statesOf = async (action: Action, from: Date, to: Date) => {
    const applyRecord = {
      format: 'holdfast-apply/1' as const,
      id: '20261123T014730Z-1f2e3d4c',
      commit: { dirty: false },
      // So long ago that its schedule is settled.
      appliedAt: new Date(from.getTime() - DAY * 1000).toISOString(),
      appliedBy: 'test',
      digest: '',
      actions: [action],
      changes: { created: [], changed: [], removed: [], unchanged: 1 },
    };
    const audit = await buildAudit({ applies: [applyRecord], runs: recorded, from, to });
    const bad = new Map(audit.exceptions.map((run) => [run.expectedAt, run.state]));
    return (slot: string) => bad.get(slot) ?? 'succeeded';
  };

  temporal.it('after an outage: the newest that was missed, none, or each of them', async () => {
    const latest = scheduled('latest', 5, new Date(0), { missed: 'latest' });
    const all = scheduled('all', 5, new Date(0), { missed: 'all' });
    await apply(latest, all);
    // A schedule that has not begun yet misses nothing.
    while (runsOf(latest).length === 0 || runsOf(all).length === 0) await sleep(50);
    // After the server has stopped, however busy the machine is, and long enough before it is back.
    const rareSlot = new Date(Date.now() + STOP_LIMIT_MS);
    const daily = scheduled('daily', DAY, rareSlot, { missed: 'latest' });
    const skip = scheduled('skip', DAY, rareSlot, { missed: 'skip' });
    await apply(latest, all, daily, skip);
    const client = new Client({ connection, namespace: server.engine.namespace });
    for (const { id } of [daily, skip]) await client.schedule.getHandle(id).describe();
    // A run that is open in the outage would be in the way of those that are missed.
    const [before, open] = [runsOf(all).length, 'ExecutionStatus = "Running" AND TemporalScheduledById IS NOT NULL'];
    while (runsOf(all).length === before || (await client.workflow.count(open)).count > 0) await sleep(50);
    await stop();
    const down = new Date();
    expect(down.getTime()).toBeLessThan(rareSlot.getTime());
    await sleep(rareSlot.getTime() + MISSED_FOR_MS - Date.now());
    const up = new Date();
    await start();
    while (runsOf(latest).filter(({ startedAt }) => new Date(startedAt) > up).length < 2) await sleep(100);
    const missed = slotsOf(latest, down, up);
    while (runsOf(all).filter(({ scheduledAt }) => missed.includes(scheduledAt!)).length < missed.length)
      await sleep(100);
    await apply();

    const [first, second] = runsOf(latest).filter(({ startedAt }) => new Date(startedAt) > up);
    const madeUp = slotsOf(latest, down, new Date(Date.parse(first!.startedAt) + 1)).at(-1);
    expect(first!.scheduledAt).toBe(madeUp);
    expect(first!.missedBefore!.slots).toBeGreaterThan(0);
    expect(second!.missedBefore).toBeUndefined();
    // What Temporal started was the oldest that it looked back to.
    expect(first!.workflowId).toContain(first!.missedBefore!.oldestAt.replace('.000', ''));
    const stateOf = await statesOf(latest, down, new Date());
    const others = missed.filter((slot) => slot < first!.scheduledAt!);
    expect(others.length).toBeGreaterThanOrEqual(2);
    expect(others.map(stateOf)).toEqual(others.map(() => 'missed'));
    expect(stateOf(first!.scheduledAt!)).toBe('succeeded');

    expect(runsOf(daily).map(({ scheduledAt }) => scheduledAt)).toEqual(slotsOf(daily, down, up));
    expect(runsOf(skip)).toEqual([]);
    const ofAll = runsOf(all).map(({ scheduledAt }) => scheduledAt!);
    expect(ofAll.filter((slot) => missed.includes(slot))).toEqual(missed);
  });

  temporal.it('in each other’s way are skipped, and one that takes too long is ended and recorded', async () => {
    const slow = scheduled('slow', 2, new Date(0));
    const hangs = scheduled('hangs', DAY, new Date(Date.now() + 2000), { timeoutSeconds: TIMEOUT_SECONDS });
    const from = new Date();
    await apply(slow, hangs);
    while (runsOf(slow).length < 2 || runsOf(hangs).length < 1) await sleep(100);
    await apply();
    const [first] = runsOf(slow);
    const stateOf = await statesOf(slow, from, new Date());
    const between = slotsOf(slow, new Date(first!.scheduledAt!), new Date(first!.finishedAt)).slice(1);
    expect(between.length).toBeGreaterThanOrEqual(2);
    expect(between.map(stateOf)).toEqual(between.map(() => 'skipped'));
    const [ended] = runsOf(hangs);
    expect(ended).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringContaining('took longer than the 2 seconds') },
    });
  });
});
