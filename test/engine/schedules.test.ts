import { expect } from 'vitest';
import { applySchedules } from '../../engine/schedules.ts';
import type { Action, ActionRequest } from '../../domain/action.ts';
import type { Timing } from '../../domain/schedule.ts';
import { requirePeer } from '../peers.ts';
import { someAction, someRequest } from './engine-fixture.ts';
import { useServer } from './use-server.ts';

const temporal = requirePeer('temporal');

temporal.describe('Schedules on a real Temporal', () => {
  const engine = useServer('schedules', temporal);

  const request = (id: string, changes: Partial<Action> = {}): ActionRequest =>
    someRequest({ trigger: 'schedule', action: someAction({ id, ...changes }) });
  const apply = (...requests: ActionRequest[]) =>
    applySchedules(engine.connection, engine.server.engine.namespace, requests);
  const describe = (id: string) => engine.client.schedule.getHandle(id).describe();

  temporal.it(
    'are created once, left alone when nothing changed, updated when the request did, deleted when it is gone',
    async () => {
      const [a, b] = [request('policy/a/audit'), request('policy/b/audit')];
      expect(await apply(a, b)).toMatchObject({ created: ['policy/a/audit', 'policy/b/audit'], deleted: [] });
      expect(await apply(a, b)).toMatchObject({
        created: [],
        updated: [],
        unchanged: ['policy/a/audit', 'policy/b/audit'],
      });
      const changed = { ...b, applyId: '20261124T000000Z-00000000' };
      expect(await apply(a, changed)).toMatchObject({ updated: ['policy/b/audit'], unchanged: ['policy/a/audit'] });
      const args = (await describe('policy/b/audit')).action.args as [ActionRequest];
      expect(args[0].applyId).toBe('20261124T000000Z-00000000');
      expect(await apply(a)).toMatchObject({ deleted: ['policy/b/audit'], unchanged: ['policy/a/audit'] });
      expect(await apply()).toMatchObject({ deleted: ['policy/a/audit'] });
    },
  );

  temporal.it('name commit, author, action and digest as search attributes', async () => {
    const commit = { hash: 'c'.repeat(40), author: `Alice <${'a'.repeat(300)}@acme.example>`, dirty: false };
    await apply({ ...request('policy/named/audit', { policy: 'named' }), commit });
    const found: string[] = [];
    const query = `HoldfastCommit = '${'c'.repeat(40)}' AND HoldfastAuthor STARTS_WITH 'Alice' AND HoldfastPolicy = 'named'`;
    await expect
      .poll(async () => {
        found.length = 0;
        for await (const { scheduleId } of engine.client.schedule.list({ query })) found.push(scheduleId);
        return found;
      })
      .toEqual(['policy/named/audit']);
    await apply();
  });

  temporal.it('of others in the same namespace are left alone', async () => {
    await engine.client.schedule.create({
      scheduleId: 'someone-elses',
      spec: { intervals: [{ every: '1h' }] },
      action: { type: 'startWorkflow', workflowType: 'other', taskQueue: 'other' },
    });
    expect((await apply()).deleted).toEqual([]);
    await engine.client.schedule.getHandle('someone-elses').delete();
  });

  temporal.it('stay paused when an operator paused them, through an update', async () => {
    const one = request('policy/paused/audit');
    await apply(one);
    await engine.client.schedule.getHandle('policy/paused/audit').pause('moving the disk');
    const changes = await apply({ ...one, applyId: 'another' });
    expect(changes).toMatchObject({ updated: ['policy/paused/audit'], pausedByOperator: ['policy/paused/audit'] });
    expect((await describe('policy/paused/audit')).state).toMatchObject({ paused: true, note: 'moving the disk' });
    await apply();
  });

  temporal.it('of suspended actions are paused with the reason, and run again when the suspension ends', async () => {
    await apply(request('policy/s/audit', { suspended: { reason: 'migration' } }));
    expect((await describe('policy/s/audit')).state).toMatchObject({
      paused: true,
      note: 'suspended by policy: migration (commit cccccccccccc)',
    });
    await apply(request('policy/s/audit'));
    expect((await describe('policy/s/audit')).state.paused).toBe(false);
    await apply();
  });

  temporal.it('of actions that are suspended until a day begin on it by themselves', async () => {
    const suspended = { reason: 'migration', until: '2040-12-01' };
    const over = { reason: 'migration', until: '2026-01-01' };
    await apply(request('policy/until/audit', { suspended }), request('policy/over/audit', { suspended: over }));
    const { state, info } = await describe('policy/until/audit');
    expect([state.paused, info.nextActionTimes[0]?.toISOString()]).toEqual([false, '2040-12-01T00:00:00.000Z']);
    const resumed = await describe('policy/over/audit');
    expect(resumed.state.paused).toBe(false);
    expect(resumed.info.nextActionTimes[0]!.getTime() - Date.now()).toBeLessThan(86_400_000);
    await engine.client.schedule.getHandle('policy/until/audit').pause('moving the disk');
    const changed = { ...request('policy/until/audit', { suspended }), applyId: 'another' };
    expect(await apply(changed)).toMatchObject({ pausedByOperator: ['policy/until/audit'] });
    await apply();
  });

  const timings: [string, Timing, string[]][] = [
    [
      'intervals',
      { kind: 'interval', everySeconds: 3600, offsetSeconds: 754 },
      ['2026-11-23T00:12:34.000Z', '2026-11-23T01:12:34.000Z'],
    ],
    [
      'local times of a day',
      { kind: 'calendar', hour: 2, minute: 30, timezone: 'Europe/Berlin' },
      ['2026-11-23T01:30:00.000Z', '2026-11-24T01:30:00.000Z'],
    ],
    [
      'local times of a weekday, also at midnight',
      { kind: 'calendar', day: 'tuesday', hour: 0, minute: 0, timezone: 'UTC' },
      ['2026-11-24T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    ],
    [
      'cron expressions',
      { kind: 'cron', expression: '30 2 * * 1-5', timezone: 'Asia/Tokyo' },
      ['2026-11-23T17:30:00.000Z', '2026-11-24T17:30:00.000Z'],
    ],
  ];
  for (const [title, timing, expected] of timings)
    temporal.it(`start at the slots of ${title}`, async () => {
      const action = someAction({ id: 'policy/t/audit' });
      await apply(request('policy/t/audit', { schedule: { ...action.schedule, timing } }));
      const { startTime } = await engine.connection.workflowService.listScheduleMatchingTimes({
        namespace: engine.server.engine.namespace,
        scheduleId: 'policy/t/audit',
        startTime: { seconds: (Date.parse('2026-11-23T00:00:01Z') / 1000) as never },
        endTime: { seconds: (Date.parse('2026-12-10T00:00:00Z') / 1000) as never },
      });
      const slots = startTime.map(({ seconds }) => new Date(Number(seconds) * 1000).toISOString());
      expect(slots.slice(0, 2)).toEqual(expected);
      await apply();
    });
});
