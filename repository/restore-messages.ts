/** What the main thread asks the reader threads to do for a restore, and what they answer. */
import type { ByteString } from '../common/byte-string.ts';
import type { PlannedBatch } from './blob-batches.ts';
import type { TreeNode } from './tree-node.ts';

/** Where the bytes of the wanted blobs come from. */
export interface BlobSource {
  /** The repository's folder when its packs are files of this machine; then `content` is absent and the thread reads. */
  localDirectory?: string;
  reads: (PlannedBatch & { content?: Uint8Array })[];
}

/** What an entry is made from. */
export type RestoredNode = Pick<
  TreeNode,
  'type' | 'mode' | 'mtime' | 'atime' | 'uid' | 'gid' | 'linktarget' | 'extended_attributes' | 'device' | 'content'
>;

/**
 * What to do where an entry's place is taken: replace what is there, unless it is the same already; trust size and time
 * of modification to tell that; only replace what is older; leave all that is there.
 */
export type Overwrite = 'always' | 'if-changed' | 'if-newer' | 'never';

/** What stands in an entry's place, and so what is to be done. */
export type PlaceState =
  | { kind: 'absent' }
  /** Stays as it is: `overwrite` says so. */
  | { kind: 'kept' }
  /** The content is the snapshot's; `metadata`: the rest is not, or may not be. */
  | { kind: 'same'; metadata: boolean }
  /** A file that can be brought to the snapshot's content where it is, by writing the blobs with these numbers. */
  | { kind: 'changed'; missing: number[] }
  /** Something that a new entry must replace as a whole. */
  | { kind: 'other' };

/** An entry that is not a folder. */
export interface RestoreEntry {
  name: ByteString;
  node: RestoredNode;
  /** Plain bytes of each blob of the content; only where the place has to be compared. */
  sizes?: number[];
  /** Absent: nobody has looked. */
  state?: PlaceState;
}

export interface RestoreFolderEntries {
  /** Relative to the target. */
  folder: ByteString;
  entries: RestoreEntry[];
}

export interface RestoreTarget {
  /** The target folder's descriptor, which all threads of the process share; it stays open as long as work is under way. */
  descriptor: number;
  owners: boolean;
  /** Runs of zeros become holes. */
  sparse: boolean;
}

/** Entries whose places have to be looked at before they are restored. */
export interface CompareBatch {
  target: RestoreTarget;
  folders: RestoreFolderEntries[];
  overwrite: Overwrite;
  /** Of each folder: whether it is looked through for what killed processes have left. Absent: none is. */
  sweep?: boolean[] | undefined;
}

/** Whole entries of some folders. */
export interface EntryBatch {
  target: RestoreTarget;
  folders: RestoreFolderEntries[];
  /** The name that an entry has until it is whole, one after the other, where its own is taken. */
  temporary: ByteString;
  source: BlobSource;
}

/** A part of a big file that is being written, mostly under a temporary name. */
export interface FilePart {
  target: RestoreTarget;
  folder: ByteString;
  name: ByteString;
  /** It had another content: zeros have to be written, too. */
  inPlace: boolean;
  pieces: { id: string; offset: number }[];
  source: BlobSource;
}

export type RestoreProblemCode =
  | 'restore/damaged'
  | 'restore/unwritable'
  | 'restore/denied'
  | 'restore/metadata'
  | 'restore/mismatch';

/** Of an entry that could not be made, by the system's error code: what this account may not do is told apart. */
export function problemCodeOf(errorCode: string): 'restore/unwritable' | 'restore/denied' {
  return errorCode === 'EACCES' || errorCode === 'EPERM' ? 'restore/denied' : 'restore/unwritable';
}

export interface RestoreProblem {
  code: RestoreProblemCode;
  /** Relative to the target; empty of a part, whose file the main thread knows. */
  path: ByteString;
  message: string;
}

export interface RestoreAnswer {
  files: number;
  bytes: number;
  problems: RestoreProblem[];
  /** The disk is full or read-only: nothing more can be written, the restore ends with this system error code. */
  fatal?: string;
}
