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

/** An entry that is not a folder. */
export interface RestoreEntry {
  name: ByteString;
  node: RestoredNode;
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
}

/** Whole entries of some folders. */
export interface EntryBatch {
  target: RestoreTarget;
  folders: RestoreFolderEntries[];
  /** The name that an entry has until it is whole, one after the other, where its own is taken. */
  temporary: ByteString;
  source: BlobSource;
}

/** A part of a big file that is being written under its temporary name. */
export interface FilePart {
  target: RestoreTarget;
  folder: ByteString;
  /** The file's temporary name. */
  name: ByteString;
  pieces: { id: string; offset: number }[];
  source: BlobSource;
}

export type RestoreProblemCode = 'restore/damaged' | 'restore/unwritable' | 'restore/metadata' | 'restore/mismatch';

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
