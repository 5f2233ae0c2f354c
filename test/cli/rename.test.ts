import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { RunRecord } from '../../domain/run-record.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { requirePeer } from '../peers.ts';
import { createProject, type Project } from './project-fixture.ts';

const temporal = requirePeer('temporal');
const LIMIT_MS = 180_000;

async function edit({ directory }: Project, change: (text: string) => string): Promise<void> {
  const file = join(directory, 'policies', 'orders.yaml');
  await writeFile(file, change(await readFile(file, 'utf8')));
}

async function answer<Result>(project: Project, ...args: string[]): Promise<Result> {
  return JSON.parse((await project.holdfast([...args, '--json'])).stdout) as Result;
}

temporal.describe('a policy that gets another name, and is removed in the end', () => {
  temporal.it(
    'keeps its snapshots, its records and the target of its sync, until its snapshots expire',
    async () => {
      await using project = await createProject({ temporal });
      expect((await project.holdfast(['start', '--once'])).status).toBe(0);
      await edit(project, (text) =>
        text
          .replace('{ name: orders }', '{ name: sales, formerly: [orders] }')
          .replace('  restoreTest:', '  onDelete: expire\n  restoreTest:'),
      );
      const second = await project.holdfast(['start', '--once']);
      expect([second.status, second.stderr]).toEqual([0, expect.any(String)]);
      expect(second.stdout).toMatch(/^applied .*: 5 renamed, 3 unchanged$/m);

      const snapshots = await answer<Snapshot[]>(project, 'snapshots', '--repository', 'main', '--policy', 'sales');
      expect(snapshots.map(({ tags }) => tags)).toEqual([
        ['holdfast', 'policy=orders'],
        ['holdfast', 'policy=sales'],
      ]);
      // Nothing is read again of what the snapshot under the former name has.
      expect(snapshots[1]).toMatchObject({ parent: snapshots[0]!.id, summary: { files_unmodified: 1 } });

      const runs = await answer<RunRecord[]>(project, 'runs', 'sales');
      expect(new Set(runs.map(({ policy }) => policy))).toEqual(new Set(['orders', 'sales']));
      const retention = runs.findLast(({ kind }) => kind === 'retention');
      expect(retention?.figures).toMatchObject({ kind: 'retention', kept: 2, forgotten: 0, foreign: 0 });
      expect(runs.filter(({ outcome }) => outcome !== 'succeeded')).toEqual([]);
      expect((await project.holdfast(['status'])).status).toBe(0);

      await edit(project, (text) => text.slice(0, text.lastIndexOf('---')));
      const refused = await project.holdfast(['apply', '--allow-dirty', '--yes']);
      expect([refused.status, refused.stderr]).toEqual([8, expect.stringContaining('--allow-weaker')]);
      expect(refused.stdout).toContain(
        'the retention in main goes on until nothing is left, as the policy is removed with onDelete: expire',
      );
      expect((await project.holdfast(['start', '--once', '--allow-weaker'])).status).toBe(0);
      const last = (await answer<RunRecord[]>(project, 'runs', 'sales')).at(-1);
      // Young as they are, both stay until seven days have passed.
      expect([last?.kind, last?.figures]).toMatchObject(['retention', { kept: 2, forgotten: 0 }]);
      const byHand = await project.holdfast(['run', 'sales', 'retention', '--dry-run']);
      expect([byHand.status, byHand.stderr]).toEqual([0, expect.not.stringContaining('differ from what is in force')]);
    },
    LIMIT_MS,
  );
});
