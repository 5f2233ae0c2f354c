import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunRecord, SyncFigures } from '../../domain/run-record.ts';
import { openEvidenceStore } from '../../evidence/open-evidence-store.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { sampleAction, sampleApply, sampleRun } from '../evidence/sample-records.ts';
import { runCli, type CliResult } from './run-cli.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'holdfast-evidence-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const HOUR = 3_600_000;

/** An hourly backup that was applied three hours ago and ran at each full hour since. */
async function writeEvidence(last: Partial<RunRecord> = {}, where = 'evidence'): Promise<void> {
  // Not the hour that began a moment ago: its run would end in the future.
  const thisHour = Math.floor((Date.now() - 10_000) / HOUR) * HOUR;
  const evidence = openEvidenceStore(openLocalStorage(join(folder, where)));
  await evidence.writeApply(
    sampleApply({ appliedAt: new Date(thisHour - 3 * HOUR).toISOString(), actions: [sampleAction()] }),
  );
  for (const ago of [2, 1, 0]) {
    const startedAt = new Date(thisHour - ago * HOUR).toISOString();
    const finishedAt = new Date(thisHour - ago * HOUR + 1000).toISOString();
    const snapshot = { repository: 'offsite', repositoryId: 'a'.repeat(64), snapshotId: 'b'.repeat(64) };
    const run = { startedAt, finishedAt, snapshot, workflowId: `policy/orders/backup/offsite-${startedAt}` };
    await evidence.writeRun(sampleRun({ ...run, ...(ago === 0 ? last : {}) }));
  }
  await evidence.close();
}

function run(...args: string[]): Promise<CliResult> {
  return runCli([...args, '--evidence', 'evidence'], { directory: folder });
}

const failed: Partial<RunRecord> = {
  outcome: 'failed',
  error: { code: 'NoRepository', message: 'there is no repository at local:/mnt/offsite' },
};

test('status tells a policy’s last good runs and objectives, with the engine down', async () => {
  await writeEvidence();
  const { status, stdout, stderr } = await run('status');
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^in force since .*: c{12}$/m);
  expect(stdout).toMatch(/^orders {2}RPO 2h: data .* old, RTO 1h: not measured, never proven$/m);
  expect(stdout).toMatch(/^ {2}backup +offsite +good +.* ago/m);
  expect(stdout).toContain('nothing needs attention');
});

test('what failed needs attention: exit 7, and --failing shows it alone', async () => {
  await writeEvidence(failed);
  const { status, stdout } = await run('status', '--failing');
  expect(status).toBe(7);
  expect(stdout).toMatch(/backup +offsite +failed .*there is no repository at local:\/mnt\/offsite/);
  const json = await run('status', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({
    format: 'holdfast-status/1',
    failing: true,
    policies: [{ policy: 'orders', actions: [{ state: 'failed' }] }],
  });
});

test('where nothing was ever applied, nothing is protected: exit 7', async () => {
  const status = await run('status');
  expect([status.status, status.stdout]).toEqual([7, expect.stringContaining('nothing is protected')]);
  const audit = await run('audit');
  expect([audit.status, audit.stdout]).toEqual([7, expect.stringContaining('No policy was ever applied')]);
});

test('runs are listed oldest first, the newest of them at most, with what failed and what was found', async () => {
  await writeEvidence({
    ...failed,
    findings: [
      { code: 'source/unreadable', severity: 'warning', subject: '/srv/x', message: '/srv/x may not be read' },
    ],
  });
  const all = await run('runs');
  expect(all.status).toBe(7);
  const lines = all.stdout.trimEnd().split('\n');
  expect(lines[1]).toMatch(/orders +backup +offsite +good +1\.0s/);
  expect(lines[3]).toMatch(/orders +backup +offsite +failed +1\.0s +there is no repository/);
  expect(lines[4]).toMatch(/^ +! \/srv\/x may not be read$/);
  expect(lines[5]).toBe('3 runs');
  const two = await run('runs', 'orders', '--limit', '2', '--json');
  expect(JSON.parse(two.stdout)).toHaveLength(2);
  const none = await run('runs', 'payroll');
  expect([none.status, none.stdout]).toEqual([0, '0 runs\n']);
  const past = await run('runs', '--to', '2020-01-01');
  expect(past.stdout).toBe('0 runs\n');
  expect((await run('runs', '--limit', '0')).status).toBe(2);
});

test('the audit compares what was expected with what ran, for a period that makes sense', async () => {
  await writeEvidence(failed);
  const { status, stdout } = await run('audit');
  expect([status, stdout]).toEqual([7, expect.stringMatching(/^Audit of .*: needs attention/)]);
  const json = await run('audit', '--json', '--from', '2026-01-01');
  expect(JSON.parse(json.stdout)).toMatchObject({ format: 'holdfast-audit/1', figures: { failed: 1 } });
  const today = new Date().toISOString().slice(0, 10);
  const future = await run('audit', '--json', '--from', today, '--to', '2999-01-01');
  const period = JSON.parse(future.stdout) as { from: string; to: string; figures: { missed: number } };
  expect(Date.parse(period.to)).toBeLessThanOrEqual(Date.now());
  expect([new Date(period.from).toTimeString().slice(0, 8), period.figures.missed]).toEqual(['00:00:00', 0]);
  const reversed = await run('audit', '--from', '2026-11-02', '--to', '2026-11-01');
  expect([reversed.status, reversed.stderr]).toEqual([2, expect.stringContaining('ends before it begins')]);
});

test('a record that was damaged is an integrity error, named', async () => {
  await writeEvidence();
  mkdirSync(join(folder, 'evidence/applies'), { recursive: true });
  writeFileSync(join(folder, 'evidence/applies/29991231T000000Z-00000000.json'), '{}');
  const { status, stderr } = await run('status');
  expect([status, stderr]).toEqual([5, expect.stringContaining('29991231T000000Z-00000000')]);
});

test('the evidence is found through the policies, also past an error in another document', async () => {
  const project = (extra: string): string =>
    `apiVersion: holdfast/v1\nkind: Project\nmetadata: { name: acme }\nspec: { evidence: { location: ledger, path: kept }${extra} }\n---\n` +
    'apiVersion: holdfast/v1\nkind: Location\nmetadata: { name: ledger }\nspec: { local: { path: ../ledger } }\n';
  mkdirSync(join(folder, 'policies'));
  const broken = 'apiVersion: holdfast/v1\nkind: Policy\nmetadata: { name: orders }\nspec: { sorce: {} }\n';
  writeFileSync(join(folder, 'policies/project.yaml'), project(''));
  writeFileSync(join(folder, 'policies/orders.yaml'), broken);
  await writeEvidence({}, 'ledger/kept');
  const tolerant = await runCli(['status'], { directory: folder });
  expect([tolerant.status, tolerant.stdout]).toEqual([0, expect.stringContaining('orders')]);
  expect(tolerant.stderr).toContain('holdfast validate shows them');
  // Where the evidence is cannot be known from a project that is broken itself.
  writeFileSync(join(folder, 'policies/project.yaml'), project(', evidense: {}'));
  const refused = await runCli(['status'], { directory: folder });
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('policies/project.yaml:4:')]);
  expect(refused.stderr).toContain('did you mean "evidence"?');
});

