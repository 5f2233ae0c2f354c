/** Actions: what policies compile to. One action is one thing done again and again on one target, with every setting resolved. */
import type { RateTimetable } from '../common/rate-limits.ts';
import type { SecretReference } from '../common/secret-reference.ts';
import type { StorageIdentity } from '../common/storage-identity.ts';
import type { Schedule } from './schedule.ts';

export type { SecretReference };

/** Who may do what at a location; everyone else is a finding. */
export interface AccessRules {
  /** Account names that may do everything. */
  admins: string[];
  writers: string[];
  readers: string[];
}

interface LocationBase {
  name: string;
  /** Absent: only root and the worker's own account. */
  access?: AccessRules;
  /** A role that is missing acts as writer. */
  identities?: { writer?: StorageIdentity; maintainer?: StorageIdentity; reader?: StorageIdentity };
  limits?: RateTimetable & { connections?: number };
}

/** A folder of a disk. */
export interface LocalLocation extends LocationBase {
  local: {
    /** Absolute. */
    path: string;
    /** The host whose disk it is; absent: any worker's. */
    host?: string;
  };
  sftp?: never;
  gcs?: never;
  s3?: never;
}

/** A folder of an SSH server. */
export interface SftpLocation extends LocationBase {
  sftp: {
    host: string;
    port: number;
    /** Absolute, or relative to where the account's session begins. */
    path: string;
    /** Fingerprint of the server's key, `SHA256:…`; absent: `knownHosts` says which keys are its own. */
    hostKey?: string;
    /** Absolute path of a known_hosts file. */
    knownHosts?: string;
  };
  local?: never;
  gcs?: never;
  s3?: never;
}

/** A bucket of Google Cloud Storage. */
export interface GcsLocation extends LocationBase {
  gcs: {
    bucket: string;
    /** Names begin with this; no slash at its ends. */
    prefix?: string;
    projectId?: string;
    endpoint?: string;
  };
  local?: never;
  sftp?: never;
  s3?: never;
}

/** A bucket of S3, or of a service that speaks its language. */
export interface S3Location extends LocationBase {
  s3: {
    bucket: string;
    /** Names begin with this; no slash at its ends. */
    prefix?: string;
    region?: string;
    endpoint?: string;
    /** The bucket stands in the path of the URL, not in its host name. */
    forcePathStyle?: boolean;
  };
  local?: never;
  sftp?: never;
  gcs?: never;
}

/** One that is on no disk of ours. */
export type RemoteLocationSettings = SftpLocation | GcsLocation | S3Location;

/** A place for bytes, resolved: exactly one of the kinds of storage. */
export type LocationSettings = LocalLocation | RemoteLocationSettings;

/** A folder of a location. */
export interface Place {
  location: LocationSettings;
  /** Below the location; empty: the location itself. */
  path: string;
}

export interface RepositorySettings {
  name: string;
  location: LocationSettings;
  /** Below the location; empty: the location itself. */
  path: string;
  password: SecretReference;
  compression: 'none' | 'auto' | 'max';
}

/** What of the file system a policy protects. */
export interface SourceSettings {
  /** Only a worker of this host reads it; absent: any worker. */
  host?: string;
  /** Absolute, in the order given. */
  directories: string[];
  /** restic's patterns. */
  exclude: string[];
  excludeIfPresent: string[];
  excludeCaches: boolean;
  excludeLargerThanBytes?: number;
  oneFileSystem: boolean;
}

/** restic's keep rules: counts >= 0 (absent: 0; -1: all); periods as restic writes them (`1y6mo`, `30d`, `48h`). */
export interface KeepRules {
  last?: number;
  hourly?: number;
  daily?: number;
  weekly?: number;
  monthly?: number;
  yearly?: number;
  within?: string;
  withinHourly?: string;
  withinDaily?: string;
  withinWeekly?: string;
  withinMonthly?: string;
  withinYearly?: string;
  /** Snapshots with any of these tags are kept. */
  tags?: string[];
}

