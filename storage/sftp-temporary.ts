/** Names of files that are being written on a server: no listing shows them, and what a killed process left goes a day later, when somebody writes there. */
import { randomBytes } from 'node:crypto';

/** When it was begun, in seconds since the epoch, and what makes it one of many; before 0.1.0 the time was left out. */
const SHAPE = /^\.tmp-(?:([0-9a-f]{8})-[0-9a-f]{16}|[0-9a-f]{24})$/;

const ABANDONED_MILLISECONDS = 24 * 60 * 60 * 1000;

/** Of this process alone, so that a name is as unique as if each had a number of its own: drawing one costs as much as a request. */
let number = randomBytes(8).readBigUInt64BE();

/** Beside the file that it becomes. */
export function temporaryName(): string {
  const seconds = Math.floor(Date.now() / 1000) % 2 ** 32;
  number = BigInt.asUintN(64, number + 1n);
  return `.tmp-${seconds.toString(16).padStart(8, '0')}-${number.toString(16).padStart(16, '0')}`;
}

export function isTemporary(name: string): boolean {
  return SHAPE.test(name);
}

/**
 * Whether an unfinished file belongs to a process that was killed. The time of the file alone does not tell: before it
 * gets its name it gets the time of the file that it is a copy of.
 *
 * @param changedMs The file's time, since the epoch.
 */
export function isAbandoned(name: string, changedMs: number): boolean {
  const [, begun] = SHAPE.exec(name) ?? [];
  const begunMs = begun === undefined ? changedMs : Number.parseInt(begun, 16) * 1000;
  return Date.now() - Math.max(begunMs, changedMs) >= ABANDONED_MILLISECONDS;
}
