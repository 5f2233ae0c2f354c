/** The times that we compute against those at which a real Temporal fires. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { forEachConcurrently } from '../../common/concurrency.ts';
import type { Schedule } from '../../domain/schedule.ts';
import { nextSlot } from '../../domain/schedule-slots.ts';
import { inspectSchedules } from '../../engine/inspect-schedules.ts';
import { applySchedules } from '../../engine/schedules.ts';
import { NEAR_CHANGES, scheduleAndInstant } from '../domain/random-schedules.ts';
import { requirePeer } from '../peers.ts';
import { someAction, someRequest } from './engine-fixture.ts';
import { useServer } from './use-server.ts';

const temporal = requirePeer('temporal');

const SCHEDULES = 100;
const SLOTS = 50;
const CALLS_AT_ONCE = 8;
/** Temporal knows years up to 2100. */
const END_OF_TIME = Date.UTC(2100, 0, 1);

function* slotsAfter(schedule: Schedule, after: Date): Generator<Date> {
  for (let slot = nextSlot(schedule, after); slot !== undefined; slot = nextSlot(schedule, slot)) {
    if (slot.getTime() >= END_OF_TIME) return;
    yield slot;
  }
}

/** For a message that can be read. */
function firstDifference(ours: readonly Date[], theirs: readonly Date[]): string | undefined {
  const length = Math.max(ours.length, theirs.length);
  const at = Array.from({ length }, (_, index) => index).find(
    (index) => ours[index]?.getTime() !== theirs[index]?.getTime(),
  );
  return at === undefined ? undefined : `${ours[at]?.toISOString()} is ${theirs[at]?.toISOString()} at Temporal`;
}

temporal.describe('The times of schedules on a real Temporal', () => {
  const engine = useServer('schedule-times', temporal);

  const timestamp = (time: Date) => ({ seconds: (time.getTime() / 1000) as never });
  const timesOf = async (scheduleId: string, after: Date, to: Date): Promise<Date[]> => {
    const { startTime } = await engine.connection.workflowService.listScheduleMatchingTimes({
      namespace: engine.server.engine.namespace,
      scheduleId,
      startTime: timestamp(after),
      endTime: timestamp(to),
    });
    return startTime.map(({ seconds }) => new Date(Number(seconds) * 1000));
  };

  temporal.it(
    `are ours, for the next ${SLOTS} of ${SCHEDULES} schedules of every form and in every kind of zone`,
    async () => {
      const samples = [...fc.sample(scheduleAndInstant, { seed: 20261130, numRuns: SCHEDULES }), ...NEAR_CHANGES];
      const idOf = (index: number) => `policy/p${index}/audit`;
      const requests = samples.map(({ schedule }, index) =>
        someRequest({ trigger: 'schedule', action: someAction({ id: idOf(index), schedule }) }),
      );
      await applySchedules(engine.connection, engine.server.engine.namespace, requests);
      const differences: unknown[] = [];
      await forEachConcurrently(samples.entries(), CALLS_AT_ONCE, async ([index, { block, schedule, from }]) => {
        const ours = slotsAfter(schedule, from).take(SLOTS).toArray();
        const theirs = await timesOf(idOf(index), from, ours.at(-1)!);
        const next = (await engine.client.schedule.getHandle(idOf(index)).describe()).info.nextActionTimes;
        const ourNext = slotsAfter(schedule, new Date(next[0]!.getTime() - 1))
          .take(next.length)
          .toArray();
        for (const different of [firstDifference(ours, theirs), firstDifference(ourNext, next)])
          if (different !== undefined) differences.push({ block, from: from.toISOString(), different });
      });
      expect(differences).toEqual([]);
      // Nor does any of them look as if somebody had changed it.
      const { altered } = await inspectSchedules(engine.connection, engine.server.engine.namespace, requests, {
        signal: new AbortController().signal,
      });
      expect([...altered]).toEqual([]);
      await applySchedules(engine.connection, engine.server.engine.namespace, []);
    },
  );
});
