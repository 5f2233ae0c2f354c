/** Looks at every schedule of a namespace as it really is, for who asks what has changed outside of holdfast. */
import { Client, ScheduleNotFoundError, type Connection } from '@temporalio/client';
import { forEachConcurrently } from '../common/concurrency.ts';
import { throwIfAborted } from '../common/errors.ts';
import type { ActionRequest } from '../domain/action.ts';
import type { InspectedSchedules } from '../domain/schedule-drift.ts';
import { digestOf, listSchedules, stateOf } from './read-schedules.ts';
import { scheduleOptionsFor } from './schedule-options.ts';
import { differencesOf } from './schedule-shape.ts';
import { SCHEDULE_DIGEST } from './search-attributes.ts';

const CONCURRENCY = 20;

/**
 * `requests`: of the actions in force, as they were applied. A listing does not show what a schedule starts, so each is
 * described; one that is not what was last applied anyway is not compared further. Throws EngineUnreachable.
 */
export async function inspectSchedules(
  connection: Connection,
  namespace: string,
  requests: readonly ActionRequest[],
  { signal }: { signal: AbortSignal },
): Promise<InspectedSchedules> {
  const client = new Client({ connection, namespace });
  const { own, foreign } = await listSchedules(client);
  const schedules = new Map([...own].map(([id, schedule]) => [id, stateOf(schedule)]));
  const altered = new Map<string, string[]>();
  const asked = new Set(requests.map(({ action }) => action.id));
  await forEachConcurrently(requests, CONCURRENCY, async (request) => {
    throwIfAborted(signal);
    const wanted = scheduleOptionsFor(request);
    const id = wanted.scheduleId;
    if (!own.has(id) && !foreign.includes(id)) return;
    try {
      const found = await client.schedule.getHandle(id).describe();
      const digest = found.typedSearchAttributes.get(SCHEDULE_DIGEST);
      // Whoever changes a schedule by hand may drop what it is known by.
      if (digest === undefined) altered.set(id, ['its search attributes']);
      else if (digest === digestOf(wanted)) {
        const differences = differencesOf(wanted, found);
        if (differences.length > 0) altered.set(id, differences);
      }
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    }
  });
  return { schedules, altered, foreign: foreign.filter((id) => !asked.has(id)) };
}
