import { expect, test } from 'vitest';
import { buildAudit } from '../../domain/audit.ts';
import { formerIds, namesOfPolicy } from '../../domain/former-names.ts';
import { buildStatus } from '../../domain/status.ts';
import type { Action } from '../../domain/action.ts';
import { sampleAction, sampleApply, sampleRun } from '../evidence/sample-records.ts';

const FROM = Date.parse('2026-11-23T00:00:00Z');
const at = (hours: number): string => new Date(FROM + hours * 3_600_000).toISOString();

/** The sample's policy `orders`, as it was called before, and as it is called now. */
function renamed(): { before: Action; after: Action } {
  const before = sampleAction();
  return {
    before,
    after: {
      ...before,
      id: 'policy/sales/backup/offsite',
      policy: 'sales',
      // What the sample does is of no matter here.
      settings: { kind: 'access-check', repositories: [], targets: [], formerly: ['orders'] },
    },
  };
}

const run = (hours: number) =>
  sampleRun({
    scheduledAt: at(hours),
    startedAt: at(hours),
    finishedAt: new Date(FROM + hours * 3_600_000 + 60_000).toISOString(),
    snapshot: { repository: 'offsite', repositoryId: 'r', snapshotId: 's' },
  });

test('an action knows what it was called under each former name of its policy', () => {
  const { before, after } = renamed();
  expect(formerIds(before)).toEqual([]);
  expect(formerIds(after)).toEqual(['policy/orders/backup/offsite']);
  expect(namesOfPolicy([after], 'sales')).toEqual(['sales', 'orders']);
  expect(namesOfPolicy([after], 'other')).toEqual(['other']);
});

test('the last good run and the age of the data survive a rename', async () => {
  const { after } = renamed();
  const apply = sampleApply({ actions: [after], appliedAt: at(2.25) });
  const status = await buildStatus({ apply, runs: [run(0), run(1), run(2)], now: new Date(at(2.5)) });
  expect(status.policies).toMatchObject([
    {
      policy: 'sales',
      failing: false,
      objectives: { rpo: { state: 'met', dataAt: at(2) } },
      actions: [{ state: 'good', lastGood: { startedAt: at(2) }, dataAt: at(2) }],
    },
  ]);
});

test('an audit over a rename expects each run under the name of its time, and judges objectives over both', async () => {
  const { before, after } = renamed();
  const applies = [
    sampleApply({ actions: [before], appliedAt: at(0) }),
    sampleApply({ id: 'later', actions: [after], appliedAt: at(2.25) }),
  ];
  const runs = [
    run(0),
    run(1),
    run(2),
    { ...run(3), actionId: after.id, policy: 'sales', workflowId: `${after.id}-3`, runId: 'r3' },
  ];
  const audit = await buildAudit({ applies, runs, from: new Date(at(0)), to: new Date(at(3.5)) });
  expect(audit.figures).toMatchObject({ expected: 4, succeeded: 4, missed: 0 });
  expect(audit.objectives).toMatchObject([{ policy: 'sales', rpo: { state: 'met', dataAt: at(3) } }]);
  expect(audit.findings).toEqual([]);
});
