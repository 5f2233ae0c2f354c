import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Applied } from '../../cli/apply-actions.ts';
import { requirePeer } from '../peers.ts';
import { createProject, type Project } from './project-fixture.ts';
import type { CliResult } from './run-cli.ts';

const temporal = requirePeer('temporal');
const LIMIT_MS = 120_000;

async function edit(project: Project, from: string, to: string): Promise<void> {
  const path = join(project.directory, 'policies', 'orders.yaml');
  const text = await readFile(path, 'utf8');
  expect(text).toContain(from);
  await writeFile(path, text.replace(from, to));
}

async function commit(project: Project, subject: string): Promise<void> {
  await project.git('add', '.');
  await project.git('commit', '-qm', subject);
}

async function applied(project: Project, ...options: string[]): Promise<Applied> {
  const { status, stdout, stderr } = await project.holdfast(['apply', '--json', '--yes', ...options]);
  expect(status, stderr + stdout).toBe(0);
  return JSON.parse(stdout) as Applied;
}

/** What `start` says until it is at work; it is stopped then. */
async function started(project: Project): Promise<CliResult> {
  const ended = await project.holdfast(['start'], (child) => {
    let said = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Ctrl-C stops.')) child.kill('SIGINT');
    });
  });
  expect(ended.status, ended.stderr).toBe(130);
  return ended;
}

