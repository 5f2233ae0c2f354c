import { expect, test } from 'vitest';
import type { Action } from '../../domain/action.ts';
import type { ApplyRecord } from '../../domain/apply-record.ts';
import { buildAudit } from '../../domain/audit.ts';
import { renderAudit } from '../../domain/audit-text.ts';
import { appliesInForce } from '../../domain/expected-runs.ts';
import type { CopyFigures, RestoreTestFigures, RunRecord } from '../../domain/run-record.ts';
import { buildStatus } from '../../domain/status.ts';
import { sampleAction, sampleApply, sampleRun } from '../evidence/sample-records.ts';

const FROM = new Date('2026-11-23T00:00:00Z');
const hour = (value: number, minute = 0): string =>
  new Date(FROM.getTime() + value * 3_600_000 + minute * 60_000).toISOString();

/** A good run of the hourly backup, made from its slot. */
function good(slotHour: number, changes: Partial<RunRecord> = {}): RunRecord {
  return sampleRun({
    scheduledAt: hour(slotHour),
    startedAt: hour(slotHour),
    finishedAt: hour(slotHour, 1),
    snapshot: { repository: 'offsite', repositoryId: 'r', snapshotId: 's' },
    ...changes,
  });
}

const audit = (runs: RunRecord[], to: string, applies: ApplyRecord[] = [sampleApply()], from = FROM) =>
  buildAudit({ applies, runs, from, to: new Date(to) });

const states = (result: { exceptions: { expectedAt: string; state: string; late: boolean }[] }) =>
  result.exceptions.map((run) => `${run.expectedAt.slice(11, 16)} ${run.state}${run.late ? ' late' : ''}`);

test('when all runs were good and on time nothing needs attention', async () => {
  const result = await audit(
    [0, 1, 2, 3].map((slot) => good(slot)),
    hour(3, 30),
  );
  expect(result.figures).toEqual({
    kind: 'audit',
    expected: 4,
    succeeded: 4,
    attention: 0,
    failed: 0,
    missed: 0,
    late: 0,
    suspended: 0,
    paused: 0,
    objectivesMissed: 0,
  });
  expect(result.findings).toEqual([]);
  expect(result.exceptions).toEqual([]);
});

test('missed, failed, cancelled and late runs are listed, each with what is known of it', async () => {
  const runs = [
    good(0),
    good(2, {
      outcome: 'failed',
      error: { code: 'NoRepository', message: 'there is no repository' },
      snapshot: undefined,
    }),
    good(3, { startedAt: hour(3, 6), finishedAt: hour(3, 7) }),
    good(4, { outcome: 'cancelled', snapshot: undefined }),
    good(5),
  ];
  const result = await audit(runs, hour(5, 30));
  expect(states(result)).toEqual(['01:00 missed', '02:00 failed', '03:00 succeeded late', '04:00 cancelled']);
  expect(result.figures).toMatchObject({ expected: 6, succeeded: 3, failed: 2, missed: 1, late: 1 });
  expect(result.exceptions[1]?.reason).toBe('NoRepository: there is no repository');
  expect(result.findings.map(({ code, severity }) => [code, severity])).toEqual([
    ['run/missed', 'warning'],
    ['run/failed', 'warning'],
    ['run/late', 'notice'],
  ]);
});

test('what has not been good since is critical', async () => {
  const result = await audit([good(0)], hour(2, 59));
  expect(states(result)).toEqual(['01:00 missed', '02:00 missed']);
  expect(result.findings.map(({ code, severity }) => [code, severity])).toEqual([
    ['run/missed', 'critical'],
    ['objective/rpo', 'critical'],
  ]);
});

test('a run that may still be going on is not missed before its time is over', async () => {
  // Slot, five minutes of grace, thirty of timeout.
  expect(states(await audit([good(0)], hour(1, 34)))).toEqual([]);
  expect(states(await audit([good(0)], hour(1, 35)))).toEqual(['01:00 missed']);
});

