/** Lock documents: who works on the repository, and since when (restic's doc/design.rst, "Locks"). */
import { hostname, userInfo } from 'node:os';
import { IntegrityError } from '../common/errors.ts';
import { goJson } from './go-json.ts';
import { formatGoTime } from './go-time.ts';
import { parseJsonObject, textOf } from './json-object.ts';

/** A process, as other processes can find it again. */
export interface LockHolder {
  hostname: string;
  username: string;
  pid: number;
  uid?: number;
  gid?: number;
}

export interface LockDocument extends LockHolder {
  /** When it was last refreshed. */
  time: Date;
  exclusive: boolean;
}

/** Without a refresh for this long, its process is thought dead. */
export const STALE_MILLISECONDS = 30 * 60 * 1000;

/** This process. */
export function currentHolder(): LockHolder {
  const { username, uid, gid } = userInfo();
  return { hostname: hostname(), username, pid: process.pid, uid, gid };
}

export function encodeLock(lock: LockDocument): Buffer {
  const { time, exclusive, hostname: host, username, pid, uid, gid } = lock;
  return Buffer.from(
    goJson({
      time: formatGoTime(BigInt(time.getTime()) * 1_000_000n),
      exclusive,
      hostname: host,
      username,
      pid,
      // restic leaves out what is 0.
      uid: uid || undefined,
      gid: gid || undefined,
    }),
  );
}

/** Throws IntegrityError for a document that says neither when nor for what. */
export function decodeLock(plain: Buffer, id: string): LockDocument {
  const { time: written, exclusive, hostname: host, username, pid, uid, gid } = parseJsonObject(plain, `lock ${id}`);
  const time = new Date(textOf(written));
  if (Number.isNaN(time.getTime())) throw new IntegrityError(`lock ${id} has no time`);
  return {
    time,
    exclusive: exclusive === true,
    hostname: textOf(host),
    username: textOf(username),
    pid: typeof pid === 'number' ? pid : 0,
    ...(typeof uid === 'number' ? { uid } : {}),
    ...(typeof gid === 'number' ? { gid } : {}),
  };
}

/** Whether its process can be thought dead: not refreshed for long, or gone from this host. */
export function isStale(lock: LockDocument, now: Date, host = hostname(), alive = isProcessAlive): boolean {
  if (now.getTime() - lock.time.getTime() > STALE_MILLISECONDS) return true;
  return lock.hostname === host && !alive(lock.pid);
}

/** `exclusive lock of root on db-01 (PID 4711), refreshed 2026-11-23 02:05:00 UTC` */
export function describeLock(lock: LockDocument): string {
  const time = lock.time.toISOString().slice(0, 19).replace('T', ' ');
  const kind = lock.exclusive ? 'exclusive' : 'shared';
  return `${kind} lock of ${lock.username || 'unknown'} on ${lock.hostname} (PID ${lock.pid}), refreshed ${time} UTC`;
}

function isProcessAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to someone else.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