temporal.describe('holdfast apply', () => {
  temporal.it(
    'refuses what no commit holds, applies what one does, and changes nothing the second time',
    async () => {
      await using project = await createProject({ temporal });
      const outside = await project.holdfast(['apply']);
      expect(outside.status).toBe(8);
      expect(outside.stderr).toContain('the policies are in no commit: the folder is in no git repository');
      await project.git('init', '-q');
      await commit(project, 'Protect the orders');

      const first = await applied(project);
      expect(first).toMatchObject({ changed: true, repositoriesCreated: ['main'] });
      expect(first.record.commit).toMatchObject({
        author: 'Alice <alice@acme.example>',
        subject: 'Protect the orders',
        dirty: false,
      });
      expect(first.schedules.created).toHaveLength(8);
      const second = await applied(project);
      expect(second).toMatchObject({
        changed: false,
        repositoriesCreated: [],
        schedules: { created: [], updated: [], deleted: [] },
      });
      expect(second.record.id).toBe(first.record.id);
      expect(await readdir(join(project.directory, '.holdfast', 'evidence', 'applies'))).toHaveLength(1);
      expect(await project.holdfast(['apply'])).toMatchObject({
        status: 0,
        stdout: expect.stringContaining('nothing has changed: 8 actions in force of commit'),
      });
    },
    LIMIT_MS,
  );

  temporal.it(
    'tells changed, removed and created actions apart, and removes none without being told so',
    async () => {
      await using project = await createProject({ temporal });
      await project.git('init', '-q');
      await commit(project, 'Protect the orders');
      const before = await applied(project);
      await edit(project, 'keep: { daily: 7 }', 'keep: { daily: 14 }');
      expect((await project.holdfast(['apply'])).stderr).toContain('uncommitted changes: policies/orders.yaml');
      await commit(project, 'Keep orders longer');
      const longer = await applied(project);
      expect(longer.record.changes).toMatchObject({
        created: [],
        changed: ['policy/orders/retention/main'],
        removed: [],
        unchanged: 7,
      });
      expect(longer.record.commit.hash).not.toBe(before.record.commit.hash);
      // All runs name the commit that is in force, so that all schedules carry it.
      expect(longer.schedules.updated).toHaveLength(8);

      await edit(project, '  retention: { keep: { daily: 14 } }\n', '');
      await commit(project, 'Keep everything');
      const refused = await project.holdfast(['apply']);
      expect(refused.status).toBe(8);
      expect(refused.stdout).toContain('  - retention/main  does not run any more\n');
      expect(refused.stderr).toContain('1 action would be created, changed or deleted, nothing was applied');
      const without = await applied(project);
      expect(without.record.changes.removed).toEqual(['policy/orders/retention/main']);
      expect(without.schedules.deleted).toEqual(['policy/orders/retention/main']);
    },
    LIMIT_MS,
  );

  temporal.it(
    'says what it put right where the policies are as they were',
    async () => {
      await using project = await createProject({ temporal });
      await applied(project, '--allow-dirty');
      expect(await project.holdfast(['apply', '--yes', '--allow-dirty', '--refresh'])).toMatchObject({
        status: 0,
        stdout: expect.stringContaining(
          'put right: 8 schedules written anew; 8 actions in force of policies outside git',
        ),
      });
    },
    LIMIT_MS,
  );

  temporal.it(
    'refuses what protects less than what is in force until somebody allows it',
    async () => {
      await using project = await createProject({ temporal });
      await applied(project, '--allow-dirty');
      await edit(project, 'keep: { daily: 7 }', 'keep: { daily: 5 }');
      await edit(project, '  sync: [{ to: mirror, path: orders, mode: mirror }]\n', '');
      const refused = await project.holdfast(['apply', '--yes', '--allow-dirty']);
      expect(refused.status).toBe(8);
      expect(refused.stdout).toContain(`protects less than what is in force (apply does it only with --allow-weaker)
  ! policy orders: the sync to mirror/orders does not run any more
  ! policy orders: the retention in main keeps less: daily 7 → 5
`);
      expect(refused.stderr).toContain('if that is meant, give --allow-weaker');
      expect((await project.holdfast(['start', '--once'])).status).toBe(8);
      // Who starts with the machine has nobody to ask.
      const kept = await started(project);
      expect(kept.stderr).toContain(
        'these policies protect less than what is in force, which therefore stays in force',
      );
      expect(kept.stdout).toContain('8 actions will run when due');
      const weaker = await applied(project, '--allow-dirty', '--allow-weaker');
      expect(weaker.schedules).toMatchObject({ deleted: ['policy/orders/sync/mirror/orders'] });
    },
    LIMIT_MS,
  );

  temporal.it(
    'creates no repository where there was one: a disk that is not mounted is no fresh start',
    async () => {
      await using project = await createProject({ temporal });
      await applied(project, '--allow-dirty');
      await rm(join(project.directory, 'vault'), { recursive: true });
      expect((await applied(project, '--allow-dirty')).repositoriesCreated).toEqual([]);
      const run = await project.holdfast(['run', 'orders', 'backup']);
      expect(run.status, run.stderr).toBe(10);
    },
    LIMIT_MS,
  );

  temporal.it(
    'applies nothing of a folder with an error, or with a part that is not built',
    async () => {
      await using project = await createProject({ temporal });
      await edit(project, 'importance: normal', 'importance: normel');
      const wrong = await project.holdfast(['apply', '--allow-dirty']);
      expect(wrong.status).toBe(2);
      expect(wrong.stderr).toContain('did you mean "normal"?');
      await edit(project, 'importance: normel', 'importance: normal\n  hooks: { before: [{ script: freeze.sh }] }');
      const notBuilt = await project.holdfast(['apply', '--allow-dirty']);
      expect(notBuilt.status).toBe(2);
      expect(notBuilt.stderr).toMatch(/policies\/orders\.yaml:\d+:\d+ .*hooks/);
      expect(await readdir(project.directory)).not.toContain('.holdfast');
    },
    LIMIT_MS,
  );

  temporal.it(
    'applies what a commit holds, whatever lies in the work tree, and plans it first',
    async () => {
      await using project = await createProject({ temporal });
      await project.git('init', '-q');
      await commit(project, 'Protect the orders');
      await project.git('tag', 'v1');
      await edit(project, 'keep: { daily: 7 }', 'keep: { daily: 14 }');
      await commit(project, 'Keep orders longer');
      await edit(project, 'kind: Policy', 'kind: Polici');
      expect((await project.holdfast(['plan'])).status).toBe(2);
      const none = await project.holdfast(['apply', '--ref', 'v2']);
      expect(none).toMatchObject({ status: 2, stderr: expect.stringContaining('has no commit "v2"') });

      const planned = await project.holdfast(['plan', '--ref', 'v1', '--out', 'v1.plan']);
      expect(planned).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/commit \w{12} \(v1\) "Protect the orders": 8 to create/),
      });
      const first = await applied(project, 'v1.plan');
      expect(first.record.commit).toMatchObject({ subject: 'Protect the orders', dirty: false });
      const longer = await applied(project, '--ref', 'HEAD');
      expect(longer.record.commit).toMatchObject({ subject: 'Keep orders longer', ref: 'HEAD', dirty: false });
      expect(longer.record.changes.changed).toEqual(['policy/orders/retention/main']);
      expect((await project.holdfast(['drift', '--ref', 'HEAD'])).status).toBe(0);
      expect((await project.holdfast(['drift', '--ref', 'v1'])).stdout).toContain(
        'policy orders differs from what is in force',
      );
      expect(await readFile(join(project.directory, 'policies', 'orders.yaml'), 'utf8')).toContain('kind: Polici');
    },
    LIMIT_MS,
  );
});
