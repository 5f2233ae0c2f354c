/** How long work tells where it is: a heartbeat in an activity, a bar in the terminal, silence in a test. */

/** A measure of work done: bytes and files so far; `total*` are absent while they are not yet known. */
export interface ProgressState {
  /** What is being done, in a word or two: "backing up", "reading packs". */
  phase?: string;
  files?: number;
  bytes?: number;
  totalFiles?: number;
  totalBytes?: number;
}

export interface Progress {
  /** Called often (up to thousands of times a second); receivers throttle. Must not throw. */
  report(state: ProgressState): void;
}

export const silentProgress: Progress = { report() {} };
