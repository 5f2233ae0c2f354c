import { expect, test } from 'vitest';
import type { ApplyRecord } from '../../domain/apply-record.ts';
import { buildAudit } from '../../domain/audit.ts';
import { renderAudit } from '../../domain/audit-text.ts';
import type { PauseRecord } from '../../domain/pause-record.ts';
import { openPauses, pausesToKeep, pauseSpans } from '../../domain/pauses.ts';
import { buildStatus } from '../../domain/status.ts';
import { suspensionsOf, suspensionSteps } from '../../domain/suspensions.ts';
import { sampleAction, sampleApply, sampleRun } from '../evidence/sample-records.ts';

const FROM = new Date('2026-11-23T00:00:00Z');
const hour = (value: number, minute = 0): string =>
  new Date(FROM.getTime() + value * 3_600_000 + minute * 60_000).toISOString();
const BACKUP = sampleAction().id;

function record(step: PauseRecord['step'], at: string, changes: Partial<PauseRecord> = {}): PauseRecord {
  const reason = step === 'pause' ? { reason: 'moving the disk' } : {};
  return {
    format: 'holdfast-pause/1',
    id: `${at}-${step}`,
    step,
    at,
    by: 'alice@app-01',
    ...reason,
    subject: 'orders',
    actions: [BACKUP],
    ...changes,
  };
}

const run = (slotHour: number) =>
  sampleRun({
    scheduledAt: hour(slotHour),
    startedAt: hour(slotHour),
    finishedAt: hour(slotHour, 1),
    snapshot: { repository: 'offsite', repositoryId: 'r', snapshotId: 's' },
  });
const PAUSED = [record('pause', hour(0, 30)), record('resume', hour(2, 30), { by: 'bob@app-01' })];

test('a pause lasts until it is resumed, or until it is paused for another reason', () => {
  const again = record('pause', hour(1), { reason: 'the disk is late', by: 'bob@app-01' });
  expect(pauseSpans([PAUSED[0]!, again, PAUSED[1]!]).get(BACKUP)).toEqual([
    { since: hour(0, 30), until: hour(1), by: 'alice@app-01', reason: 'moving the disk' },
    { since: hour(1), until: hour(2, 30), by: 'bob@app-01', reason: 'the disk is late', resumedBy: 'bob@app-01' },
  ]);
  expect(openPauses(PAUSED)).toEqual(new Map());
  expect(openPauses([...PAUSED, again]).get(BACKUP)).toMatchObject({ reason: 'the disk is late' });
});

test('runs that did not happen in a pause are told as paused, by whom and why, and not as missed', async () => {
  const input = { applies: [sampleApply()], runs: [run(0), run(3)], from: FROM, to: new Date(hour(3, 10)) };
  const audit = await buildAudit({ ...input, pauses: PAUSED });
  expect(audit.exceptions.map(({ expectedAt, state, reason }) => [expectedAt, state, reason])).toEqual([
    [hour(1), 'paused', `paused by alice@app-01 since ${hour(0, 30)}: moving the disk`],
    [hour(2), 'paused', `paused by alice@app-01 since ${hour(0, 30)}: moving the disk`],
  ]);
  expect(audit.figures).toMatchObject({ expected: 4, succeeded: 2, missed: 0, paused: 2 });
  expect(audit.findings).toEqual([]);
  expect(renderAudit(audit)).toContain('0 missed, 0 suspended, 2 paused;');
  expect(renderAudit(audit)).toMatch(
    /2026-11-23 00:30Z +2026-11-23 02:30Z +policy\/orders\/backup\/offsite +alice@app-01/,
  );
  // The same without the records is a failure of the engine.
  expect((await buildAudit(input)).figures).toMatchObject({ missed: 2, paused: 0 });
});

test('after a pause what is missed is missed again', async () => {
  const audit = await buildAudit({
    applies: [sampleApply()],
    runs: [run(0)],
    pauses: PAUSED,
    from: FROM,
    to: new Date(hour(4)),
  });
  expect(audit.exceptions.map(({ state }) => state)).toEqual(['paused', 'paused', 'missed']);
  expect(audit.actions[0]?.pausedBy).toBeUndefined();
});

