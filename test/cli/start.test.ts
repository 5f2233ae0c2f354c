import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { expect } from 'vitest';
import type { RunRecord } from '../../domain/run-record.ts';
import { isAlive } from '../../engine/process-identity.ts';
import { readJson, serverPaths, type RunningServer } from '../../engine/server-state.ts';
import { requirePeer } from '../peers.ts';
import { createProject, newestWrite, untilTrue, writeBigSource, type Project } from './project-fixture.ts';

const temporal = requirePeer('temporal');
const restic = requirePeer('restic');

/** Each test starts the engine several times, and one waits for a heartbeat's timeout. */
const LIMIT_MS = 240_000;

const stateOf = ({ directory }: Project) => join(directory, '.holdfast');

async function runsOf(project: Project): Promise<RunRecord[]> {
  return JSON.parse((await project.holdfast(['runs', '--json'])).stdout) as RunRecord[];
}

/** Some packs are written: the backup is in the middle of its work. */
async function isBackingUp({ repository }: Project): Promise<boolean> {
  const packs = await readdir(join(repository, 'data'), { recursive: true }).catch(() => []);
  return packs.filter((name) => name.length > 60).length >= 3;
}

async function serverLives(project: Project): Promise<boolean> {
  const server = await readJson<RunningServer>(serverPaths(stateOf(project)).server);
  return server !== undefined && (await isAlive(server.process));
}

/** `start --once` of a project whose backup is big enough to be met in its middle, which is where it is now. */
async function startInBigBackup(project: Project) {
  await writeBigSource(project.directory, { megabytes: 384 });
  let child: ChildProcess | undefined;
  const running = project.holdfast(['start', '--once'], (started) => (child = started));
  await untilTrue(() => isBackingUp(project));
  return { running, child: child! };
}

/** The next start goes on with the run that was left open: it ends once, well, and restic finds the repository sound. */
async function finishOpenRun(project: Project): Promise<void> {
  const next = await project.holdfast(['start', '--once']);
  expect(next.stderr).toContain('a run is open already; it goes on');
  expect(next.status).toBe(0);
  await expectOneGoodBackup(project);
}

async function expectOneGoodBackup(project: Project): Promise<void> {
  const backups = (await runsOf(project)).filter(({ kind }) => kind === 'backup');
  expect(backups.map(({ outcome }) => outcome)).toEqual(['succeeded']);
  expect(await project.restic(restic, 'check', '--read-data')).toContain('no errors were found');
}

temporal.describe('holdfast start --once', () => {
  temporal.it(
    'runs every action once, tells what came of it, and adds to the same repository the second time',
    async () => {
      await using project = await createProject({ temporal });
      await project.git('init', '-q');
      await project.git('add', '.');
      await project.git('commit', '-qm', 'Protect the orders');
      const first = await project.holdfast(['start', '--once']);
      expect(first.stderr).not.toContain('error');
      expect(first.status).toBe(0);
      expect(first.stdout).toContain('8 of 8 actions done, as commit');
      expect(first.stdout).toContain('"Protect the orders"');
      expect(first.stdout).toMatch(/✓ {2}backup +orders → main .* RPO 1d12h: met/);
      expect(first.stdout).toMatch(/✓ {2}restore-test +orders → main .* RTO 1d: met/);
      expect(first.stdout).toContain('npx holdfast restore latest --repository main --policy orders --target restored');
      const report = /Audit report +(\S+)/.exec(first.stdout)?.[1];
      expect(await readFile(join(project.directory, report!), 'utf8')).toContain('orders');
      expect(await serverLives(project)).toBe(false);

      await writeFile(join(project.directory, 'source', 'more.csv'), 'more\n');
      const second = await project.holdfast(['start', '--once']);
      expect(second.status).toBe(0);
      expect(second.stdout).toContain('nothing has changed: 8 actions in force of commit');
      const snapshots = JSON.parse(
        (await project.holdfast(['snapshots', '--repository', 'main', '--json'])).stdout,
      ) as unknown[];
      expect(snapshots).toHaveLength(2);
      const records = await runsOf(project);
      expect(records).toHaveLength(16);
      expect(new Set(records.map(({ commit }) => commit.hash?.length))).toEqual(new Set([40]));
      expect(await readdir(join(stateOf(project), 'evidence', 'applies'))).toHaveLength(1);
    },
  );

  temporal.it(
    'says that policies outside git are recorded as such, and that a source which is missing fails',
    async () => {
      await using project = await createProject({ temporal });
      await project.git('init', '-q');
      const policy = join(project.directory, 'policies', 'orders.yaml');
      await writeFile(policy, (await readFile(policy, 'utf8')).replace('../source', '../missing'));
      const result = await project.holdfast(['start', '--once', '--json']);
      expect(result.status).not.toBe(0);
      const { results } = JSON.parse(result.stdout) as { results: { action: string; record: RunRecord }[] };
      const backup = results.find(({ action }) => action === 'policy/orders/backup/main')!.record;
      expect(backup).toMatchObject({ outcome: 'failed', commit: { dirty: true } });
      expect(backup.findings[0]?.message).toContain('missing');
      const text = await project.holdfast(['start', '--once']);
      expect(text.stderr).toContain('the policies are in no commit');
    },
  );
});