test('status and runs tell how far a copy is behind its source, and nothing of one that is not, or of older records', async () => {
  const figures = {
    kind: 'sync' as const,
    filesExamined: 2,
    filesCopied: 1,
    filesRemoved: 0,
    filesUnchanged: 1,
    metadataUpdated: 0,
    bytesCopied: 1,
    filesVerified: 0,
    bytesTotal: 2,
  };
  const thisHour = Math.floor((Date.now() - 10_000) / HOUR) * HOUR;
  const action = sampleAction({ id: 'policy/orders/sync/standby', kind: 'sync', target: 'standby' });
  const evidence = openEvidenceStore(openLocalStorage(join(folder, 'evidence')));
  await evidence.writeApply(sampleApply({ appliedAt: new Date(thisHour - HOUR).toISOString(), actions: [action] }));
  const write = async (minutes: number, more: Partial<SyncFigures>) => {
    const startedAt = new Date(thisHour - HOUR + minutes * 60_000).toISOString();
    const finishedAt = new Date(Date.parse(startedAt) + 1000).toISOString();
    const { id: actionId, kind, target } = action;
    const workflowId = `${actionId}-${startedAt}`;
    await evidence.writeRun(
      sampleRun({ actionId, kind, target, workflowId, startedAt, finishedAt, figures: { ...figures, ...more } }),
    );
  };
  await write(0, {});
  expect((await run('status')).stdout).not.toContain('not in the copy');
  const oldestPendingAt = new Date(Date.now() - 5 * HOUR).toISOString();
  await write(30, { filesPending: 1, lagSeconds: 0 });
  await write(60, { filesPending: 2, oldestPendingAt, lagSeconds: 3600 });
  expect((await run('status')).stdout).toMatch(/sync +standby .* a change made 5h.* ago is not in the copy/);
  expect(JSON.parse((await run('status', '--json')).stdout)).toMatchObject({
    policies: [{ actions: [{ pendingSince: oldestPendingAt }] }],
  });
  expect((await run('runs', '--json')).stdout).toContain('"lagSeconds":3600');
  const lines = (await run('runs')).stdout.split('\n').filter((line) => line.includes('1 unchanged'));
  expect(lines.map((line) => / unchanged(.*)/.exec(line)?.[1]?.trim())).toEqual([
    '',
    '; 1 change missing',
    '; 2 changes missing, the oldest made 1h before its end',
  ]);
});