test('status shows a pause with its reason instead of what is overdue, and what it kept back is owed by nobody', async () => {
  const at = async (now: string, pauses: PauseRecord[]) =>
    (await buildStatus({ apply: sampleApply(), runs: [run(0)], pauses, now: new Date(now) })).policies[0]!;
  expect((await at(hour(2, 10), [])).actions[0]?.state).toBe('overdue');
  const paused = await at(hour(2, 10), PAUSED.slice(0, 1));
  expect(paused.actions[0]).toMatchObject({
    state: 'paused',
    paused: { by: 'alice@app-01', reason: 'moving the disk' },
  });
  expect(paused.actions[0]).not.toHaveProperty('nextAt');
  expect((await at(hour(2, 40), PAUSED)).actions[0]).toMatchObject({ state: 'good', nextAt: hour(3) });
  // The data gets no younger by it: a pause that is forgotten does not stay silent.
  expect(await at(hour(6), PAUSED.slice(0, 1))).toMatchObject({
    failing: true,
    objectives: { rpo: { state: 'missed' } },
  });
});

test('a schedule that is made anew is paused as its records say, or as the engine has it under the former name', () => {
  const renamed = sampleAction({ id: 'policy/sales/backup/offsite', policy: 'sales' });
  const settings = { ...renamed.settings, formerly: ['orders'] } as typeof renamed.settings;
  const actions = [{ ...renamed, settings }];
  const note = `paused by alice@app-01 at ${hour(0, 30)}: moving the disk`;
  const pauses = PAUSED.slice(0, 1);
  expect(pausesToKeep(actions, pauses, new Map())).toEqual(new Map([[renamed.id, note]]));
  const byHand = new Map([[BACKUP, { digest: 'd', pausedByOperator: 'by hand' }]]);
  expect(pausesToKeep(actions, [], byHand)).toEqual(new Map([[renamed.id, 'by hand']]));
  const resumedByHand = new Map([[BACKUP, { digest: 'd' }]]);
  expect(pausesToKeep(actions, pauses, resumedByHand)).toEqual(new Map());
});

test('a suspension is of the author of the commit that first had it', async () => {
  const suspended = { reason: 'migration' };
  const of = (hash: string, appliedHour: number, changes: Partial<ApplyRecord['actions'][0]>, dirty = false) =>
    sampleApply({
      id: hash,
      appliedAt: hour(appliedHour),
      appliedBy: 'carol@ci',
      commit: { hash, author: `${hash} <x@acme.example>`, dirty },
      actions: [sampleAction(changes)],
    });
  const applies = [of('a', 0, {}), of('b', 1, { suspended }), of('c', 2, { suspended, digest: 'f'.repeat(64) })];
  expect(suspensionsOf(applies).get(BACKUP)).toEqual({
    reason: 'migration',
    by: 'b <x@acme.example>',
    since: hour(1),
    commit: 'b',
  });
  expect(suspensionsOf([of('a', 0, { suspended }, true)]).get(BACKUP)?.by).toBe('carol@ci');
  expect(suspensionsOf([...applies, of('d', 3, {})]).size).toBe(0);
  const { actions } = (
    await buildStatus({ apply: applies[2], earlier: applies.slice(0, 2), runs: [], now: new Date(hour(3)) })
  ).policies[0]!;
  expect(actions[0]).toMatchObject({ state: 'suspended', suspended: { by: 'b <x@acme.example>', since: hour(1) } });
});

test('each suspension that came, changed or went is a step, but not one that ended by its date or got another name', async () => {
  const step = (at: number, actions: Partial<ApplyRecord['actions'][0]>[]) =>
    sampleApply({
      id: String(at),
      appliedAt: hour(at),
      appliedBy: 'carol@ci',
      commit: { hash: `c${at}`, author: `a${at}`, dirty: false },
      actions: actions.map(sampleAction),
    });
  const check = { id: 'policy/orders/access-check', kind: 'access-check' as const };
  const suspended = { reason: 'migration' };
  const dated = { reason: 'move', until: hour(5) };
  const settings = { ...sampleAction().settings, formerly: ['orders'] } as never;
  const renamed = { id: 'policy/sales/backup/offsite', policy: 'sales', settings };
  const told = await suspensionSteps([
    step(0, [{}, check]),
    step(1, [{ suspended }, { ...check, suspended }]),
    step(2, [{ suspended }, { ...check, suspended }]),
    step(3, [{ suspended: dated }, check]),
    step(4, [{ ...renamed, suspended: dated }, check]),
    step(6, [renamed, check]),
  ]);
  const format = 'holdfast-suspension/1';
  const subject = 'orders';
  expect(told).toEqual([
    {
      format,
      step: 'suspend',
      at: hour(1),
      by: 'a1',
      commit: 'c1',
      ...suspended,
      subject,
      actions: [BACKUP, check.id],
    },
    { format, step: 'suspend', at: hour(3), by: 'a3', commit: 'c3', ...dated, subject, actions: [BACKUP] },
    { format, step: 'unsuspend', at: hour(3), by: 'a3', commit: 'c3', ...suspended, subject, actions: [check.id] },
  ]);
});
