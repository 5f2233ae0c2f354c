/** Durations (`1h30m`, `7d`) of the policy language, read and written. */
import { HoldfastError } from './errors.ts';

const UNIT_SECONDS = { w: 604_800, d: 86_400, h: 3_600, m: 60, s: 1 } as const;
const DURATION = /^(?=\d)(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/;

/** Seconds of a duration such as `90s`, `1h30m` or `7d`; throws Usage for anything else. */
export function parseDuration(text: string): number {
  const parts = DURATION.exec(text);
  if (parts === null) {
    throw new HoldfastError('Usage', `"${text}" is not a duration`, {
      hint: 'write it like 90s, 15m, 1h30m, 36h or 7d',
    });
  }
  return Object.values(UNIT_SECONDS).reduce((sum, unit, index) => sum + unit * Number(parts[index + 1] ?? 0), 0);
}

/**
 * A duration as the language writes it, exact to the second: `1h30m`, `2d12h`, `7d`; less than a second becomes `0s`.
 * Weeks are written as days, as people say "30d" and "7d" of backups.
 */
export function formatDuration(seconds: number): string {
  let rest = Math.floor(Math.abs(seconds));
  let text = '';
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const count = Math.floor(rest / UNIT_SECONDS[unit]);
    rest -= count * UNIT_SECONDS[unit];
    if (count > 0) text += `${count}${unit}`;
  }
  return (seconds < 0 ? '-' : '') + (text === '' ? '0s' : text);
}