test('a later run shows that an earlier one did not happen', async () => {
  const long = sampleAction({ schedule: { ...sampleAction().schedule, timeoutSeconds: 86_400 } });
  const applies = [sampleApply({ actions: [long], appliedAt: hour(0, -30) })];
  expect(states(await audit([good(0)], hour(3), applies))).toEqual([]);
  expect(states(await audit([good(0), good(2)], hour(3), applies))).toEqual(['01:00 missed']);
});

test('each expected run is counted by exactly one of the audits that follow each other', async () => {
  const runs = [good(0), good(1), good(4, { startedAt: hour(4, 6), finishedAt: hour(4, 30) }), good(8)];
  const whole = await audit(runs, hour(12));
  const counted: string[] = [];
  let expected = 0;
  for (let start = 0; start < 12 * 60; start += 17) {
    const end = Math.min(start + 17, 12 * 60);
    const part = await audit(runs, hour(0, end), [sampleApply()], new Date(hour(0, start)));
    counted.push(...states(part));
    expected += part.figures.expected;
  }
  expect(counted.toSorted()).toEqual(states(whole).toSorted());
  expect(expected).toBe(whole.figures.expected);
  expect(whole.figures.missed).toBeGreaterThan(5);
});

test('a slot that came while the run before it was going on was skipped, not missed', async () => {
  const result = await audit([good(0, { finishedAt: hour(1, 20) }), good(2)], hour(2, 30));
  expect(states(result)).toEqual(['01:00 skipped']);
  expect(result.findings).toEqual([]);
});

test('slots before the action was first applied, and in the two minutes after, are not expected', async () => {
  const applies = [sampleApply({ appliedAt: hour(1, 59), id: 'a' })];
  expect(states(await audit([], hour(3, 40), applies))).toEqual(['03:00 missed']);
});

test('a changed schedule is expected from its apply on, the old one until then', async () => {
  const daily = sampleAction({
    digest: 'f'.repeat(64),
    schedule: { ...sampleAction().schedule, timing: { kind: 'calendar', hour: 4, minute: 30, timezone: 'UTC' } },
  });
  const applies = [sampleApply(), sampleApply({ appliedAt: hour(2, 10), actions: [daily] })];
  expect(states(await audit([], hour(8), applies))).toEqual([
    '00:00 missed',
    '01:00 missed',
    '02:00 missed',
    '04:30 missed',
  ]);
});

test('an action that was removed is not expected any more', async () => {
  const applies = [sampleApply(), sampleApply({ appliedAt: hour(1, 10), actions: [] })];
  const result = await audit([good(0), good(1)], hour(8), applies);
  expect(result.figures).toMatchObject({ expected: 2, succeeded: 2, missed: 0 });
});

test('suspended slots are counted as such until the suspension ends', async () => {
  const suspended = sampleAction({ suspended: { reason: 'migration', until: hour(2) } });
  const result = await audit([good(2), good(3)], hour(3, 10), [sampleApply({ actions: [suspended] })]);
  expect(states(result)).toEqual(['00:00 suspended', '01:00 suspended']);
  expect(result.exceptions[0]?.reason).toBe('migration');
  expect(result.figures).toMatchObject({ suspended: 2, succeeded: 2, missed: 0 });
});

test('a host that may sleep is missed only after it was silent for longer than tolerated', async () => {
  const laptop = [sampleApply({ actions: [sampleAction({ offlineToleranceSeconds: 6 * 3600 })] })];
  const quiet = await audit([good(0)], hour(5), laptop);
  expect(quiet.figures.missed).toBe(4);
  expect(quiet.findings.every((finding) => finding.severity === 'notice')).toBe(true);
  const silent = await audit([good(0)], hour(7), laptop);
  expect(silent.findings.map((finding) => finding.severity)).toContain('critical');
});

test('a dry run is no run, and a run by hand fills no slot but makes data recoverable', async () => {
  const manual = good(1, {
    trigger: 'manual',
    scheduledAt: undefined,
    startedAt: hour(1, 50),
    finishedAt: hour(1, 55),
  });
  const dry = good(1, { dryRun: true });
  const result = await audit([good(0), manual, dry], hour(2, 20));
  expect(states(result)).toEqual(['01:00 missed']);
  expect(result.actions[0]).toMatchObject({ extra: 1, succeeded: 1, missed: 1 });
  expect(result.objectives[0]?.rpo).toMatchObject({ state: 'met', ageSeconds: 30 * 60 });
});