temporal.describe('holdfast start', () => {
  temporal.it(
    'does the work that another command asks for, tells of it, and ends with Ctrl-C',
    async () => {
      await using project = await createProject({ temporal });
      let child: ChildProcess | undefined;
      let said = '';
      const running = project.holdfast(['start'], (started) => {
        child = started;
        started.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()));
      });
      await untilTrue(() => said.includes('Ctrl-C stops.'));
      expect(said).toMatch(/Histories: http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows/);
      const run = await project.holdfast(['run', 'orders', 'backup']);
      expect(run.status, run.stderr).toBe(0);
      expect(run.stdout).toMatch(/✓ backup orders → main: 15 B, 1 new/);
      await untilTrue(() => said.includes('✓ backup orders → main'));
      expect(await serverLives(project)).toBe(true);
      child!.kill('SIGINT');
      expect((await running).status).toBe(130);
      expect(await serverLives(project)).toBe(false);
      const detached = await project.holdfast(['run', 'orders', 'sync', '--detach']);
      expect(detached.status).toBe(9);
      expect(detached.stderr).toContain('no engine of this folder is running');
    },
    LIMIT_MS,
  );
});

temporal.describe('Ctrl-C in the middle of a big backup', () => {
  restic.it(
    'stops all writing within 2 seconds and everything within 5; the next start finishes the run',
    async () => {
      await using project = await createProject({ temporal });
      const { running, child } = await startInBigBackup(project);
      const interruptedAt = Date.now();
      child.kill('SIGINT');
      const { status, stderr } = await running;
      expect(Date.now() - interruptedAt).toBeLessThan(5000);
      expect(status).toBe(130);
      expect(stderr).toContain('the run goes on with the next `holdfast start`');
      expect(await serverLives(project)).toBe(false);
      expect((await newestWrite(project.repository)) - interruptedAt).toBeLessThan(2000);
      expect((await runsOf(project)).filter(({ kind }) => kind === 'backup')).toEqual([]);

      await finishOpenRun(project);
    },
    LIMIT_MS,
  );

  temporal.it(
    'ends the process at once when it comes twice',
    async () => {
      await using project = await createProject({ temporal });
      const { running, child } = await startInBigBackup(project);
      child.kill('SIGINT');
      await new Promise((resolve) => setTimeout(resolve, 100));
      child.kill('SIGINT');
      const interruptedAt = Date.now();
      expect((await running).status).toBe(130);
      expect(Date.now() - interruptedAt).toBeLessThan(1000);
      await untilTrue(async () => !(await serverLives(project)), 5000);
    },
    LIMIT_MS,
  );
});

temporal.describe('kill -9 of the worker in the middle of a backup', () => {
  restic.it(
    'loses nothing: a new worker finishes the same run, and the repository is clean',
    async () => {
      await using project = await createProject({ temporal });
      const { running, child } = await startInBigBackup(project);
      child.kill('SIGKILL');
      await running;
      expect(await serverLives(project)).toBe(true);

      await finishOpenRun(project);
      expect(await serverLives(project)).toBe(false);
    },
    LIMIT_MS,
  );
});

temporal.describe('kill -9 of the Temporal server in the middle of a backup', () => {
  restic.it(
    'is noticed: the server is started again, and the same run ends well',
    async () => {
      await using project = await createProject({ temporal });
      const { running } = await startInBigBackup(project);
      const server = await readJson<RunningServer>(serverPaths(stateOf(project)).server);
      process.kill(server!.process.pid, 'SIGKILL');
      const { status, stderr } = await running;
      expect(stderr).toContain('the embedded Temporal server ended unexpectedly; starting it again');
      expect(status, stderr).toBe(0);
      await expectOneGoodBackup(project);
      expect(await serverLives(project)).toBe(false);
    },
    LIMIT_MS,
  );
});
