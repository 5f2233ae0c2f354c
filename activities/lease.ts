/** What all leases have in common: who holds one, when its holder is taken for dead, and what others are told. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, InterruptedError } from '../common/errors.ts';

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

export function isDead(document: LeaseDocument | undefined): boolean {
  if (document === undefined || document.host !== hostname()) return false;
  try {
    process.kill(document.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

export function inUse(subject: string, holder: string): HoldfastError {
  return new HoldfastError('RepositoryLocked', `${subject} is in use by ${holder}`, {
    hint: 'Wait until it is done; when that process is dead, its lease ends by itself after ten minutes.',
  });
}

export async function waitForLease(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new InterruptedError('interrupted while waiting for a lease', { cause });
  }
}
