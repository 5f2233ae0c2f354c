/** The life of a policy on a real engine, from its first commit to its removal: each step seen in schedules and histories. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, type Connection, type ScheduleDescription } from '@temporalio/client';
import { expect } from 'vitest';
import type { ActionRequest } from '../../domain/action.ts';
import type { Drift } from '../../domain/drift.ts';
import type { PauseRecord } from '../../domain/pause-record.ts';
import type { RunRecord } from '../../domain/run-record.ts';
import { connect } from '../../engine/connection.ts';
import { listOwnSchedules } from '../../engine/read-schedules.ts';
import { startServer } from '../engine/engine-fixture.ts';
import { requirePeer } from '../peers.ts';
import type { CliResult } from './run-cli.ts';
import { createProject, untilTrue, type Project } from './project-fixture.ts';

const temporal = requirePeer('temporal');
const LIMIT_MS = 300_000;
const BACKUP = 'policy/orders/backup/main';
const RETENTION = 'policy/orders/retention/main';
const OTHERS = ['project/audit', 'repository/main/check', 'repository/main/prune'];

temporal.it(
  'a policy is created, changed, paused, put right, kept from being weakened, and removed',
  async () => {
    await using life = await beginLife();
    const { project } = life;

    // Created: by `start`, which applies and works.
    expect(await life.ids()).toHaveLength(8);
    const created = await life.commit();
    expect(attributesOf(await life.schedule(BACKUP))).toMatchObject({
      HoldfastPolicy: 'orders',
      HoldfastKind: 'backup',
      HoldfastCommit: created,
      HoldfastAuthor: 'Alice <alice@acme.example>',
    });
    expect(await life.runBySchedule(BACKUP)).toMatchObject({
      commit: { hash: created },
      action: { schedule: every('1d') },
    });

    // Changed: seen by a plan first.
    await life.edit('backup: [{ to: main }]', 'backup: [{ to: main, every: 6h }]');
    await life.edit('keep: { daily: 7 }', 'keep: { daily: 14 }');
    const changed = await life.commit('Back up and keep more');
    const plan = await project.holdfast(['plan', '--check']);
    expect(plan).toMatchObject({ status: 7, stdout: expect.stringContaining('      keep.daily: 7 → 14\n') });
    expect(attributesOf(await life.schedule(BACKUP))['HoldfastCommit']).toBe(created);
    await life.done('apply', '--yes');
    expect((await life.schedule(BACKUP)).spec.intervals?.[0]?.every).toBe(6 * 3_600_000);
    expect(attributesOf(await life.schedule(OTHERS[0]!))['HoldfastCommit']).toBe(changed);
    expect(await life.runBySchedule(BACKUP)).toMatchObject({
      commit: { hash: changed },
      action: { schedule: every('6h') },
    });

    // Paused by an operator: through an apply.
    await life.done('pause', 'orders', '--action', 'backup', '--reason', 'moving the disk');
    await life.edit('restoreTest: { sample: { all: true }', 'restoreTest: { every: 7d, sample: { all: true }');
    await life.commit('Test restores each week');
    await life.done('apply', '--yes');
    expect((await life.schedule(BACKUP)).state).toMatchObject({
      paused: true,
      note: expect.stringContaining('moving the disk'),
    });
    expect((await life.schedule('policy/orders/restore-test')).spec.intervals?.[0]?.every).toBe(7 * 86_400_000);
    expect(await life.drift()).toEqual([`drift/paused ${BACKUP}`]);
    await life.done('resume', 'orders', '--reason', 'moved');
    expect((await life.schedule(BACKUP)).state.paused).toBe(false);

    // Changed by hand in the engine: found by drift, put right by an apply.
    await life.client.schedule
      .getHandle(BACKUP)
      .update((previous) => ({ ...previous, spec: { intervals: [{ every: '30d' }] } }));
    expect(await life.drift()).toEqual([`drift/schedule-changed ${BACKUP}`]);
    await life.done('apply', '--yes');
    expect((await life.schedule(BACKUP)).spec.intervals?.[0]?.every).toBe(6 * 3_600_000);
    expect(await life.drift()).toEqual([]);

    // Weakened: refused, and nothing is touched.
    const strong = attributesOf(await life.schedule(RETENTION));
    await life.edit('keep: { daily: 14 }', 'keep: { daily: 3 }');
    await life.commit('Keep less');
    const weaker = await project.holdfast(['apply', '--yes']);
    expect(weaker).toMatchObject({
      status: 8,
      stdout: expect.stringContaining('! policy orders: the retention in main keeps less: daily 14 → 3\n'),
    });
    expect(attributesOf(await life.schedule(RETENTION))).toEqual(strong);
    await life.edit('keep: { daily: 3 }', 'keep: { daily: 14 }');
    await life.commit('Keep as before');

    // Removed: only when that is allowed; what it has done stays told.
    await life.removePolicy();
    await life.commit('Orders are history');
    const removal = await project.holdfast(['apply', '--yes']);
    expect(removal).toMatchObject({ status: 8, stdout: expect.stringContaining('! policy orders: is removed') });
    expect(await life.ids()).toHaveLength(8);
    await life.done('apply', '--yes', '--allow-weaker');
    expect(await life.ids()).toEqual(OTHERS);
    expect(await life.commitsOfHistories()).toEqual([created, changed]);
    // Beside the runs it tells of the pause.
    const told = JSON.parse((await life.done('runs', 'orders', '--json')).stdout) as (RunRecord | PauseRecord)[];
    const runs = told.filter((record) => record.format === 'holdfast-run/1');
    expect(told.length).toBeGreaterThan(runs.length);
    expect(runs.map(({ outcome, commit }) => [outcome, commit.hash]).toSorted()).toEqual(
      [created, changed].map((hash) => ['succeeded', hash]).toSorted(),
    );
    const snapshots = await life.done('snapshots', '--repository', 'main', '--json');
    expect(JSON.parse(snapshots.stdout)).toHaveLength(2);
  },
  LIMIT_MS,
);

interface Life extends AsyncDisposable {
  project: Project;
  client: Client;
  /** Of holdfast's schedules, in order. */
  ids(): Promise<string[]>;
  schedule(id: string): Promise<ScheduleDescription>;
  /** Has the schedule start its workflow, and waits for its end. Returns what its history begins with. */
  runBySchedule(id: string): Promise<ActionRequest>;
  /** Which commits the backups' histories name, oldest first. */
  commitsOfHistories(): Promise<string[]>;
  edit(from: string, to: string): Promise<void>;
  removePolicy(): Promise<void>;
  /** Commits all when there is a subject. Returns the hash of the last commit. */
  commit(subject?: string): Promise<string>;
  done(...args: string[]): Promise<CliResult>;
  drift(): Promise<string[]>;
}

