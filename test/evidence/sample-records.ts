/** Records for the tests of evidence, audit and status. */
import type { Action } from '../../domain/action.ts';
import type { ApplyRecord } from '../../domain/apply-record.ts';
import type { RunRecord } from '../../domain/run-record.ts';

export function sampleRun(changes: Partial<RunRecord> = {}): RunRecord {
  const actionId = changes.actionId ?? 'policy/orders/backup/offsite';
  const startedAt = changes.startedAt ?? '2026-11-23T01:00:00.000Z';
  return {
    format: 'holdfast-run/1',
    workflowId: `${actionId}-${startedAt}`,
    runId: '0a1b2c3d-0000-4000-8000-000000000001',
    actionId,
    kind: 'backup',
    policy: 'orders',
    target: 'offsite',
    digest: 'd'.repeat(64),
    commit: { hash: 'c'.repeat(40), dirty: false },
    applyId: '20261101T000000Z-1f2e3d4c',
    trigger: 'schedule',
    dryRun: false,
    scheduledAt: startedAt,
    startedAt,
    finishedAt: new Date(Date.parse(startedAt) + 60_000).toISOString(),
    outcome: 'succeeded',
    findings: [],
    ...changes,
  };
}

/** An hourly backup at the full hour. */
export function sampleAction(changes: Partial<Action> = {}): Action {
  return {
    id: 'policy/orders/backup/offsite',
    kind: 'backup',
    policy: 'orders',
    target: 'offsite',
    objectives: { rpoSeconds: 7200, rtoSeconds: 3600 },
    schedule: {
      timing: { kind: 'interval', everySeconds: 3600, offsetSeconds: 0 },
      jitterSeconds: 0,
      timeoutSeconds: 1800,
      missed: 'latest',
    },
    settings: { kind: 'audit' },
    offlineToleranceSeconds: 0,
    digest: 'd'.repeat(64),
    ...changes,
  };
}

export function sampleApply(changes: Partial<ApplyRecord> = {}): ApplyRecord {
  const appliedAt = changes.appliedAt ?? '2026-11-01T00:00:00.000Z';
  return {
    format: 'holdfast-apply/1',
    id: `${appliedAt.slice(0, 19).replaceAll(/[-:]/g, '')}Z-1f2e3d4c`,
    commit: { hash: 'c'.repeat(40), dirty: false },
    appliedAt,
    appliedBy: 'alice',
    digest: 'e'.repeat(64),
    actions: [sampleAction()],
    changes: { created: [], changed: [], removed: [], unchanged: 1 },
    ...changes,
  };
}
