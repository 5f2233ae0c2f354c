/** Lets one apply at a time change the schedules of a namespace: a lease, kept on the engine that all of them share. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, ScheduleAlreadyRunning, ScheduleNotFoundError, type Connection } from '@temporalio/client';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import { tookTooLong, unreachableOr } from './connection.ts';
import { identifyProcess, isAlive, type ProcessIdentity } from './process-identity.ts';
import { replaceSchedule } from './replace-schedule.ts';

/** A paused schedule without times, whose note says who holds the lease; there only while somebody applies. */
export const APPLY_LEASE_ID = 'holdfast/apply';

/** A holder that has not renewed for this long, by the clock of who waits, is gone. */
const EXPIRES_SECONDS = 60;
/** Of that time: when a holder renews, and when one that could not renew stops, well before others may take it. */
const RENEW_SHARE = 1 / 6;
const LOST_SHARE = 2 / 3;
/** A description of a schedule that has just been made anew can take much longer, and comes at once when asked again. */
const LOOK_LIMIT_MS = 10_000;
const POLL_MS = 250;
const TELL_AFTER_MS = 1000;

export interface LeaseOptions {
  /** For those who wait: `alice@app-01`. */
  by: string;
  waitSeconds: number;
  signal: AbortSignal;
  /** Told once, when somebody else holds it for more than a moment. */
  onWait?: (holder: string) => void;
  /** Default: 60; a test does not wait that long. */
  expiresSeconds?: number;
}

interface Holder {
  by: string;
  since: string;
  host: string;
  process?: ProcessIdentity;
  /** Tells holders apart. */
  nonce: string;
}

interface Seen {
  holder: Holder | undefined;
  token: Uint8Array | null;
}

/**
 * Runs the work while this process holds the lease. What a killed process has left is taken over: at once when it was
 * on this machine, else when it has not been renewed for a minute. The signal that the work gets fires when
 * somebody could have taken the lease, because this process did not come to renew it. Throws GuardRefused, naming the
 * holder, when the wait was in vain.
 */
export async function withApplyLease<Result>(
  connection: Connection,
  namespace: string,
  options: LeaseOptions,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const lease = new ApplyLease(new Client({ connection, namespace }), {
    by: options.by,
    since: new Date().toISOString(),
    host: hostname(),
    ...processOf(await identifyProcess(process.pid)),
    nonce: randomUUID(),
  });
  await lease.acquire(options);
  const stop = new AbortController();
  const lost = new AbortController();
  const renewing = lease.keep((options.expiresSeconds ?? EXPIRES_SECONDS) * 1000, stop.signal, lost);
  try {
    return await work(AbortSignal.any([options.signal, lost.signal]));
  } catch (error) {
    if (lost.signal.aborted && !options.signal.aborted) throw lost.signal.reason;
    throw error;
  } finally {
    stop.abort();
    await renewing;
    if (!lost.signal.aborted) await lease.release();
  }
}

function processOf(identity: ProcessIdentity | undefined): Pick<Holder, 'process'> {
  return identity === undefined ? {} : { process: identity };
}

class ApplyLease {
  readonly #client: Client;
  readonly #self: Holder;

  constructor(client: Client, self: Holder) {
    this.#client = client;
    this.#self = self;
  }

