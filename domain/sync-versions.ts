/** The dated folders in which a sync keeps what it replaces and removes: their names, and when they have had their time. */
import { parseRetentionPeriod } from '../common/retention-period.ts';

/** In the root of a copy; on either side of a sync it is no part of what is synced. */
export const VERSIONS_FOLDER = '.holdfast-versions';

const NAME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(?:-\d+)?$/;

/** The folder of a run that began then: `20261125T121603Z`; with `-2` and so on when there is one of that second. */
export function versionsFolderName(now: Date, count: number): string {
  const stamp = `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  return count === 1 ? stamp : `${stamp}-${count}`;
}

/**
 * Whether what is in the folder was put aside longer ago than the period (`30d`, `1y6mo`), which is counted in UTC.
 * false for names that `versionsFolderName` does not make.
 */
export function isVersionsFolderExpired(name: string, period: string, now: Date): boolean {
  const parts = NAME.exec(name)?.slice(1).map(Number);
  if (parts === undefined) return false;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) < beginOfPeriod(period, now);
}

/** Milliseconds since the epoch. A day that a month does not have becomes its last one. */
function beginOfPeriod(period: string, now: Date): number {
  const { years, months, days, hours } = parseRetentionPeriod(period);
  const month = (now.getUTCFullYear() - years) * 12 + now.getUTCMonth() - months;
  const [year, monthOfYear] = [Math.floor(month / 12), ((month % 12) + 12) % 12];
  const lastDay = new Date(Date.UTC(year, monthOfYear + 1, 0)).getUTCDate();
  const begin = new Date(now);
  begin.setUTCFullYear(year, monthOfYear, Math.min(now.getUTCDate(), lastDay));
  return begin.getTime() - (days * 24 + hours) * 3600_000;
}
