/** Pauses schedules for an operator, and lets them go on. */
import { setTimeout as delay } from 'node:timers/promises';
import { Client, ScheduleNotFoundError, type Connection } from '@temporalio/client';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { ActionRequest } from '../domain/action.ts';
import { scheduleOptionsFor } from './schedule-options.ts';

/** The server takes a change in, and shows it some milliseconds later. */
const SHOWN_WITHIN_MS = 10_000;
const POLL_MS = 20;

/** Runs that are going on end by themselves. Returns the ids of schedules that are not there. Throws EngineUnreachable. */
export async function pauseSchedules(
  connection: Connection,
  namespace: string,
  ids: readonly string[],
  { note, signal }: { note: string; signal: AbortSignal },
): Promise<string[]> {
  return eachSchedule(connection, namespace, ids, { state: () => ({ paused: true, note }), signal });
}

/**
 * Each gets the state that its action asks for: one that its policy suspends stays paused for that reason. Returns the
 * ids of schedules that are not there. Throws EngineUnreachable.
 */
export async function resumeSchedules(
  connection: Connection,
  namespace: string,
  requests: readonly ActionRequest[],
  { note, signal }: { note: string; signal: AbortSignal },
): Promise<string[]> {
  const asked = new Map(requests.map((request) => [request.action.id, scheduleOptionsFor(request).state]));
  const state = (id: string): State => {
    const own = asked.get(id);
    return own?.paused === true ? { paused: true, note: own.note ?? '' } : { paused: false, note };
  };
  return eachSchedule(connection, namespace, [...asked.keys()], { state, signal });
}

interface State {
  paused: boolean;
  note: string;
}

async function eachSchedule(
  connection: Connection,
  namespace: string,
  ids: readonly string[],
  { state, signal }: { state: (id: string) => State; signal: AbortSignal },
): Promise<string[]> {
  const client = new Client({ connection, namespace });
  const missing: string[] = [];
  for (const id of ids) {
    throwIfAborted(signal);
    try {
      await setState(client, id, state(id));
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
      missing.push(id);
    }
  }
  return missing;
}

/** A patch, which leaves everything else as another may be writing it; that it was taken is read back. */
async function setState(client: Client, id: string, { paused, note }: State): Promise<void> {
  const handle = client.schedule.getHandle(id);
  await (paused ? handle.pause(note) : handle.unpause(note));
  const deadline = performance.now() + SHOWN_WITHIN_MS;
  for (;;) {
    const { state } = await handle.describe();
    if (state.paused === paused && state.note === note) return;
    if (performance.now() > deadline)
      throw new HoldfastError('EngineUnreachable', `the engine did not ${paused ? 'pause' : 'resume'} ${id}`, {
        hint: 'see whether the engine works, and try again',
      });
    await delay(POLL_MS);
  }
}
