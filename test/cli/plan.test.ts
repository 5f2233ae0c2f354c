import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Plan } from '../../domain/plan.ts';
import { requirePeer } from '../peers.ts';
import { createProject, type Project } from './project-fixture.ts';

const temporal = requirePeer('temporal');
const LIMIT_MS = 120_000;

async function edit(project: Project, from: string, to: string): Promise<void> {
  const path = join(project.directory, 'policies', 'orders.yaml');
  const text = await readFile(path, 'utf8');
  expect(text).toContain(from);
  await writeFile(path, text.replace(from, to));
}

async function planned(project: Project): Promise<Plan> {
  const { status, stdout, stderr } = await project.holdfast(['plan', '--json']);
  expect(status, stderr + stdout).toBe(0);
  return JSON.parse(stdout) as Plan;
}

temporal.describe('holdfast plan', () => {
  temporal.it(
    'shows what an apply would create, change and delete, field by field, and changes nothing itself',
    async () => {
      await using project = await createProject({ temporal });
      const first = await project.holdfast(['plan', '--check']);
      expect(first).toMatchObject({ status: 7, stdout: expect.stringContaining('policies outside git: 8 to create') });
      expect(await readdir(project.directory)).not.toContain('.holdfast');

      expect(await project.holdfast(['apply', '--yes', '--allow-dirty'])).toMatchObject({ status: 0 });
      const nothing = await project.holdfast(['plan', '--check']);
      expect(nothing, nothing.stderr).toMatchObject({
        status: 0,
        stdout: 'nothing has changed: 8 actions in force of policies outside git\n',
      });

      await edit(project, 'keep: { daily: 7 }', 'keep: { daily: 14 }');
      await edit(project, '  prune: { every: 7d }\n', '');
      const changed = await project.holdfast(['plan', '--check']);
      expect(changed).toMatchObject({
        status: 7,
        stdout: `policy orders
  ~ retention/main
      keep.daily: 7 → 14
repository main
  - prune  does not run any more
policies outside git: 1 to change, 1 to delete, 6 unchanged
`,
      });
      // Seen once more: the first plan put nothing in force.
      expect((await planned(project)).counts).toEqual({ create: 0, change: 1, pause: 0, delete: 1, unchanged: 6 });
    },
    LIMIT_MS,
  );

  temporal.it(
    'saves a plan that apply carries out exactly, without asking, and not when anything has moved since',
    async () => {
      await using project = await createProject({ temporal });
      const apply = (...options: string[]) => project.holdfast(['apply', 'next.plan', '--allow-dirty', ...options]);
      const plan = async () =>
        expect(await project.holdfast(['plan', '--out', 'next.plan'])).toMatchObject({ status: 0 });
      expect(await project.holdfast(['plan', '--out', 'nowhere/next.plan'])).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('name a file in a folder that exists'),
      });
      await plan();
      expect(await apply()).toMatchObject({
        status: 0,
        stdout: expect.stringContaining('applied policies outside git: 8 new'),
      });
      const again = await apply();
      expect(again.status).toBe(8);
      expect(again.stderr).toContain("what is in force (somebody applied) and the engine's schedules");

      await edit(project, 'keep: { daily: 7 }', 'keep: { daily: 14 }');
      await edit(project, 'env: ORDERS_PASSWORD', 'command: [printf, s3cret]');
      await plan();
      expect(await readFile(join(project.directory, 'next.plan'), 'utf8')).not.toContain('s3cret');
      await edit(project, 'keep: { daily: 14 }', 'keep: { daily: 15 }');
      expect(await apply()).toMatchObject({
        status: 8,
        stderr: expect.stringContaining('something has changed: the policies\n'),
      });
      await edit(project, 'keep: { daily: 15 }', 'keep: { daily: 14 }');
      const weaker = await apply();
      expect(weaker).toMatchObject({
        status: 8,
        stderr: expect.stringContaining('its password comes from command printf'),
      });
      expect(await apply('--allow-weaker')).toMatchObject({ status: 0 });
      await writeFile(join(project.directory, 'next.plan'), '{\n  "format": "holdfast-plan/1"');
      expect(await apply()).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('next.plan is a saved plan, but it is damaged'),
      });
    },
    LIMIT_MS,
  );
});
