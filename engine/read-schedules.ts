/** Reads holdfast's own schedules, and says what each of them was last made of. */
import { createHash } from 'node:crypto';
import { Client, type Connection } from '@temporalio/client';
import { canonicalJson } from '../common/canonical-json.ts';
import type { ActionRequest } from '../domain/action.ts';
import type { ScheduleState } from '../domain/plan.ts';
import { SUSPENDED_NOTE, scheduleOptionsFor, type ActionSchedule } from './schedule-options.ts';
import { listedTiming, timingText } from './schedule-shape.ts';
import { SCHEDULE_DIGEST } from './search-attributes.ts';

/** Whether a schedule runs, as the server has it. */
export interface Pause {
  paused: boolean;
  note?: string;
}

export interface OwnSchedule extends Pause {
  /** `scheduleDigest` of what was last applied to it. */
  digest: string | undefined;
  /** When it starts something, as `scheduleTiming` has it: others may have changed that since. */
  timing?: string | undefined;
}

/**
 * By their ids. Holdfast's own carry their digest; schedules of others in the namespace are not ours to touch. The
 * list lags some milliseconds behind creations and deletions.
 */
export async function listOwnSchedules(client: Client): Promise<Map<string, OwnSchedule>> {
  return (await listSchedules(client)).own;
}

/** Holdfast's own, and the ids of all others in the namespace. */
export async function listSchedules(client: Client): Promise<{ own: Map<string, OwnSchedule>; foreign: string[] }> {
  const own = new Map<string, OwnSchedule>();
  const foreign: string[] = [];
  for await (const { scheduleId, typedSearchAttributes, state, spec } of client.schedule.list({ pageSize: 1000 })) {
    const digest = typedSearchAttributes?.get(SCHEDULE_DIGEST);
    if (typeof digest === 'string') own.set(scheduleId, { digest, timing: listedTiming({ spec }), ...state });
    else foreign.push(scheduleId);
  }
  return { own, foreign };
}

/** What a plan needs to know of them. Throws EngineUnreachable. */
export async function readSchedules(connection: Connection, namespace: string): Promise<Map<string, ScheduleState>> {
  return statesOf(await readOwnSchedules(connection, namespace));
}

/** As the list has them now. Throws EngineUnreachable. */
export function readOwnSchedules(connection: Connection, namespace: string): Promise<Map<string, OwnSchedule>> {
  return listOwnSchedules(new Client({ connection, namespace }));
}

export function statesOf(own: ReadonlyMap<string, OwnSchedule>): Map<string, ScheduleState> {
  return new Map([...own].map(([id, schedule]) => [id, stateOf(schedule)]));
}

export function stateOf({ digest, timing, ...pause }: OwnSchedule): ScheduleState {
  return {
    digest,
    ...(timing === undefined ? {} : { timing }),
    ...(isOperators(pause) ? { pausedByOperator: pause.note ?? '' } : {}),
  };
}

/** A pause that is none of ours: it survives every apply. */
export function isOperators({ paused, note }: Pause): boolean {
  return paused && note?.startsWith(SUSPENDED_NOTE) !== true;
}

/** Of the schedule that a request asks for. */
export function scheduleDigest(request: ActionRequest): string {
  return digestOf(scheduleOptionsFor(request));
}

/** When the schedule that a request asks for starts something, as far as a listing shows it. */
export function scheduleTiming(request: ActionRequest): string {
  return timingText(scheduleOptionsFor(request).spec, { listed: true });
}

/** Over all that is asked for: a schedule as the server describes it never equals what was sent. */
export function digestOf(wanted: ActionSchedule): string {
  return createHash('sha256').update(canonicalJson(wanted)).digest('hex');
}
