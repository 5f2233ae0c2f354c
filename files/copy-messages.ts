/** What a local tree and its copying threads tell each other. */
import type { ByteString } from '../common/byte-string.ts';

/** Given to a thread when it starts. */
export interface CopyThreadSettings {
  /** Absolute. */
  source: ByteString;
  /** Absolute. */
  target: ByteString;
  /** A 32-bit word: not 0 tells the thread to drop what it has in its hands. */
  stop: SharedArrayBuffer;
}

/** One file or link, as the walk of the source saw it, and what its copy gets. */
export interface CopyJob {
  folder: ByteString;
  name: ByteString;
  /** Of a link: what it points to. */
  linkTarget: ByteString | undefined;
  inode: bigint;
  sizeBytes: number;
  mtimeNs: bigint;
  mode: number | undefined;
  /** Absent: whoever this process is. */
  owner: { uid: number; gid: number } | undefined;
  /** The descriptor of the folder in the target, when it is a new one; else it is found by its path, and may hold what a killed process left. */
  made: number | undefined;
  /** The folder has no name yet, so that the file gets its own at once. */
  takesName: boolean;
}

export type CopyRequest =
  | { name: 'write'; jobs: CopyJob[] }
  /** The first so many that this thread has written and not yet named are durable: they get their names. */
  | { name: 'rename'; count: number }
  /** What has no name yet is removed, and the thread ends. */
  | { name: 'end' };

/** `failed`: numbers among the jobs of the request. What failed, for whatever reason, has left nothing. */
export type CopyReply = { name: 'written'; failed: number[] } | { name: 'renamed'; failed: number[] };
