/** JSON and times the way Go's encoder writes them, which is the way restic writes its documents. */

const ESCAPED: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** Compact JSON with Go's extra escapes. Fields that are undefined are left out, as `omitempty` does. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => ESCAPED[character]!);
}

/**
 * RFC 3339 in the local zone of this machine, milliseconds as Go prints them (no trailing zeros, `Z` for UTC):
 * `2026-11-23T02:05:00.12+01:00`.
 */
export function goTime(time: Date): string {
  const offsetMinutes = -time.getTimezoneOffset();
  const local = new Date(time.getTime() + offsetMinutes * 60_000).toISOString();
  const seconds = local.slice(0, 19);
  const fraction = local.slice(19, 23).replace(/\.?0+$/, '');
  if (offsetMinutes === 0) return `${seconds}${fraction}Z`;
  const sign = offsetMinutes < 0 ? '-' : '+';
  const absolute = Math.abs(offsetMinutes);
  return `${seconds}${fraction}${sign}${twoDigits(Math.floor(absolute / 60))}:${twoDigits(absolute % 60)}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
