import { expect, test } from 'vitest';
import { renderSummary, type OnceSummary } from '../../cli/once-summary.ts';
import { createStyle } from '../../cli/output.ts';
import type { Action } from '../../domain/action.ts';
import type { RunRecord } from '../../domain/run-record.ts';
import { someAction, someRequest } from '../engine/engine-fixture.ts';

const HINT = 'If that is right, run: holdfast run orders retention --accept maxForget';

const action: Action = someAction({ id: 'policy/orders/retention/main', policy: 'orders', target: 'main' });

const record: RunRecord = {
  format: 'holdfast-run/1',
  workflowId: 'policy/orders/retention/main/now',
  runId: '1',
  actionId: action.id,
  kind: 'retention',
  policy: 'orders',
  target: 'main',
  digest: action.digest,
  commit: someRequest().commit,
  applyId: someRequest().applyId,
  trigger: 'once',
  dryRun: false,
  startedAt: '2026-11-23T03:00:00.000Z',
  finishedAt: '2026-11-23T03:00:01.000Z',
  outcome: 'failed',
  error: { code: 'GuardRefused', message: 'retention would forget 2 of 3 snapshots of orders in main', hint: HINT },
  findings: [],
};

const { error: _error, ...withoutError } = record;
const backup: Action = { ...action, id: 'policy/orders/backup/main', kind: 'backup' };

const summary: OnceSummary = {
  results: [
    { action, record },
    {
      action: backup,
      record: {
        ...withoutError,
        actionId: backup.id,
        kind: 'backup',
        outcome: 'succeeded',
        snapshot: { repository: 'main', repositoryId: 'b'.repeat(64), snapshotId: 'a'.repeat(64) },
      },
    },
  ],
  report: { textPath: 'audit.txt', jsonPath: 'audit.json', needsAttention: false },
  commit: someRequest().commit,
  uiUrl: 'http://127.0.0.1:1/',
};

const style = createStyle(false);

test('the summary tells in full what went wrong and what to do, however narrow the terminal is', () => {
  for (const columns of [undefined, 100, 60, 20]) {
    const lines = renderSummary(summary, { style, columns }, []);
    const told = lines.findIndex((line) => line.includes(record.error!.message));
    expect(told, `${columns} columns`).toBeGreaterThan(0);
    expect(lines.slice(told, told + 2).join('\n')).toContain(HINT);
  }
});

test('the summary names the policies in what is to be typed next, as they were given', () => {
  const lines = (paths: string[]) => renderSummary(summary, { style, columns: undefined }, paths).join('\n');
  expect(lines([])).toContain('npx holdfast restore latest --repository main --policy orders --target restored');
  expect(lines([])).toContain('npx holdfast start, then');
  expect(lines(["Alice's policies"])).toContain(`--policy orders --policies 'Alice'\\''s policies' --target restored`);
  expect(lines(['my-policies'])).toContain('npx holdfast start my-policies, then');
});

test('two syncs to one location are told apart by their paths', () => {
  const sync = (path: string): Action =>
    someAction({ id: `policy/orders/sync/standby/${path}`, kind: 'sync', policy: 'orders', target: 'standby' });
  const results = [sync('a'), sync('deep/b')].map((each) => ({ action: each, skipped: 'x' }));
  const lines = renderSummary({ ...summary, results }, { style, columns: undefined }, []);
  expect(lines.filter((line) => line.includes('sync')).map((line) => /orders → (\S+)/.exec(line)?.[1])).toEqual([
    'standby/a',
    'standby/deep/b',
  ]);
});
