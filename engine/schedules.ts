/** Brings Temporal's schedules in line with the actions in force: creates, updates and deletes holdfast's own, and no others. */
import { setTimeout as delay } from 'node:timers/promises';
import { Client, ScheduleAlreadyRunning, ScheduleNotFoundError, type Connection } from '@temporalio/client';
import { forEachConcurrently } from '../common/concurrency.ts';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { ActionRequest } from '../domain/action.ts';
import { patiently } from './connection.ts';
import { digestOf, isOperators, listOwnSchedules, type OwnSchedule, type Pause } from './read-schedules.ts';
import { replaceSchedule } from './replace-schedule.ts';
import { scheduleOptionsFor, type ActionSchedule } from './schedule-options.ts';
import { listedTiming, timingText } from './schedule-shape.ts';
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

/** Enough to keep the server busy; with more, each call takes longer, and those of others who use it, too. */
const CONCURRENCY = 8;

/** Lost races against other writers of the same schedule before giving up. */
const UPDATE_ATTEMPTS = 5;

/** Milliseconds are usual; beyond this the server is busy with others' work: what it has not taken by then is looked at again. */
const LISTING_LAG_MS = 5000;
/** What the server needs for each change before its list shows it, on a machine that is busy. */
const LISTING_LAG_EACH_MS = 50;
const LISTING_POLL_MS = 20;

export interface ApplyOptions {
  signal?: AbortSignal;
  /** Of operators' pauses: the notes that schedules get which are created paused, by id. */
  paused?: ReadonlyMap<string, string>;
  /** Also writes schedules that look as they were applied: a listing does not show what they start. */
  refresh?: boolean;
  /** What was listed a moment ago; default: it is listed now, which takes a server a second for each thousand. */
  listed?: ReadonlyMap<string, OwnSchedule>;
}

/**
 * Idempotent: a schedule whose digest and times are as wanted is left alone, wherever an operator paused it. `requests` are the
 * actions in force with what their runs get, one for each schedule. Throws EngineUnreachable.
 */
export async function applySchedules(
  connection: Connection,
  namespace: string,
  requests: ActionRequest[],
  { signal, paused, refresh = false, listed }: ApplyOptions = {},
): Promise<ScheduleChanges> {
  const client = new Client({ connection, namespace });
  const known = listed ?? (await listOwnSchedules(client));
  const changes: ScheduleChanges = { created: [], updated: [], deleted: [], unchanged: [], pausedByOperator: [] };
  const outdated: Wanted[] = [];
  await inParallel(requests, signal, async (request) => {
    const wanted = wantedOf(request);
    const { scheduleId } = wanted.options;
    const note = paused?.get(scheduleId);
    const fresh = note === undefined ? wanted.options : { ...wanted.options, state: { paused: true, note } };
    const existing = known.get(scheduleId) ?? (await createOrFind(client, fresh));
    if (existing === 'created') {
      changes.created.push(scheduleId);
      if (note !== undefined) changes.pausedByOperator.push(scheduleId);
      return;
    }
    if (existing.digest !== wanted.digest) return void outdated.push(wanted);
    if (refresh || !isAtItsTimes(existing, wanted)) return void outdated.push({ ...wanted, isAltered: true });
    changes.unchanged.push(scheduleId);
    if (isOperators(existing)) changes.pausedByOperator.push(scheduleId);
  });
  changes.pausedByOperator.push(...(await updateAll(client, outdated, signal)));
  changes.updated = outdated.map(({ options }) => options.scheduleId);
  const inForce = new Set(requests.map(({ action }) => action.id));
  changes.deleted = [...known.keys()].filter((id) => !inForce.has(id)).toSorted();
  await inParallel(changes.deleted, signal, (id) => remove(client, id));
  // Until the list has caught up, the next apply would take a deleted schedule for one that is there and as wanted.
  await untilListed(client, changes.deleted, (id, listed) => !listed.has(id), signal);
  return inOrder(requests, changes);
}

interface Wanted {
  options: ActionSchedule;
  digest: string;
  /** It has its digest, and is to be written all the same. */
  isAltered?: true;
}

function wantedOf(request: ActionRequest): Wanted {
  const options = scheduleOptionsFor(request);
  const digest = digestOf(options);
  const pairs = options.typedSearchAttributes as { key: typeof SCHEDULE_DIGEST; value: string }[];
  return {
    digest,
    options: { ...options, typedSearchAttributes: [...pairs, { key: SCHEDULE_DIGEST, value: digest }] },
  };
}

