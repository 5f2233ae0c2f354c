/** Brings Temporal's schedules in line with the actions in force: creates, updates and deletes holdfast's own, and no others. */
import { setTimeout as delay } from 'node:timers/promises';
import { Client, ScheduleAlreadyRunning, ScheduleNotFoundError, type Connection } from '@temporalio/client';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { ActionRequest } from '../domain/action.ts';
import { digestOf, isOperators, listOwnSchedules, type OwnSchedule, type Pause } from './read-schedules.ts';
import { replaceSchedule } from './replace-schedule.ts';
import { scheduleOptionsFor, type ActionSchedule } from './schedule-options.ts';
import { SCHEDULE_DIGEST } from './search-attributes.ts';

/** Ids of schedules, in the order of the requests. */
export interface ScheduleChanges {
  created: string[];
  updated: string[];
  deleted: string[];
  unchanged: string[];
  /** Paused by an operator, and left so. */
  pausedByOperator: string[];
}

/** Twenty at a time take half as long as one by one; more do not help. */
const CONCURRENCY = 20;

/** Lost races against other writers of the same schedule before giving up. */
const UPDATE_ATTEMPTS = 5;

/** Milliseconds are usual; beyond this the namespace is busy with others' schedules, and waiting helps no more. */
const LISTING_LAG_MS = 5000;
const LISTING_POLL_MS = 20;

export interface ApplyOptions {
  signal?: AbortSignal;
  /** Of operators' pauses: the notes that schedules get which are created paused, by id. */
  paused?: ReadonlyMap<string, string>;
}

/**
 * Idempotent: a schedule whose digest is as wanted is left alone, wherever an operator paused it. `requests` are the
 * actions in force with what their runs get, one for each schedule. Throws EngineUnreachable.
 */
export async function applySchedules(
  connection: Connection,
  namespace: string,
  requests: ActionRequest[],
  options: ApplyOptions = {},
): Promise<ScheduleChanges> {
  const client = new Client({ connection, namespace });
  const known = await listOwnSchedules(client);
  const changes: ScheduleChanges = { created: [], updated: [], deleted: [], unchanged: [], pausedByOperator: [] };
  await inParallel(requests, async (request) => {
    throwIfAborted(options.signal);
    const wanted = scheduleOptionsFor(request);
    const digest = digestOf(wanted);
    const note = options.paused?.get(wanted.scheduleId);
    const fresh = note === undefined ? wanted : { ...wanted, state: { paused: true, note } };
    const existing = known.get(wanted.scheduleId) ?? (await createOrFind(client, withDigest(fresh, digest)));
    if (existing === 'created') {
      changes.created.push(wanted.scheduleId);
      if (note !== undefined) changes.pausedByOperator.push(wanted.scheduleId);
    } else {
      const isCurrent = existing.digest === digest;
      const state = isCurrent ? existing : await update(client, wanted, digest);
      changes[isCurrent ? 'unchanged' : 'updated'].push(wanted.scheduleId);
      if (isOperators(state)) changes.pausedByOperator.push(wanted.scheduleId);
    }
  });
  const inForce = new Set(requests.map(({ action }) => action.id));
  const gone = [...known.keys()].filter((id) => !inForce.has(id));
  await inParallel(gone, (id) => remove(client, id));
  if (gone.length > 0) await untilUnlisted(client, gone, options.signal);
  return inOrder(requests, { ...changes, deleted: gone.toSorted() });
}

/** Runs that a schedule started and that are open keep going: a deleted schedule only starts no more. */
async function remove(client: Client, scheduleId: string): Promise<void> {
  try {
    await client.schedule.getHandle(scheduleId).delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

/**
 * The list lags behind a deletion: until it has caught up, the next apply would take a deleted schedule for one that is
 * there and as wanted, and leave it missing.
 */
async function untilUnlisted(client: Client, deleted: string[], signal: AbortSignal | undefined): Promise<void> {
  const deadline = performance.now() + LISTING_LAG_MS;
  for (;;) {
    throwIfAborted(signal);
    const listed = await listOwnSchedules(client);
    if (!deleted.some((id) => listed.has(id)) || performance.now() > deadline) return;
    await delay(LISTING_POLL_MS);
  }
}

/** What exists already although the list does not have it: listing lags a few milliseconds behind. */
async function createOrFind(client: Client, wanted: ActionSchedule): Promise<'created' | OwnSchedule> {
  try {
    await client.schedule.create(wanted);
    return 'created';
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const { typedSearchAttributes, state } = await client.schedule.getHandle(wanted.scheduleId).describe();
    return { digest: typedSearchAttributes.get(SCHEDULE_DIGEST), ...state };
  }
}

/** By its conflict token, which keeps a pause that an operator sets in the same moment. */
async function update(client: Client, wanted: ActionSchedule, digest: string): Promise<Pause> {
  const handle = client.schedule.getHandle(wanted.scheduleId);
  for (let attempt = 1; attempt <= UPDATE_ATTEMPTS; attempt++) {
    const { raw, state } = await handle.describe();
    const kept = { ...withDigest(wanted, digest), state: keepPause(wanted, state) };
    await replaceSchedule(client, kept, raw.conflictToken);
    const written = await handle.describe();
    if (written.typedSearchAttributes.get(SCHEDULE_DIGEST) === digest) return written.state;
  }
  throw new HoldfastError(
    'EngineUnreachable',
    `the schedule ${wanted.scheduleId} was changed by others all the while`,
    {
      hint: 'apply again',
    },
  );
}

/** An operator's pause survives; one of ours ends with its reason. */
function keepPause(wanted: ActionSchedule, current: Pause): ActionSchedule['state'] {
  return isOperators(current) ? { paused: true, note: current.note } : wanted.state;
}

function withDigest(wanted: ActionSchedule, digest: string): ActionSchedule {
  const pairs = wanted.typedSearchAttributes as { key: typeof SCHEDULE_DIGEST; value: string }[];
  return { ...wanted, typedSearchAttributes: [...pairs, { key: SCHEDULE_DIGEST, value: digest }] };
}

async function inParallel<Item>(items: Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, lane));
}

function inOrder(requests: ActionRequest[], changes: ScheduleChanges): ScheduleChanges {
  const order = new Map(requests.map(({ action }, index) => [action.id, index]));
  const sorted = (ids: string[]) => ids.toSorted((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
  return {
    created: sorted(changes.created),
    updated: sorted(changes.updated),
    deleted: changes.deleted,
    unchanged: sorted(changes.unchanged),
    pausedByOperator: sorted(changes.pausedByOperator),
  };
}
