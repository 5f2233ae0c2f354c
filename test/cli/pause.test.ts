import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Applied } from '../../cli/apply-actions.ts';
import type { PauseRecord } from '../../domain/pause-record.ts';
import type { ActionStatus, Status } from '../../domain/status.ts';
import { connect } from '../../engine/connection.ts';
import { readSchedules } from '../../engine/read-schedules.ts';
import { startServer } from '../engine/engine-fixture.ts';
import { requirePeer } from '../peers.ts';
import { createProject, type Project } from './project-fixture.ts';

const temporal = requirePeer('temporal');
const LIMIT_MS = 180_000;
const BACKUP = 'policy/orders/backup/main';

async function edit(project: Project, from: string, to: string): Promise<void> {
  const path = join(project.directory, 'policies', 'orders.yaml');
  const text = await readFile(path, 'utf8');
  expect(text).toContain(from);
  await writeFile(path, text.replace(from, to));
}

async function answer<Result>(project: Project, ...args: string[]): Promise<Result> {
  const { status, stdout, stderr } = await project.holdfast([...args, '--json']);
  expect([0, 7], stderr + stdout).toContain(status);
  return JSON.parse(stdout) as Result;
}

const apply = (project: Project) => answer<Applied>(project, 'apply', '--yes', '--allow-dirty', '--allow-weaker');

/** An engine that commands join, which takes less time than one for each of them. */
async function engineOf({ directory }: Project) {
  const server = await startServer(join(directory, '.holdfast'), temporal);
  const connection = await connect(server.engine);
  return {
    /** The notes of what an operator has paused, by action. */
    async notes(): Promise<Record<string, string>> {
      const schedules = await readSchedules(connection, server.engine.namespace);
      const paused = [...schedules].flatMap(([id, { pausedByOperator: note }]) =>
        note === undefined ? [] : [[id, note]],
      );
      return Object.fromEntries(paused.sort()) as Record<string, string>;
    },
    async [Symbol.asyncDispose]() {
      await connection.close();
      await server.release();
    },
  };
}

async function statusOf(project: Project, policy: string, kind: string): Promise<ActionStatus> {
  const { policies } = await answer<Status>(project, 'status');
  return policies.find((each) => each.policy === policy)!.actions.find((action) => action.kind === kind)!;
}