export interface RetentionRules {
  keep: KeepRules;
  /** The newest n proven snapshots are never forgotten. */
  proven: number;
  /** Share (0-1) of the snapshots that one run may forget without an approver. */
  maxForgetShare: number;
  /** Nothing older stays, written as restic writes periods. */
  maxAge?: string;
}

export interface Hold {
  /** ISO date; nothing is forgotten before. */
  until: string;
  reason: string;
  by: string;
}

export interface SyncGuards {
  emptySource: 'refuse' | 'allow';
  /** A run that would remove more than the share AND more than the number is refused. */
  maxDelete: { share: number; files: number };
}

export interface SyncSettings {
  kind: 'sync';
  /** Of a location that is not on this machine: its one directory is the path that it has there (`realmOf`). */
  source: SourceSettings;
  /** The location that the source is, read by its reader; absent: folders that a policy names by themselves. */
  from?: Place;
  to: LocationSettings;
  /** Below the location. */
  path: string;
  mode: 'mirror' | 'copy';
  include: string[];
  guards: SyncGuards;
  /** Compare by content, not by size and time. */
  checksum: boolean;
  /** Share (0-1) of files whose content is compared after a run. */
  verifyShare: number;
  /** The policy's former names: their targets are its own. Absent: none. */
  formerly?: string[];
  /** How long what is replaced and removed is kept aside in the target (`30d`, `1y6mo`); absent: not at all. */
  versions?: string;
  /** The target is kept in rclone's crypt format; absent: as the source is. */
  encrypt?: SyncEncryption;
}

export interface SyncEncryption {
  password: SecretReference;
  /** Absent: rclone's own salt. */
  salt?: SecretReference;
  /** `plain`: names stay as they are, files with a suffix (rclone's `filename_encryption = off`). */
  names: 'standard' | 'plain';
}

export interface BackupSettings {
  kind: 'backup';
  source: SourceSettings;
  repository: RepositorySettings;
  /** `source.host`, else the policy's name. */
  hostname: string;
  /** Besides `holdfast` and `policy=NAME`. */
  tags: string[];
  /** Share (0-1) of files re-read and compared with the source after the backup. */
  verifyShare: number;
  /** The policy's former names: their records and snapshots are its own. Absent: none. */
  formerly?: string[];
}

export interface CopySettings {
  kind: 'copy';
  from: RepositorySettings;
  to: RepositorySettings;
  /** Whose snapshots are copied: the policy's, under its present and former names. */
  policyNames: string[];
  /** The policy's retention in `to`: what it would forget at once is not copied. Absent: all are. */
  rules?: RetentionRules;
  hold?: Hold;
}

export interface RetentionSettings {
  kind: 'retention';
  repository: RepositorySettings;
  /** The policy's name and its former names: whose snapshots these rules rule. */
  policyNames: string[];
  rules: RetentionRules;
  hold?: Hold;
  /** When its policy's document is removed, its snapshots are forgotten as they age. Absent: they stay. */
  onDelete?: 'expire';
  /** The document is gone: periods count back from now, and the last snapshot goes, too. */
  expiring?: true;
}

export interface PruneSettings {
  kind: 'prune';
  repository: RepositorySettings;
  /** Share (0-1) of the repository that may stay unused. */
  maxUnusedShare: number;
  /** Unused data younger than this stays, so that a forgotten snapshot can be recovered. */
  afterSeconds: number;
}

export interface CheckSettings {
  kind: 'check';
  repository: RepositorySettings;
  /** Share (0-1) of the packs read in one run, rotating; 1: all; 0: none. */
  readDataShare: number;
}

export interface AccessCheckSettings {
  kind: 'access-check';
  repositories: RepositorySettings[];
  /** Of syncs. */
  targets: Place[];
  /** Where the source is a location; absent: it is none. */
  sources?: Place[];
  /** The policy's former names. Absent: none. */
  formerly?: string[];
}

/** Paths are relative to the source directory (the first one that has it). */
export type RestoreAssertion =
  | { kind: 'exists'; path: string }
  | { kind: 'file'; path: string; minSizeBytes?: number; newerThanSeconds?: number }
  | {
      kind: 'script';
      /** As written in the policy, for messages. */
      path: string;
      /** The script's text, read at apply; part of the digest. */
      content: string;
      timeoutSeconds: number;
    };

