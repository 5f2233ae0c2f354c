/** What opens a storage: where its bytes are, as whom, and what is needed of the machine for it. */
import type { OnRetry } from '../common/progress.ts';
import type { RateTimetable } from '../common/rate-limits.ts';
import type { SecretReference } from '../common/secret-reference.ts';
import type { StorageIdentity } from '../common/storage-identity.ts';
import type { GcsSettings } from './gcs-settings.ts';
import type { S3Settings } from './s3-settings.ts';

export type { StorageIdentity };

interface LocationBase {
  /** A role that is missing acts as writer. */
  identities?: { writer?: StorageIdentity; maintainer?: StorageIdentity; reader?: StorageIdentity };
  /** Rates are those of all that one opening writes and reads; `connections`: how many at a time. */
  limits?: RateTimetable & { connections?: number };
}

export interface LocalStorageLocation extends LocationBase {
  local: { path: string };
  sftp?: never;
  gcs?: never;
  s3?: never;
}

export interface SftpPlace {
  host: string;
  port: number;
  /** Absolute, or relative to where the account's session begins. */
  path: string;
  /** Fingerprint of the server's key, `SHA256:…`. */
  hostKey?: string;
  /** Absolute path of a known_hosts file. Without this and without `hostKey`: the person's own and the system's. */
  knownHosts?: string;
}

export interface SftpStorageLocation extends LocationBase {
  sftp: SftpPlace;
  local?: never;
  gcs?: never;
  s3?: never;
}

export interface GcsStorageLocation extends LocationBase {
  gcs: GcsSettings;
  local?: never;
  sftp?: never;
  s3?: never;
}

export interface S3StorageLocation extends LocationBase {
  s3: S3Settings;
  local?: never;
  sftp?: never;
  gcs?: never;
}

/** One that is not on this machine. */
export type RemoteLocation = SftpStorageLocation | GcsStorageLocation | S3StorageLocation;

/** Exactly one kind of storage; a new backend adds a branch. */
export type StorageLocation = LocalStorageLocation | RemoteLocation;

/** What backends need of the machine; given by the outermost layer, which alone reads the environment and secrets. */
export interface StorageSurroundings {
  /** HOME, USER, SSH_AUTH_SOCK, and what the vendors of buckets define. */
  environment: Readonly<Record<string, string | undefined>>;
  resolveSecret(reference: SecretReference): Promise<string>;
  /** For rates by the time of day. Default: the clock of the machine. */
  now?: () => Date;
  /** Told of what is tried again: a driver may do so for minutes before a call fails. */
  onRetry?: OnRetry;
}
