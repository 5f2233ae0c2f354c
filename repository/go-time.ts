/** Times as Go writes them: RFC 3339 with nanoseconds (trailing zeros cut) in a local zone, against nanoseconds since the epoch. */
import { toStatTime, type StatTime } from '../files/entry-stat.ts';

/**
 * Nanoseconds since the epoch as `2026-11-23T02:10:00.123456789+01:00`, in this process's time zone as it was at that
 * time. Years outside 0-9999 are moved into them, as restic does, because RFC 3339 has no others.
 */
export function formatGoTime(timeNs: bigint): string {
  return createGoTimeFormat()(toStatTime(timeNs));
}

/** Files that were written together share their seconds, which are what takes time. */
const REMEMBERED_SECONDS = 4096;

/** `formatGoTime` for many times: it remembers the seconds it has met last. */
export function createGoTimeFormat(): (time: StatTime) => string {
  const known = new Map<number, Moment>();
  return ({ seconds, nanoseconds }) => {
    let moment = known.get(seconds);
    if (moment === undefined) {
      if (known.size >= REMEMBERED_SECONDS) known.clear();
      moment = formatSeconds(seconds);
      known.set(seconds, moment);
    }
    // Of a year that no date can have, nothing more is known.
    if (nanoseconds === 0 || moment.zone === '') return moment.text + moment.zone;
    return `${moment.text}.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}${moment.zone}`;
  };
}

/** A whole second: date and time, and the zone behind the fraction. */
interface Moment {
  text: string;
  zone: string;
}

function formatSeconds(seconds: number): Moment {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) {
    return { text: seconds < 0 ? '0000-01-01T00:00:00Z' : '9999-12-31T23:59:59Z', zone: '' };
  }
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000);
  const year = local.getUTCFullYear();
  if (year < 0 || year > 9999) local.setUTCFullYear(year < 0 ? 0 : 9999);
  return { text: local.toISOString().slice(0, 19), zone: formatOffset(offset) };
}

/** The zero of Go's time.Time: no time at all. */
export const ZERO_GO_TIME = '0001-01-01T00:00:00Z';

/** Nanoseconds since the epoch; undefined when the text is no RFC 3339 time. */
export function parseGoTime(text: string): bigint | undefined {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (parts === null) return undefined;
  const [, moment = '', fraction = '', zone = ''] = parts;
  const milliseconds = Date.parse(moment + zone);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function formatOffset(minutes: number): string {
  if (minutes === 0) return 'Z';
  const size = Math.abs(minutes);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