/** With a first commit in force, and `holdfast start` at work. */
async function beginLife(): Promise<Life> {
  const project = await createProject({ temporal });
  await project.git('init', '-q');
  await project.git('add', '.');
  await project.git('commit', '-qm', 'Protect the orders');
  // Held by this process, too, so that the engine stays when `start` ends.
  const server = await startServer(join(project.directory, '.holdfast'), temporal);
  const connection = await connect(server.engine);
  const { child, ended } = await begin(project);
  const life = livedBy(project, connection);
  return {
    ...life,
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT');
      expect((await ended).status).toBe(130);
      await connection.close();
      await server.release();
      await project[Symbol.asyncDispose]();
    },
  };
}

async function begin(project: Project): Promise<{ child: ChildProcess; ended: Promise<CliResult> }> {
  const { promise, resolve } = Promise.withResolvers<ChildProcess>();
  let said = '';
  const ended = project.holdfast(['start'], (started) => {
    started.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()));
    resolve(started);
  });
  const child = await promise;
  await Promise.race([untilTrue(() => said.includes('Ctrl-C stops.')), once(child, 'exit')]);
  expect(said).toContain('8 actions will run when due');
  return { child, ended };
}

function livedBy(project: Project, connection: Connection): Omit<Life, keyof AsyncDisposable> {
  const client = new Client({ connection });
  const path = join(project.directory, 'policies', 'orders.yaml');
  const done: Life['done'] = async (...args) => {
    const result = await project.holdfast(args);
    expect(result.status, result.stderr + result.stdout).toBe(0);
    return result;
  };
  const describe = (id: string) => client.schedule.getHandle(id).describe();
  return {
    project,
    client,
    done,
    schedule: describe,
    ids: async () => [...(await listOwnSchedules(client)).keys()].toSorted(),
    async runBySchedule(id) {
      const before = (await describe(id)).info.recentActions.length;
      await client.schedule.getHandle(id).trigger();
      await untilTrue(async () => (await describe(id)).info.recentActions.length > before);
      const { workflow } = (await describe(id)).info.recentActions.at(-1)!.action;
      const handle = client.workflow.getHandle(workflow.workflowId, workflow.firstExecutionRunId);
      await handle.result();
      const { events } = await handle.fetchHistory();
      const payload = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
      return JSON.parse(Buffer.from(payload!).toString()) as ActionRequest;
    },
    async commitsOfHistories() {
      const found: [Date, unknown][] = [];
      const query = `HoldfastAction = '${BACKUP}' AND ExecutionStatus = 'Completed'`;
      for await (const { startTime, searchAttributes } of client.workflow.list({ query }))
        found.push([startTime, (searchAttributes as Record<string, unknown[]>)['HoldfastCommit']?.[0]]);
      return found.toSorted(([a], [b]) => a.getTime() - b.getTime()).map(([, hash]) => String(hash));
    },
    async edit(from, to) {
      const text = await readFile(path, 'utf8');
      expect(text).toContain(from);
      await writeFile(path, text.replace(from, to));
    },
    async removePolicy() {
      const documents = (await readFile(path, 'utf8')).split('---\n');
      await writeFile(path, documents.filter((document) => !document.includes('kind: Policy')).join('---\n'));
    },
    async commit(subject) {
      if (subject !== undefined) await project.git('commit', '-qam', subject);
      return (await readFile(join(project.directory, '.git', 'refs', 'heads', await branchOf(project)), 'utf8')).trim();
    },
    async drift() {
      const { status, stdout, stderr } = await project.holdfast(['drift', '--json']);
      const { findings } = JSON.parse(stdout) as Drift;
      expect(status, stderr).toBe(findings.length === 0 ? 0 : 7);
      return findings.map(({ code, subject }) => `${code} ${subject}`);
    },
  };
}

async function branchOf({ directory }: Project): Promise<string> {
  const head = await readFile(join(directory, '.git', 'HEAD'), 'utf8');
  return head.trim().slice('ref: refs/heads/'.length);
}

function attributesOf({ typedSearchAttributes }: ScheduleDescription): Record<string, unknown> {
  return Object.fromEntries(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
}

const HOURS = { '1d': 24, '6h': 6 } as const;

function every(interval: keyof typeof HOURS): object {
  return { timing: { kind: 'interval', everySeconds: HOURS[interval] * 3600 } };
}