/** Not where somebody else has changed them: what was applied is put back. */
function isAtItsTimes({ timing }: OwnSchedule, { options }: Wanted): boolean {
  return timing === undefined || timing === timingText(options.spec, { listed: true });
}

/** Runs that a schedule started and that are open keep going: a deleted schedule only starts no more. */
async function remove(client: Client, scheduleId: string): Promise<void> {
  try {
    await patiently(() => client.schedule.getHandle(scheduleId).delete());
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

/**
 * The list lags behind what is written, by milliseconds where the server has nothing else to do. Returns what it has not
 * caught up with in time.
 */
async function untilListed(
  client: Client,
  ids: readonly string[],
  isSeen: (id: string, listed: ReadonlyMap<string, OwnSchedule>) => boolean,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  let left = [...ids];
  let pauseMs = LISTING_POLL_MS;
  const deadline = performance.now() + LISTING_LAG_MS + ids.length * LISTING_LAG_EACH_MS;
  while (left.length > 0) {
    throwIfAborted(signal);
    const started = performance.now();
    const listed = await listOwnSchedules(client);
    left = left.filter((id) => !isSeen(id, listed));
    if (started > deadline) break;
    // Thousands take seconds to list: the server is to have time for what is waited for, too.
    pauseMs = Math.max(Math.min(1000, pauseMs * 2), 3 * (performance.now() - started));
    if (left.length > 0) await delay(pauseMs);
  }
  return left;
}

/** What exists already although the list does not have it: listing lags a few milliseconds behind. */
async function createOrFind(client: Client, wanted: ActionSchedule): Promise<'created' | OwnSchedule> {
  try {
    await patiently(() => client.schedule.create(wanted));
    return 'created';
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const handle = client.schedule.getHandle(wanted.scheduleId);
    const { typedSearchAttributes, state, spec } = await patiently(() => handle.describe());
    return { digest: typedSearchAttributes.get(SCHEDULE_DIGEST), timing: listedTiming({ spec }), ...state };
  }
}

/**
 * Each by its conflict token, which keeps a pause that an operator sets in the same moment: the server drops such a write
 * silently, and the list tells of which. Descriptions are what costs the server most. Returns those that an operator
 * has paused.
 */
async function updateAll(
  client: Client,
  outdated: readonly Wanted[],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const paused = new Map<string, boolean>();
  const wantedById = new Map(outdated.map((wanted) => [wanted.options.scheduleId, wanted]));
  let left = [...outdated];
  for (let attempt = 1; attempt <= UPDATE_ATTEMPTS && left.length > 0; attempt++) {
    await inParallel(left, signal, async ({ options, digest, isAltered }) => {
      const handle = client.schedule.getHandle(options.scheduleId);
      const { raw, state, typedSearchAttributes } = await patiently(() => handle.describe());
      paused.set(options.scheduleId, isOperators(state));
      if (typedSearchAttributes.get(SCHEDULE_DIGEST) === digest && isAltered === undefined) return;
      const kept = { ...options, state: keepPause(options, state) };
      await patiently(() => replaceSchedule(client, kept, raw.conflictToken));
    });
    const ids = left.map(({ options }) => options.scheduleId);
    const lost = await untilListed(client, ids, (id, listed) => isWritten(wantedById.get(id)!, listed.get(id)), signal);
    left = left.filter(({ options }) => lost.includes(options.scheduleId));
  }
  if (left.length === 0) return [...paused].filter(([, isPaused]) => isPaused).map(([id]) => id);
  throw new HoldfastError(
    'EngineUnreachable',
    `the schedule ${left[0]!.options.scheduleId} was changed by others all the while`,
    { hint: 'apply again' },
  );
}

function isWritten(wanted: Wanted, listed: OwnSchedule | undefined): boolean {
  if (listed === undefined || listed.digest !== wanted.digest) return false;
  return wanted.isAltered === undefined || isAtItsTimes(listed, wanted);
}

/** An operator's pause survives; one of ours ends with its reason. */
function keepPause(wanted: ActionSchedule, current: Pause): ActionSchedule['state'] {
  return isOperators(current) ? { paused: true, note: current.note } : wanted.state;
}

async function inParallel<Item>(
  items: readonly Item[],
  signal: AbortSignal | undefined,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  await forEachConcurrently(items, CONCURRENCY, async (item) => {
    throwIfAborted(signal);
    await work(item);
  });
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
