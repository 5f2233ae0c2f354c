import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { audit } from '../../activities/audit.ts';
import { recordRun } from '../../activities/record-run.ts';
import type { AuditFigures } from '../../domain/run-record.ts';
import { sampleAction, sampleApply, sampleRun } from '../evidence/sample-records.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;

beforeEach(async () => {
  bench = await openWorkbench();
});

afterEach(async () => {
  await bench.remove();
});

test('the audit reads the evidence alone, leaves a report beside it, and does not miss itself', async () => {
  const request = bench.request({ kind: 'audit' });
  const evidence = await bench.deps.openEvidence(request.evidence);
  await evidence.writeApply(sampleApply({ actions: [sampleAction(), request.action] }));
  const day = Date.parse('2026-11-22T02:00:00Z');
  for (let hour = 0; hour < 24; hour++) {
    if (hour === 5) continue;
    const startedAt = new Date(day + hour * 3_600_000).toISOString();
    const record = sampleRun({
      startedAt,
      scheduledAt: startedAt,
      finishedAt: new Date(Date.parse(startedAt) + 60_000).toISOString(),
      snapshot: { repository: 'offsite', repositoryId: 'r', snapshotId: 's' },
    });
    await recordRun(bench.deps, { evidence: request.evidence, record }, bench.context());
  }
  bench.now = new Date(day + 24 * 3_600_000 + 10_000);
  const outcome = await audit(bench.deps, request, bench.context());
  const figures = outcome.figures as AuditFigures;
  // The daily audit of yesterday did not happen; that of today is going on.
  expect(figures).toMatchObject({ expected: 25, succeeded: 23, missed: 2, objectivesMissed: 0 });
  expect(outcome.findings.map(({ code, subject }) => `${code} ${subject}`)).toEqual([
    'run/missed policy/orders/backup/offsite',
    'run/missed project/audit',
  ]);
  const folder = request.evidence.location.local!.path;
  expect(await readFile(join(folder, figures.report!), 'utf8')).toContain(
    '2026-11-22 07:00Z  policy/orders/backup/offsite  missed',
  );
  const report = JSON.parse(await readFile(join(folder, figures.report!.replace('.txt', '.json')), 'utf8')) as unknown;
  expect(report).toMatchObject({ format: 'holdfast-audit/1', figures: { expected: 25 } });
});

test('an audit of an empty evidence has nothing to say, and a dry run leaves no report', async () => {
  const outcome = await audit(bench.deps, bench.request({ kind: 'audit' }, { dryRun: true }), bench.context());
  expect(outcome.figures).toMatchObject({ expected: 0 });
  expect((outcome.figures as AuditFigures).report).toBeUndefined();
});

test('a record that is written again is the same record; another one under its name is refused', async () => {
  const { evidence } = bench.request({ kind: 'audit' });
  const record = sampleRun();
  await recordRun(bench.deps, { evidence, record }, bench.context());
  await recordRun(bench.deps, { evidence, record }, bench.context());
  const other = { evidence, record: { ...record, outcome: 'failed' as const } };
  await expect(recordRun(bench.deps, other, bench.context())).rejects.toMatchObject({ code: 'Integrity' });
});
