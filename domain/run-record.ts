/** Run records: what one execution of an action did, written once, in success and in failure. */
import type { ErrorCode } from '../common/errors.ts';
import type { ActionKind, PolicyCommit } from './action.ts';
import type { Finding } from './finding.ts';

/** Of a sync's dry run, so many decisions are recorded. */
export const MAX_PLANNED_DECISIONS = 200;

export interface SyncFigures {
  kind: 'sync';
  filesExamined: number;
  filesCopied: number;
  filesRemoved: number;
  filesUnchanged: number;
  /** Neither copied nor removed: moved within the target, because they were renamed in the source. */
  filesRenamed?: number;
  metadataUpdated: number;
  bytesCopied: number;
  filesVerified: number;
  /** Bytes of the whole source. */
  bytesTotal: number;
  /** Of those replaced and removed: put aside for a while. Absent where the policy keeps none. */
  filesKept?: number;
  /** Kept ones whose time was over. */
  filesExpired?: number;
  /** Entries of the source whose last change the target does not have, after the run. */
  filesPending?: number;
  /** Of these changes the oldest one, ISO 8601 in UTC; absent: the target has all, or nobody can say when they were made. */
  oldestPendingAt?: string;
  /** How old that change was at the end of the run; 0: there is none. */
  lagSeconds?: number;
  /** The target has the sync's marker file: from then on it is missed when it is gone. */
  marked?: boolean;
  /** Of a dry run: what it would do first, at most `MAX_PLANNED_DECISIONS`, and why. */
  decisions?: { step: string; path: string; reason: string }[];
}

export interface BackupFigures {
  kind: 'backup';
  filesNew: number;
  filesChanged: number;
  filesUnmodified: number;
  filesUnreadable: number;
  /** Bytes of all files in the snapshot. */
  bytesProcessed: number;
  /** Bytes of new blobs, before compression. */
  bytesAdded: number;
  /** Bytes written to the repository. */
  bytesStored: number;
  filesVerified: number;
}

export interface CopyFigures {
  kind: 'copy';
  snapshotsCopied: number;
  /** In the destination before. */
  snapshotsPresent: number;
  /** Not copied, because the policy's retention would forget them in the destination at once. */
  snapshotsPassedOver: number;
  /** Not copied, because the source cannot give all that they need. */
  snapshotsDamaged: number;
  /** Blobs that the destination lacked; their stored bytes in the source, and the bytes written. */
  blobs: number;
  bytesRead: number;
  bytesStored: number;
  /** When the newest snapshot of the policy in the destination was made: the age of this copy. */
  newestSnapshotTime?: string;
  /** What was made, the newest 200: the ids in the source and in the destination. */
  copies: { snapshot: string; copy: string }[];
}

export interface RetentionFigures {
  kind: 'retention';
  kept: number;
  forgotten: number;
  /** Snapshots in the repository that no policy of ours rules. */
  foreign: number;
  /** Each decision, oldest first, at most 200; the record's reader sees why. */
  decisions: {
    snapshot: string;
    time: string;
    keep: boolean;
    reasons: string[];
    /** Of a forgotten one: its root tree, which prune spares for a while. */ tree?: string;
  }[];
}

export interface PruneFigures {
  kind: 'prune';
  packsDeleted: number;
  packsRepacked: number;
  bytesFreed: number;
  bytesUnused: number;
  bytesTotal: number;
}

export interface CheckFigures {
  kind: 'check';
  snapshots: number;
  packs: number;
  blobs: number;
  packsRead: number;
  bytesRead: number;
  /** Problems found; each is a finding of code `repository/...`. */
  problems: number;
}

export interface AccessCheckFigures {
  kind: 'access-check';
  entriesExamined: number;
  principals: number;
}

export interface RestoreTestFigures {
  kind: 'restore-test';
  repository: string;
  snapshotTime: string;
  filesRestored: number;
  bytesRestored: number;
  filesCompared: number;
  /** Of the whole snapshot. */
  filesTotal: number;
  bytesTotal: number;
  restoreSeconds: number;
  bytesPerSecond: number;
  /** What the restore of everything would take at this throughput, from this test. */
  estimatedFullRestoreSeconds: number;
  full: boolean;
  assertionsPassed: number;
  assertionsFailed: number;
  /** True when everything compared equal and every assertion held: this record then proves the snapshot. */
  proven: boolean;
}

export interface AuditFigures {
  kind: 'audit';
  expected: number;
  /** Good ones: what they found needs no attention. */
  succeeded: number;
  /** Done, with findings that need attention. */
  attention: number;
  failed: number;
  missed: number;
  late: number;
  suspended: number;
  /** By an operator; absent in records from before there were pauses. */
  paused?: number;
  objectivesMissed: number;
  /** Name of the stored report, below the evidence: `audits/20261123T020000Z.txt`, and the same with `.json`. */
  report?: string;
}

export type RunFigures =
  | SyncFigures
  | BackupFigures
  | CopyFigures
  | RetentionFigures
  | PruneFigures
  | CheckFigures
  | AccessCheckFigures
  | RestoreTestFigures
  | AuditFigures;

/** A snapshot in a repository, as records name it. */
export interface SnapshotReference {
  /** The repository's name in the policies. */
  repository: string;
  /** The id in the repository's config: which repository it really was. */
  repositoryId: string;
  snapshotId: string;
}

/** What a run asked of a remote location, and as whom, by the classes of operations that providers bill; calls, of which a large one is several requests. */
export interface LocationRequests {
  location: string;
  /** As whom the run acted there: the role, and the account of its identity where that names one. Absent in records of before there were any. */
  role?: 'writer' | 'maintainer' | 'reader';
  user?: string;
  /** "Class A", the dear ones. */
  writes: number;
  lists: number;
  /** "Class B". */
  reads: number;
  stats: number;
  /** Free with most providers. */
  removes: number;
  bytesWritten: number;
  bytesRead: number;
}

/** What an activity hands back to its workflow. A summary: under 100 KiB, no secret, no file list. */
export interface ActionOutcome {
  figures: RunFigures;
  findings: Finding[];
  /** Made by a backup, or proved by a restore test. */
  snapshot?: SnapshotReference;
  /** Of each remote location that it read or wrote, in each role. */
  requests?: LocationRequests[];
}

export interface RunError {
  code: ErrorCode;
  message: string;
  hint?: string;
}

/** All times are the workflow's, ISO 8601 in UTC, so that a retried write has identical bytes. */
export interface RunRecord {
  format: 'holdfast-run/1';
  workflowId: string;
  runId: string;
  actionId: string;
  kind: ActionKind;
  policy?: string;
  target: string;
  digest: string;
  commit: PolicyCommit;
  applyId: string;
  trigger: 'schedule' | 'once' | 'manual';
  dryRun: boolean;
  /** The schedule's nominal time, when a schedule started it; after an outage that of the newest run that was missed. */
  scheduledAt?: string;
  /** After an outage: so many slots before `scheduledAt` were missed, the oldest at `oldestAt`, as far as the engine looked back. */
  missedBefore?: { slots: number; oldestAt: string };
  startedAt: string;
  finishedAt: string;
  outcome: 'succeeded' | 'failed' | 'cancelled';
  error?: RunError;
  figures?: RunFigures;
  findings: Finding[];
  snapshot?: SnapshotReference;
  requests?: LocationRequests[];
}
