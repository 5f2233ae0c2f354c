/** How times, ids and foreign text are shown to people. */
import type { Snapshot } from '../domain/snapshot.ts';
import { displayPath, fromText } from '../files/byte-path.ts';

const SHORT_ID_LENGTH = 8;

export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH);
}

/** In this machine's zone, to the second: `2026-11-23 02:00:11`. */
export function displayTime(time: string | Date): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '?';
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Text out of a repository or a record, on one line: it may come from someone hostile, and must not steer the terminal. */
export function displayText(text: string): string {
  return displayPath(fromText(text));
}

/** A sentence in which foreign names are shown as `displayPath` has them: they are not escaped once more. */
export function displayMessage(text: string): string {
  return text.split('\\').map(displayText).join('\\');
}

/** A snapshot in a sentence: `1a2b3c4d of /srv/orders, made 2026-11-23 02:00:11 on app-01`. */
export function describeSnapshot(snapshot: Snapshot): string {
  const paths = snapshot.paths.map(displayText).join(', ');
  return `${shortId(snapshot.id)} of ${paths}, made ${displayTime(snapshot.time)} on ${displayText(snapshot.hostname)}`;
}

/** `1 file`, `1,234 files`. */
export function count(amount: number, singular: string, plural = `${singular}s`): string {
  return `${String(amount).replace(/\B(?=(?:\d{3})+$)/g, ',')} ${amount === 1 ? singular : plural}`;
}
