/** What all leases have in common: who holds one, when its holder is taken for dead, and what others are told. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, InterruptedError, throwIfAborted } from '../common/errors.ts';

export const REFRESH_MS = 30_000;
/** Not refreshed for this long: its owner is dead, or has lost its disk. */
export const STALE_AFTER_MS = 10 * 60_000;
export const POLL_MS = 1000;

export interface LeaseDocument {
  token: string;
  pid: number;
  host: string;
  startedAt: string;
}

export interface Lease {
  /** Fires when somebody took the lease over: the work under it must stop. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export function newLease(): LeaseDocument {
  return { token: randomUUID(), pid: process.pid, host: hostname(), startedAt: new Date().toISOString() };
}

/** For messages. */
export function describeHolder(document: LeaseDocument | undefined): string {
  if (document === undefined) return 'an unknown process';
  return `process ${document.pid} on ${document.host}, since ${document.startedAt}`;
}

export interface LeaseOptions {
  signal?: AbortSignal;
  /** Default 0. */
  waitSeconds?: number;
  onWait?: (holder: string) => void;
  /** What is leased, for the error: `the sync target /mnt/standby`. */
  subject: string;
}

export function parseLease(text: string): LeaseDocument | undefined {
  try {
    return JSON.parse(text) as LeaseDocument;
  } catch {
    return undefined;
  }
}

/** Tokens of leases of this process whose work is over: where a network failure left one behind, nobody holds it. */
const givenBack = new Set<string>();

/** Runs `remove`. Where it fails, the lease counts as dead for this process, so that its next attempt need not wait for it. */
export async function giveBack({ token }: LeaseDocument, remove: () => Promise<void>): Promise<void> {
  givenBack.add(token);
  await remove();
  givenBack.delete(token);
}

export function isDead(document: LeaseDocument | undefined): boolean {
  if (document === undefined || document.host !== hostname()) return false;
  if (givenBack.has(document.token)) return true;
  try {
    process.kill(document.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/**
 * Tries until the lease is had: `attempt` returns it, or who holds it, or undefined when another attempt may succeed at
 * once. Throws RepositoryLocked (retryable), naming the holder, when the wait is over.
 */
export async function waitUntilLeased(
  { subject, signal, waitSeconds = 0, onWait }: LeaseOptions,
  pollMilliseconds: number,
  attempt: () => Promise<Lease | { holder: string } | undefined>,
): Promise<Lease> {
  const deadline = performance.now() + waitSeconds * 1000;
  for (;;) {
    throwIfAborted(signal);
    const found = await attempt();
    if (found === undefined) continue;
    if (!('holder' in found)) return found;
    if (performance.now() >= deadline) throw inUse(subject, found.holder);
    onWait?.(found.holder);
    await pause(pollMilliseconds, signal);
  }
}

function inUse(subject: string, holder: string): HoldfastError {
  return new HoldfastError('RepositoryLocked', `${subject} is in use by ${holder}`, {
    hint: 'Wait until it is done; when that process is dead, its lease ends by itself after ten minutes.',
  });
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new InterruptedError('interrupted while waiting for a lease', { cause });
  }
}