test('objectives: the age of the data counts from when it was read, and syncs do not count', async () => {
  const sync = good(2, { actionId: 'policy/orders/sync/standby', kind: 'sync' });
  const result = await audit([good(0, { finishedAt: hour(0, 29) }), sync], hour(2, 10));
  expect(result.objectives[0]?.rpo).toEqual({ seconds: 7200, state: 'missed', dataAt: hour(0), ageSeconds: 7800 });
});

test('objectives: the last restore test tells the recovery time; its proof is named', async () => {
  const id = 'policy/orders/restore-test';
  const actions = [sampleAction(), sampleAction({ id, kind: 'restore-test', target: 'offsite' })];
  const tested = good(1, {
    actionId: id,
    kind: 'restore-test',
    figures: {
      kind: 'restore-test',
      repository: 'offsite',
      snapshotTime: hour(0),
      filesRestored: 3,
      bytesRestored: 3,
      filesCompared: 3,
      filesTotal: 30,
      bytesTotal: 30,
      restoreSeconds: 400,
      bytesPerSecond: 1,
      estimatedFullRestoreSeconds: 4000,
      full: false,
      assertionsPassed: 0,
      assertionsFailed: 0,
      proven: true,
    },
  });
  const result = await audit([good(0), good(1), tested], hour(1, 30), [sampleApply({ actions })]);
  expect(result.objectives[0]).toMatchObject({
    rto: { seconds: 3600, estimatedSeconds: 4000, state: 'missed', measuredAt: hour(1) },
    provenAt: hour(1),
  });
  expect(result.findings).toContainEqual(expect.objectContaining({ code: 'objective/rto', subject: 'orders' }));

  const failed = { ...tested, figures: { ...tested.figures!, proven: false } as RestoreTestFigures };
  const unproven = await audit([good(0), good(1), failed], hour(1, 30), [sampleApply({ actions })]);
  expect(unproven.objectives[0]).toMatchObject({ rto: { seconds: 3600, state: 'unmeasured' } });
});

test('of all applies only those in force in the period are kept', async () => {
  const applies = [1, 2, 3, 4].map((day) => sampleApply({ appliedAt: `2026-11-0${day}T00:00:00.000Z` }));
  const kept = await appliesInForce(applies, new Date('2026-11-02T12:00:00Z'), new Date('2026-11-03T12:00:00Z'));
  expect(kept).toEqual(applies.slice(1, 3));
});

test('the text names the verdict, the objectives, the exceptions and what to do', async () => {
  const text = renderAudit(await audit([good(0)], hour(2, 59)));
  expect(text).toMatchInlineSnapshot(`
    "Audit of 2026-11-23T00:00:00.000Z to 2026-11-23T02:59:00.000Z (2h59m): needs attention
    In force: commit cccccccccccc (apply 20261101T000000Z-1f2e3d4c)
    3 runs expected: 1 good, 0 with findings, 0 failed, 2 missed, 0 suspended; 0 began late. 1 objective missed.

    Runs
      action                        expected  good  findings  failed  missed  late  skipped  suspended  paused  extra  last good
      policy/orders/backup/offsite  3         1     0         0       2       0     0        0          0       0      2026-11-23 00:01Z

    Objectives
      policy  RPO  age of data          RTO  restore takes              last proof
      orders  2h   2h59m        missed  1h   -              unmeasured  -

    Runs that were not as expected
      expected at        action                        what    why
      2026-11-23 01:00Z  policy/orders/backup/offsite  missed
      2026-11-23 02:00Z  policy/orders/backup/offsite  missed

    Findings
      critical  run/missed: 2 of 3 expected runs of policy/orders/backup/offsite did not happen, the last at 2026-11-23T02:00:00.000Z
                Look at holdfast runs orders, and whether engine and worker were running.
      critical  objective/rpo: the newest backup of orders is 2h59m old, older than its RPO of 2h
                Look at why its backups fail: holdfast runs orders; then: holdfast run orders backup
    "
  `);
});