  async acquire({ waitSeconds, signal, onWait, expiresSeconds = EXPIRES_SECONDS }: LeaseOptions): Promise<void> {
    const started = performance.now();
    let told = false;
    let unchangedSince = started;
    let last: Uint8Array | null = null;
    for (;;) {
      throwIfAborted(signal);
      if (await this.#create()) return;
      const seen = await this.#look().catch(unlessLate);
      if (seen !== undefined) {
        if (!sameToken(seen.token, last)) [last, unchangedSince] = [seen.token, performance.now()];
        const isGone = performance.now() - unchangedSince > expiresSeconds * 1000 || (await isDead(seen.holder));
        if (isGone && (await this.#write(seen.token).catch(unlessLate))) return;
      }
      const waited = performance.now() - started;
      if (waited > waitSeconds * 1000) throw inVain(seen?.holder);
      if (!told && waited > TELL_AFTER_MS) {
        told = true;
        onWait?.(describe(seen?.holder));
      }
      await delay(POLL_MS);
    }
  }

  /** Renews until `stop` fires; `lost` fires when that did not succeed in time, or another holder is there. */
  async keep(expiresMs: number, stop: AbortSignal, lost: AbortController): Promise<void> {
    const lose = () => lost.abort(lostLease());
    // Also when the whole process slept: timers that are due come before anything else.
    const timer = setTimeout(lose, expiresMs * LOST_SHARE);
    try {
      while (!stop.aborted && !lost.signal.aborted) {
        await delay(expiresMs * RENEW_SHARE, undefined, { signal: stop }).catch(() => {});
        if (stop.aborted || lost.signal.aborted) return;
        const renewed = await this.#renew();
        if (renewed === 'renewed') timer.refresh();
        else if (renewed === 'taken') lose();
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async release(): Promise<void> {
    try {
      const seen = await this.#look();
      if (seen?.holder?.nonce === this.#self.nonce) await this.#client.schedule.getHandle(APPLY_LEASE_ID).delete();
    } catch {
      // The work is done; what stays is taken over by the next apply.
    }
  }

  /** `failed`: the engine does not answer, or not now. */
  async #renew(): Promise<'renewed' | 'taken' | 'failed'> {
    try {
      const seen = await this.#look();
      if (seen?.holder?.nonce !== this.#self.nonce) return 'taken';
      return (await this.#write(seen.token)) ? 'renewed' : 'failed';
    } catch {
      return 'failed';
    }
  }

  /** False when it is there already. */
  async #create(): Promise<boolean> {
    try {
      await this.#client.schedule.create(this.#options());
      return true;
    } catch (error) {
      if (error instanceof ScheduleAlreadyRunning) return false;
      throw error;
    }
  }

  /** undefined: it has just gone. */
  async #look(): Promise<Seen | undefined> {
    try {
      const handle = this.#client.schedule.getHandle(APPLY_LEASE_ID);
      const { raw, state } = await this.#client.withDeadline(Date.now() + LOOK_LIMIT_MS, () => handle.describe());
      return { holder: parseHolder(state.note), token: raw.conflictToken ?? null };
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return undefined;
      throw error;
    }
  }

  /** Whether it is this holder's now. */
  async #write(token: Uint8Array | null): Promise<boolean> {
    await replaceSchedule(this.#client, this.#options(), token);
    const seen = await this.#look();
    return seen?.holder?.nonce === this.#self.nonce && !sameToken(seen.token, token);
  }

  #options() {
    return {
      scheduleId: APPLY_LEASE_ID,
      spec: {},
      action: {
        type: 'startWorkflow' as const,
        // Never started: it is paused, and has no times.
        workflowType: 'none',
        taskQueue: 'holdfast-none',
        workflowId: APPLY_LEASE_ID,
      },
      state: { paused: true, note: JSON.stringify(this.#self) },
    };
  }
}

/** What takes too long is asked for again. */
function unlessLate(error: unknown): undefined {
  if (!tookTooLong(error)) throw unreachableOr(error);
}

function parseHolder(note: string | undefined): Holder | undefined {
  try {
    return JSON.parse(note ?? '') as Holder;
  } catch {
    return undefined;
  }
}

async function isDead(holder: Holder | undefined): Promise<boolean> {
  if (holder?.process === undefined || holder.host !== hostname()) return false;
  return !(await isAlive(holder.process));
}

function sameToken(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a !== null && b !== null && Buffer.from(a).equals(Buffer.from(b));
}

function describe(holder: Holder | undefined): string {
  return holder === undefined ? 'somebody' : `${holder.by}, since ${holder.since}`;
}

function inVain(holder: Holder | undefined): HoldfastError {
  return new HoldfastError('GuardRefused', `another apply is under way (${describe(holder)}), nothing was applied`, {
    hint: 'apply again when it has ended',
    retryable: true,
  });
}

function lostLease(): HoldfastError {
  return new HoldfastError('EngineUnreachable', 'the engine was out of reach for too long while applying', {
    hint: 'apply again: it finishes what is left',
  });
}
