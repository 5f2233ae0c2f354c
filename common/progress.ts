/** How long work tells where it is: a heartbeat in an activity, a bar in the terminal, silence in a test. */

/** A measure of work done: bytes and files so far; `total*` are absent while they are not yet known. */
export interface ProgressState {
  /** What is being done, in a word or two: "backing up", "reading packs". */
  phase?: string;
  files?: number;
  bytes?: number;
  totalFiles?: number;
  totalBytes?: number;
  /** What keeps the work from going on, and is tried again meanwhile. */
  trouble?: Retry | undefined;
}

/** Of what failed in a way that may pass, and is tried again by whoever does it: no failure of the work yet. */
export interface Retry {
  /** A clause without its end, and without secrets: "s3://vault answers 503 SlowDown". */
  what: string;
  /** The try that comes, of so many in all. Absent: once more, at once, before any counting. */
  attempt?: number;
  attempts?: number;
  /** When it begins, in milliseconds since the epoch. */
  atMs: number;
  /** Nothing has failed yet: it is being waited for, until `atMs` and no longer. */
  isWaiting?: true;
}

/** Told of each further try before its pause, and undefined when it has succeeded, or was the last. Must not throw. */
export type OnRetry = (retry: Retry | undefined) => void;

export interface Progress {
  /** Called often (up to thousands of times a second); receivers throttle. Must not throw. */
  report(state: ProgressState): void;
}

export const silentProgress: Progress = { report() {} };
