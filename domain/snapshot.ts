/** Snapshots as decisions see them: restic's snapshot document, with its id. */
import type { ByteString } from '../common/byte-string.ts';

/** Counts that restic 0.17 and later write into a snapshot; times are RFC 3339. */
export interface SnapshotSummary {
  backup_start: string;
  backup_end: string;
  files_new: number;
  files_changed: number;
  files_unmodified: number;
  dirs_new: number;
  dirs_changed: number;
  dirs_unmodified: number;
  data_blobs: number;
  tree_blobs: number;
  data_added: number;
  data_added_packed: number;
  total_files_processed: number;
  total_bytes_processed: number;
}

/** Field names are restic's (`internal/data/snapshot.go`). Fields it does not know stay in `rest`, for rewriting. */
export interface Snapshot {
  /** Hex SHA-256 of the stored file. */
  id: string;
  /** RFC 3339 with nanoseconds and the zone it was made in: retention's buckets are in this local time. */
  time: string;
  /** Hex id of the root tree. */
  tree: string;
  parent?: string;
  original?: string;
  /** Absolute paths that were backed up, as UTF-8 (restic writes them as JSON strings). */
  paths: string[];
  hostname: string;
  username: string;
  uid?: number;
  gid?: number;
  excludes?: string[];
  tags?: string[];
  program_version?: string;
  summary?: SnapshotSummary;
  rest?: Record<string, unknown>;
}

/** The absolute path of a file inside a snapshot. */
export type SnapshotPath = ByteString;

/** What marks the snapshots of a policy. */
export function tagsOfPolicy(policyName: string): string[] {
  return ['holdfast', `policy=${policyName}`];
}

/** Snapshots carry the name that their policy had when they were made. */
export function isOfPolicy(snapshot: Snapshot, policyNames: readonly string[]): boolean {
  return policyNames.some((name) => snapshot.tags?.includes(`policy=${name}`));
}