test('what the last run of an action found is open, also when it was run by hand; a later good run closes it', async () => {
  const found = (code: string, severity: 'warning' | 'critical') =>
    good(1, { findings: [{ code, severity, subject: 's', message: 'the disk is broken' }] });
  const open = await audit([good(0), found('repository/damaged', 'critical')], hour(1, 30));
  expect(open.findings).toMatchObject([
    { code: 'run/findings', severity: 'critical', message: expect.stringContaining('found: the disk is broken') },
  ]);
  expect(open.figures).toMatchObject({ expected: 2, succeeded: 1, attention: 1, failed: 0 });
  expect(open.actions[0]).toMatchObject({ lastGoodAt: hour(0, 1) });
  expect(open.exceptions).toMatchObject([{ state: 'attention', reason: 'the disk is broken' }]);
  expect(renderAudit(open)).toContain('2 runs expected: 1 good, 1 with findings, 0 failed');
  const closed = await audit([good(0), found('repository/damaged', 'critical'), good(2)], hour(2, 30));
  expect([closed.findings, closed.figures.attention]).toEqual([[], 1]);
  const byHand = {
    trigger: 'manual' as const,
    scheduledAt: undefined,
    startedAt: hour(0, 30),
    finishedAt: hour(0, 31),
  };
  const failure = { code: 'run/no-repository', severity: 'critical' as const, subject: 's', message: 'no repository' };
  const failed = good(0, { ...byHand, outcome: 'failed', findings: [failure], snapshot: undefined });
  expect((await audit([good(0), failed], hour(0, 50))).findings.map(({ code }) => code)).toEqual(['run/failed']);
});

test('of many findings of one run an audit tells the worst, and how many more there are', async () => {
  const findings = Array.from({ length: 8 }, (_, index) => ({
    code: `access/${index}`,
    severity: index === 7 ? ('critical' as const) : ('warning' as const),
    subject: 's',
    message: `message ${index}`,
  }));
  const result = await audit([good(0, { findings })], hour(0, 50));
  expect(result.findings).toHaveLength(1);
  expect(result.findings[0]).toMatchObject({ code: 'run/findings', severity: 'critical' });
  expect(result.findings[0]?.message).toMatch(/found: message 7, and 7 more$/);
});

test('a restore test that proved nothing is not a good run', async () => {
  const actions = [sampleAction({ id: 'policy/orders/restore-test', kind: 'restore-test' })];
  const finding = { code: 'restore/no-snapshot', severity: 'warning' as const, subject: 's', message: 'm' };
  const run = good(0, { actionId: 'policy/orders/restore-test', kind: 'restore-test', findings: [finding] });
  run.figures = { kind: 'restore-test', proven: false, filesRestored: 0 } as RunRecord['figures'];
  const result = await audit([run], hour(0, 50), [sampleApply({ actions })]);
  expect(result.actions[0]).toMatchObject({ succeeded: 0, attention: 1 });
  expect(result.actions[0]?.lastGoodAt).toBeUndefined();
});

test('where nothing was due yet the text says that, instead of none of none', async () => {
  const run = good(0, { trigger: 'once', scheduledAt: undefined });
  const text = renderAudit(await audit([run], hour(0, 50), [sampleApply({ appliedAt: hour(0, -1) })]));
  expect(text).toContain('No scheduled run was due in this period yet, and 1 ran besides. 0 objectives missed.');
});

test('with nothing applied the audit says so, and does not fail', async () => {
  const result = await audit([], hour(2), []);
  expect(result.figures.expected).toBe(0);
  expect(renderAudit(result)).toContain('No policy was ever applied.');
});

const status = (runs: RunRecord[], now: string, actions: Action[] = [sampleAction()]) =>
  buildStatus({ apply: sampleApply({ actions }), runs, now: new Date(now) });

test('status: a good run, its age against the RPO, and the next one', async () => {
  const result = await status([good(0), good(1)], hour(1, 30));
  expect(result.failing).toBe(false);
  expect(result.policies[0]).toMatchObject({
    policy: 'orders',
    failing: false,
    objectives: { rpo: { state: 'met', ageSeconds: 1800 }, rto: { state: 'unmeasured' } },
    actions: [{ state: 'good', nextAt: hour(2), lastGood: { startedAt: hour(1) } }],
  });
});

