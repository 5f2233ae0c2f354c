/** How far a sync's target is behind its source: the oldest change that is not in it yet. */
import type { ByteString } from '../common/byte-string.ts';
import type { Finding } from './finding.ts';
import { inWords } from './objectives.ts';

export interface SyncLag {
  /** A file of the source whose present state the target does not have, and when it came into that state (`ctimeNs`). */
  add(path: ByteString, changedNs: bigint): void;
  /** One of which nobody can say when it changed. */
  addUndated(): void;
  files(): number;
  oldest(): { path: ByteString; changedNs: bigint } | undefined;
}

export function createSyncLag(): SyncLag {
  let oldest: { path: ByteString; changedNs: bigint } | undefined;
  let files = 0;
  return {
    add(path, changedNs) {
      files++;
      if (oldest === undefined || changedNs < oldest.changedNs) oldest = { path, changedNs };
    },
    addUndated() {
      files++;
    },
    files: () => files,
    oldest: () => oldest,
  };
}

/** Whole milliseconds: finer than any clock of a policy. */
export function dateOfNs(timeNs: bigint): Date {
  return new Date(Number(timeNs / 1_000_000n));
}

/** Seconds, never below 0: clocks differ. */
export function lagSecondsAt(pendingSince: Date, now: Date): number {
  return Math.max(0, Math.round((now.getTime() - pendingSince.getTime()) / 1000));
}

/** The finding that the oldest missing change is older than the RPO allows; undefined when it is not. */
export function lagFinding(subject: string, lagSeconds: number, rpoSeconds: number): Finding | undefined {
  if (lagSeconds <= rpoSeconds) return undefined;
  return {
    code: 'objective/sync-lag',
    severity: 'warning',
    subject,
    message: `${subject} changed ${inWords(lagSeconds)} ago, and its copy is not up to date: longer than the RPO of ${inWords(rpoSeconds)}`,
    hint: 'Look at the other findings of the run: they say why it could not be copied.',
  };
}