export type RestoreSample =
  /** Every file is tested within this time. */
  { kind: 'cover'; withinSeconds: number } | { kind: 'files'; count: number } | { kind: 'all' };

export interface RestoreTestSettings {
  kind: 'restore-test';
  /** Tested in turn. */
  repositories: RepositorySettings[];
  policyNames: string[];
  directories: string[];
  snapshot: 'latest' | 'random' | 'mixed';
  sample: RestoreSample;
  /** Every so often all files are restored; absent: never on its own. */
  fullEverySeconds?: number;
  /** Only a worker of this host runs it. */
  host?: string;
  /** Absolute; absent: the worker's temporary folder. */
  scratchPath?: string;
  scratchMaxBytes?: number;
  assertions: RestoreAssertion[];
  /** Of this action's own schedule: how many tests make a year, for the rotation. */
  everySeconds: number;
}

export interface AuditSettings {
  kind: 'audit';
}

export type ActionSettings =
  | SyncSettings
  | BackupSettings
  | CopySettings
  | RetentionSettings
  | PruneSettings
  | CheckSettings
  | AccessCheckSettings
  | RestoreTestSettings
  | AuditSettings;

export type ActionKind = ActionSettings['kind'];

/** The order in which `start --once` runs the actions of one policy folder. */
export const ACTION_ORDER: readonly ActionKind[] = [
  'sync',
  'backup',
  'copy',
  'retention',
  'prune',
  'check',
  'access-check',
  'restore-test',
  'audit',
];

export interface Objectives {
  /** Maximum tolerated age of recoverable data. */
  rpoSeconds: number;
  /** Maximum tolerated recovery time. */
  rtoSeconds: number;
}

export interface Action {
  /**
   * Unique and stable: `policy/orders/backup/offsite`, `repository/offsite/prune`, `project/audit`. It is the
   * schedule's id and the stem of its workflow ids.
   */
  id: string;
  kind: ActionKind;
  /** Absent for work on a repository or the project. */
  policy?: string;
  /** What it acts on, for people: a repository's, a location's or the project's name. */
  target: string;
  importance?: string;
  objectives?: Objectives;
  /** Absent: never on its own (retention of a suspended policy, an action switched off). */
  schedule: Schedule;
  settings: ActionSettings;
  /** Host whose worker must run it; absent: any. */
  host?: string;
  /** Missed runs are findings only after the host has been silent this long. */
  offlineToleranceSeconds: number;
  /** Why it does not run before `until` (absent: at all): its schedule begins then, and slots until then count as suspended. */
  suspended?: { reason: string; until?: string };
  /** SHA-256 (hex) of the canonical JSON of all the above. */
  digest: string;
}

/** Where the policies came from. */
export interface PolicyCommit {
  /** Full hash; absent: the folder is in no git repository. */
  hash?: string;
  author?: string;
  /** Committed at, ISO. */
  committedAt?: string;
  subject?: string;
  /** By which name it was asked for (`v1.4`); absent: what lay in the work tree. */
  ref?: string;
  /** Uncommitted or untracked policy files were applied (with `--allow-dirty`, or outside git). */
  dirty: boolean;
}

/** Where run and apply records are kept. */
export interface EvidenceSettings {
  location: LocationSettings;
  path: string;
}

/** What refuses a run until an operator lets it pass: `holdfast run … --accept GUARD`. Each is named by a refusal's hint. */
export const GUARDS: readonly string[] = ['emptySource', 'maxDelete', 'maxForget', 'missingTarget', 'foreignTarget'];

/** The one argument of every workflow. Plain data, well under 100 KiB. */
export interface ActionRequest {
  action: Action;
  commit: PolicyCommit;
  /** Name of the apply record that put this action in force. */
  applyId: string;
  evidence: EvidenceSettings;
  trigger: 'schedule' | 'once' | 'manual';
  /** Guards the operator accepts for this one run: of `GUARDS`. */
  accept?: string[];
  /** Plans, but changes nothing; recorded as such. */
  dryRun?: boolean;
}