test('status: a copy is as old as its newest snapshot, however late it ran, and counts for no RPO', async () => {
  const copies = sampleAction({ id: 'policy/orders/copy/away', kind: 'copy', target: 'away' });
  const copied = (at: string, newestSnapshotTime?: string): RunRecord =>
    good(1, {
      actionId: copies.id,
      kind: 'copy',
      startedAt: at,
      finishedAt: at,
      snapshot: undefined,
      figures: { kind: 'copy', ...(newestSnapshotTime && { newestSnapshotTime }) } as CopyFigures,
    });
  const runs = [copied(hour(2), hour(0)), copied(hour(1), hour(0, -30)), copied(hour(3)), good(0)];
  const { policies } = await status(runs, hour(3, 1), [sampleAction(), copies]);
  const of = (kind: string) => policies[0]?.actions.find((action) => action.kind === kind);
  expect(of('copy')?.dataAt).toBe(hour(0));
  expect(of('copy')?.lastGood?.startedAt).toBe(hour(3));
  expect(policies[0]?.objectives?.rpo.dataAt).toBe(of('backup')?.dataAt);
});

test('status: what should have run and has not is overdue, after grace and twice the time of the last run', async () => {
  expect((await status([good(0)], hour(1, 6))).policies[0]?.actions[0]?.state).toBe('good');
  expect((await status([good(0)], hour(1, 8))).policies[0]?.actions[0]).toMatchObject({
    state: 'overdue',
    overdueSince: hour(1),
  });
  expect((await status([], hour(1, 8))).policies[0]?.actions[0]?.state).toBe('overdue');
});

test('status: failures, findings and suspensions each have their state', async () => {
  const stateOf = async (changes: Partial<RunRecord>, actions?: Action[]) =>
    (await status([good(0), good(1, changes)], hour(1, 10), actions)).policies[0]?.actions[0]?.state;
  expect(await stateOf({ outcome: 'failed' })).toBe('failed');
  expect(await stateOf({ findings: [{ code: 'a', severity: 'warning', subject: 's', message: 'm' }] })).toBe(
    'attention',
  );
  expect(await stateOf({ findings: [{ code: 'a', severity: 'notice', subject: 's', message: 'm' }] })).toBe('good');
  expect(await stateOf({}, [sampleAction({ suspended: { reason: 'migration' } })])).toBe('suspended');
});

test('status: a suspension that is over leaves no slot owed; one that goes on says when the next run is', async () => {
  const own = async (until: string) => {
    const action = sampleAction({ suspended: { reason: 'migration', until } });
    return (await status([good(0)], hour(5, 1), [action])).policies[0]?.actions[0];
  };
  expect(await own(hour(4, 30))).toMatchObject({ state: 'good', nextAt: hour(6) });
  expect(await own(hour(8))).toMatchObject({ state: 'suspended', nextAt: hour(8) });
  expect(await own('2026-11-24')).toMatchObject({ nextAt: hour(24) });
});

test('status: applying again hides nothing that is overdue; a new schedule owes nothing yet', async () => {
  const apply = sampleApply({ id: 'second', appliedAt: hour(4, 10) });
  const stateAt = async (earlier: ApplyRecord[]) =>
    (await buildStatus({ apply, earlier, runs: [good(0)], now: new Date(hour(4, 30)) })).policies[0]?.actions[0];
  expect(await stateAt([sampleApply()])).toMatchObject({ state: 'overdue', overdueSince: hour(1) });
  const other = { ...sampleAction().schedule, missed: 'skip' as const };
  expect(await stateAt([sampleApply({ actions: [sampleAction({ schedule: other })] })])).toMatchObject({
    state: 'good',
  });
});

test('status: work on repositories and the project stands apart from policies', async () => {
  const check = sampleAction({ id: 'repository/offsite/check', kind: 'check', policy: undefined });
  const result = await status([good(0)], hour(0, 10), [sampleAction(), check]);
  expect(result.others.map((action) => action.actionId)).toEqual(['repository/offsite/check']);
});
