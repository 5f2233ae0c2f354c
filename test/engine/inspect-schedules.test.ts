import { randomUUID } from 'node:crypto';
import { ScheduleOverlapPolicy, type ScheduleUpdateOptions } from '@temporalio/client';
import { expect } from 'vitest';
import type { Action, ActionRequest } from '../../domain/action.ts';
import type { Timing } from '../../domain/schedule.ts';
import { inspectSchedules } from '../../engine/inspect-schedules.ts';
import { readSchedules } from '../../engine/read-schedules.ts';
import { applySchedules } from '../../engine/schedules.ts';
import { requirePeer } from '../peers.ts';
import { someAction, someRequest } from './engine-fixture.ts';
import { useServer } from './use-server.ts';

const temporal = requirePeer('temporal');

temporal.describe('What schedules on a real Temporal really are', () => {
  const engine = useServer('inspect', temporal);

  const request = (id: string, changes: Partial<Action> = {}): ActionRequest =>
    someRequest({ trigger: 'schedule', action: someAction({ id, ...changes }) });
  const apply = (requests: ActionRequest[], refresh = false) =>
    applySchedules(engine.connection, engine.server.engine.namespace, requests, { refresh });
  const inspect = (requests: ActionRequest[]) =>
    inspectSchedules(engine.connection, engine.server.engine.namespace, requests, {
      signal: AbortSignal.timeout(60_000),
    });

  const TIMINGS: Timing[] = [
    ...[60, 900, 3600, 21_600, 86_400, 604_800].map((everySeconds, index): Timing => ({
      kind: 'interval',
      everySeconds,
      offsetSeconds: index * 7,
    })),
    ...['UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'America/Santiago', 'Asia/Tokyo'].flatMap(
      (timezone): Timing[] => [
        { kind: 'calendar', hour: 2, minute: 30, timezone },
        { kind: 'calendar', day: 'sunday', hour: 0, minute: 0, timezone },
        { kind: 'calendar', day: 'saturday', hour: 23, minute: 59, timezone },
        ...[
          '30 2 * * 1-5',
          '*/7 * * * *',
          '0 0,12 1,15 * *',
          '5/20 4-6 * JAN-MAR,Dec 7',
          '0 0 29 2 *',
          '59 23 31 * Fri-6',
          '*/5 */2 * * *',
        ].map((expression): Timing => ({ kind: 'cron', expression, timezone })),
      ],
    ),
  ];

  temporal.it(
    'is what was applied, for every kind of schedule',
    async () => {
      const requests = TIMINGS.map((timing, index) => {
        const missed = (['latest', 'skip', 'all'] as const)[index % 3]!;
        const schedule = { ...someAction().schedule, timing, missed, jitterSeconds: index % 4 === 0 ? 30 : 0 };
        const suspended =
          index % 5 === 0 ? { reason: 'migration', ...(index % 2 === 0 ? { until: '2040-12-01' } : {}) } : undefined;
        return request(`policy/t${index}/audit`, { schedule, ...(suspended && { suspended }) });
      });
      await apply(requests);
      // The list lags behind.
      const listed = async () => (await readSchedules(engine.connection, engine.server.engine.namespace)).size;
      await expect.poll(listed, { timeout: 20_000 }).toBe(TIMINGS.length);
      const { altered, foreign } = await inspect(requests);
      expect([...altered], 'taken for changed').toEqual([]);
      expect(foreign).toEqual([]);
      // The listing says the same, or each apply would write them again.
      expect((await apply(requests)).unchanged).toHaveLength(TIMINGS.length);
      await apply([]);
    },
    120_000,
  );

  temporal.it('shows what somebody has changed, and an apply puts it back', async () => {
    const one = request('policy/a/audit');
    await apply([one]);
    const handle = engine.client.schedule.getHandle('policy/a/audit');
    type Previous = Parameters<Parameters<typeof handle.update>[0]>[0];
    const change = (edit: (previous: Previous) => Partial<Previous>) =>
      handle.update((previous) => ({ ...previous, ...edit(previous) }) as ScheduleUpdateOptions);
    const changed = async () => (await inspect([one])).altered.get('policy/a/audit');

    await change(() => ({ spec: { intervals: [{ every: '2h' }] } as never }));
    expect(await changed()).toEqual(['its times']);
    await expect.poll(async () => (await apply([one])).updated, { timeout: 20_000 }).toEqual(['policy/a/audit']);
    expect(await changed()).toBeUndefined();

    await change(({ policies }) => ({ policies: { ...policies, overlap: ScheduleOverlapPolicy.ALLOW_ALL } }));
    await change(({ action }) => ({
      action: { ...action, args: [{ ...one, dryRun: true }], workflowExecutionTimeout: '1h' as never },
    }));
    expect(await changed()).toEqual([
      'what its runs do',
      'the time limit of its runs (1d1m → 1h)',
      'what overlapping runs do (SKIP → ALLOW_ALL)',
    ]);
    await apply([one], true);
    expect(await changed()).toBeUndefined();
    await apply([]);
  });

  temporal.it('tells schedules that are missing, and those of others', async () => {
    const [here, gone] = [request('policy/here/audit'), request('policy/gone/audit')];
    await apply([here, gone]);
    await engine.client.schedule.getHandle('policy/gone/audit').delete();
    const other = `other-${randomUUID()}`;
    const action = { type: 'startWorkflow', workflowType: 'other', taskQueue: 'other' } as const;
    await engine.client.schedule.create({ scheduleId: other, spec: { intervals: [{ every: '1h' }] }, action });
    await expect
      .poll(
        async () => {
          const { schedules, foreign } = await inspect([here, gone]);
          return [[...schedules.keys()], foreign];
        },
        { timeout: 20_000 },
      )
      .toEqual([['policy/here/audit'], [other]]);
  });
});
