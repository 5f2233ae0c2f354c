/** What `stat` tells of an entry, in the form in which trees keep it. */
import type { BigIntStats } from 'node:fs';

/** A point in time: whole seconds since the epoch, rounded down, and nanoseconds beside them. */
export interface StatTime {
  seconds: number;
  nanoseconds: number;
}

/** `struct stat`, as far as trees keep it. */
export interface EntryStat {
  /** `st_mode`: type and permissions. */
  mode: number;
  links: number;
  uid: number;
  gid: number;
  sizeBytes: number;
  inode: bigint;
  /** `st_dev`. */
  device: bigint;
  /** `st_rdev`. */
  specialDevice: bigint;
  mtime: StatTime;
  atime: StatTime;
  ctime: StatTime;
}

const NANOSECONDS = 1_000_000_000n;

export function toStatTime(timeNs: bigint): StatTime {
  const nanoseconds = ((timeNs % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
  return { seconds: Number((timeNs - nanoseconds) / NANOSECONDS), nanoseconds: Number(nanoseconds) };
}

export function toNanoseconds({ seconds, nanoseconds }: StatTime): bigint {
  return BigInt(seconds) * NANOSECONDS + BigInt(nanoseconds);
}

/** Of Node's `stat`. */
export function entryStatOf(stat: BigIntStats): EntryStat {
  return {
    mode: Number(stat.mode),
    links: Number(stat.nlink),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    sizeBytes: Number(stat.size),
    inode: stat.ino,
    device: stat.dev,
    specialDevice: stat.rdev,
    mtime: toStatTime(stat.mtimeNs),
    atime: toStatTime(stat.atimeNs),
    ctime: toStatTime(stat.ctimeNs),
  };
}