temporal.describe('holdfast pause and resume', () => {
  temporal.it(
    'stop a policy through changes, renames and a new engine, and let it go on; who and why stays recorded',
    async () => {
      await using project = await createProject({ temporal });
      const nothing = await project.holdfast(['pause', 'orders', '--reason', 'x']);
      expect(nothing).toMatchObject({ status: 2, stderr: expect.stringContaining('nothing was ever applied') });
      const engine = await engineOf(project);
      await apply(project);
      expect(await project.holdfast(['pause', 'orders', '--reason', ' '])).toMatchObject({ status: 2 });
      expect(await project.holdfast(['pause', 'order', '--reason', 'x'])).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('did you mean "orders"?'),
      });
      expect(await project.holdfast(['pause', 'hr', '--reason', 'x'])).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('known: orders, main, acme'),
      });
      const noAction = await project.holdfast(['pause', 'orders', '--reason', 'x', '--action', 'nope']);
      expect([noAction.status, noAction.stderr]).toEqual([
        2,
        expect.stringMatching(/"orders" has no action "nope" in force\n.*known: sync\/mirror\/orders, backup\/main,/),
      ]);
      expect((await project.holdfast(['pause', 'orders', '--reason', 'x', '--action', 'backups'])).stderr).toContain(
        'did you mean "backup"?',
      );

      const reason = 'moving the disk';
      const paused = await answer<PauseRecord>(project, 'pause', 'orders', '--reason', reason, '--action', 'backup');
      expect(paused).toMatchObject({ step: 'pause', reason, actions: [BACKUP] });
      const note = `paused by ${paused.by} at ${paused.at}: ${reason}`;
      expect(await engine.notes()).toEqual({ [BACKUP]: note });
      expect(await statusOf(project, 'orders', 'backup')).toMatchObject({
        state: 'paused',
        paused: { by: paused.by, reason },
      });
      expect(await statusOf(project, 'orders', 'sync')).toMatchObject({ state: 'never' });

      await edit(project, 'importance: normal', 'importance: high');
      expect((await apply(project)).schedules).toMatchObject({ pausedByOperator: [BACKUP] });
      expect(await engine.notes()).toEqual({ [BACKUP]: note });

      // A misspelt key is no reason to let things run.
      await edit(project, 'importance: high', 'importence: high');
      expect((await project.holdfast(['pause', 'orders', '--reason', reason, '--action', 'sync'])).status).toBe(0);
      await edit(project, 'importence: high', 'importance: high');

      await engine[Symbol.asyncDispose]();
      await rm(join(project.directory, '.holdfast', 'engine'), { recursive: true });
      await using fresh = await engineOf(project);
      expect((await apply(project)).schedules.pausedByOperator).toEqual(['policy/orders/sync/mirror/orders', BACKUP]);
      await edit(project, '{ name: orders }', '{ name: sales, formerly: [orders] }');
      await apply(project);
      expect(Object.keys(await fresh.notes())).toEqual(['policy/sales/backup/main', 'policy/sales/sync/mirror/orders']);

      const resumed = await answer<PauseRecord>(project, 'resume', 'sales');
      expect(resumed.actions).toEqual(['policy/sales/sync/mirror/orders', 'policy/sales/backup/main']);
      expect(await fresh.notes()).toEqual({});
      expect(await statusOf(project, 'sales', 'backup')).toMatchObject({ state: 'never', nextAt: expect.any(String) });
      expect((await project.holdfast(['resume', 'sales'])).stdout).toBe('sales is not paused\n');
      expect((await project.holdfast(['runs', 'sales'])).stdout).toMatch(
        /orders +backup +paused +by .*: moving the disk\n/,
      );
      const lines = await answer<PauseRecord[]>(project, 'runs', 'sales');
      expect(lines.map(({ step }) => step)).toEqual(['pause', 'pause', 'resume']);
    },
    LIMIT_MS,
  );

  temporal.it(
    'leave a suspension to the policy, and forget a pause of what is no longer in force',
    async () => {
      await using project = await createProject({ temporal });
      const suspend = `  suspend: { reason: migration }\n`;
      await edit(project, '  importance: normal\n', `  importance: normal\n${suspend}`);
      await project.git('init', '-q');
      await project.git('add', '.');
      await project.git('commit', '-qm', 'Suspend the orders');
      await using engine = await engineOf(project);
      await apply(project);
      expect((await project.holdfast(['status'])).stdout).toMatch(
        /suspended +never +by Alice <alice@acme\.example> since .*: migration/,
      );
      const refused = await project.holdfast(['resume', 'orders']);
      expect(refused).toMatchObject({
        status: 8,
        stderr: expect.stringContaining('its policy suspends it (migration)'),
      });

      await answer(project, 'pause', 'orders', '--reason', 'also this');
      expect((await project.holdfast(['resume', 'orders'])).stdout).toContain(
        '(stays suspended by its policy: migration)',
      );
      await answer(project, 'pause', 'orders', '--reason', 'also this', '--action', 'backup');
      await edit(project, suspend, '');
      await apply(project);
      const { stdout } = await project.holdfast(['runs', 'orders']);
      expect(stdout).toMatch(/suspended +by Alice <alice@acme\.example>, in [0-9a-f]{12}: migration\n/);
      expect(stdout).toMatch(/goes on +by \S+, in [0-9a-f]{12}: no longer suspended \(migration\)\n/);
      const steps = (await answer<{ step: string }[]>(project, 'runs', 'orders')).map(({ step }) => step);
      expect(steps).toEqual(['suspend', 'pause', 'resume', 'pause', 'unsuspend']);
      expect(Object.keys(await engine.notes())).toEqual([BACKUP]);

      await edit(project, '  backup: [{ to: main }]\n', '');
      await edit(
        project,
        '  retention: { keep: { daily: 7 } }\n  restoreTest: { sample: { all: true }, assert: [{ exists: ledger.csv }] }\n',
        '',
      );
      await apply(project);
      await edit(project, '  sync:', '  backup: [{ to: main }]\n  sync:');
      await apply(project);
      expect(await engine.notes()).toEqual({});
      expect(await statusOf(project, 'orders', 'backup')).toMatchObject({ state: 'never' });
    },
    LIMIT_MS,
  );
});
