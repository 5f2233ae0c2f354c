/** The FileTree contract: a tree of files with their metadata, as sync and backup sources see it. */
import type { Readable } from 'node:stream';
import type { ByteString } from '../common/byte-string.ts';

export type FileType = 'file' | 'dir' | 'symlink' | 'fifo' | 'socket' | 'chardev' | 'dev';

/** One entry of a tree. Times are nanoseconds since the epoch. */
export interface FileEntry {
  /** Relative to the tree's root, `/`-separated; the root itself is the empty string. */
  path: ByteString;
  type: FileType;
  /** Permission bits with setuid, setgid and sticky: `st_mode & 0o7777`. */
  mode: number;
  /** -1: the file is damaged so that it has no size. */
  sizeBytes: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
  uid: number;
  gid: number;
  inode: bigint;
  device: bigint;
  links: number;
  /** Only of symlinks. */
  linkTarget?: ByteString;
  /** Of a folder that is there for what lies in it alone, as in a bucket: its mode, owner and times say nothing. */
  isImplied?: boolean;
}

export interface WalkOptions {
  signal?: AbortSignal;
  /** false leaves an entry, and all below it, out. Called with the path relative to the root. */
  include?: (entry: FileEntry) => boolean;
  /** Told what could not be read; the walk goes on. Without it the error is thrown. */
  onError?: (path: ByteString, error: unknown) => void;
  /**
   * Told the paths, as they are stored, of what is none of the tree's own entries, where a tree can tell, and why, in a
   * few words: the walk passes them over.
   */
  onForeign?: (storedPath: ByteString, why: string) => void;
}

/** What `replace` and `setMetadata` put on an entry. Absent parts stay as they are. */
export interface EntryMetadata {
  mode?: number;
  mtimeNs?: bigint;
  uid?: number;
  gid?: number;
}

/** What a server says of a whole file's content without sending it; the value in lower-case hex. */
export interface ContentChecksum {
  algorithm: 'crc32' | 'crc32c' | 'md5' | 'sha1' | 'sha256';
  value: string;
}

/** What two entries are compared by, besides their content. */
export type KeptMetadata = Pick<FileEntry, 'mode' | 'mtimeNs' | 'uid' | 'gid'>;

/**
 * Promises: `walk` is pre-order and in byte order (`compareBytePaths`), the root left out; `list` is the same of one
 * folder, without what is below its folders; `replace` is atomic (a reader sees the old or the new content, never a
 * part) and durable when it returns; `remove` removes one file or one empty folder. No call follows a symbolic link out
 * of the tree. The root is neither written, moved nor removed. What fails of the entries there: absence, also of the folder
 * that a path leads through, is NotFoundError; AlreadyExists is a folder in the way of a file, a file in the way of a
 * folder, and a folder that is not empty; a path which leads out of the tree, and one that `refuses` has no place for, is
 * Usage. None of these is tried again. `test/files/tree-contract.ts` is all this as a suite.
 */
export interface FileTree {
  /** For messages, without a slash at the end: `/srv/orders`, `sftp://backup@vault.example/srv/orders`. */
  readonly description: string;
  /** Absolute: the folder of this machine whose entries are the tree's, as they are. Absent: they are elsewhere, or otherwise. */
  readonly localRoot?: ByteString;
  /** Every call waits for a network: many at once are faster than one after the other. */
  readonly isRemote?: boolean;
  /** What failed in a way that may pass was tried again, with pauses, before a call says so. */
  readonly triesAgain?: boolean;
  /**
   * Whether the modes of its entries can keep whoever uses the tree from reading and writing them: not root, and nobody in
   * a bucket. Absent: what the rights of this process say.
   */
  readonly modesBind?: boolean;
  /** A move is a copy and a removal, with the rights of both, and not atomic. */
  readonly renamesByRemoving?: boolean;
  walk(options?: WalkOptions): AsyncIterable<FileEntry>;
  /** The empty path is the root. */
  list(folder: ByteString, options?: WalkOptions): AsyncIterable<FileEntry>;
  /** undefined when absent. The empty path is the root. */
  stat(path: ByteString): Promise<FileEntry | undefined>;
  openRead(path: ByteString, options?: { signal?: AbortSignal }): Promise<Readable>;
  replace(
    path: ByteString,
    content: AsyncIterable<Uint8Array>,
    metadata: EntryMetadata,
    options?: { signal?: AbortSignal },
  ): Promise<void>;
  /** Creates, or replaces, a symbolic link; atomic like `replace`. */
  replaceSymlink(path: ByteString, target: ByteString, metadata: EntryMetadata): Promise<void>;
  setMetadata(path: ByteString, metadata: EntryMetadata): Promise<void>;
  /** As `setMetadata` of each in turn, sooner where neighbours follow each other; stops at the first error. Absent: nothing is sooner. */
  setMetadataOfAll?(
    entries: Iterable<readonly [path: ByteString, metadata: EntryMetadata]>,
    options?: { signal?: AbortSignal },
  ): Promise<void>;
  /**
   * Succeeds when the folder is already there. The empty path is the root, which is made with its parents. Without a mode,
   * and in a rename, new folders get what the system gives them, and nobody else may write there.
   */
  makeFolder(path: ByteString, metadata: EntryMetadata): Promise<void>;
  remove(path: ByteString): Promise<void>;
  /** Atomic within the tree, but for `renamesByRemoving`; replaces a file or link at the new path. Missing parents are made. */
  rename(from: ByteString, to: ByteString): Promise<void>;
  /** Why the tree has no place for an entry of another one, in a few words; undefined: it has. Absent: it has for all. */
  refuses?(entry: FileEntry): string | undefined;
  /**
   * What the tree's server knows of a file's content by itself, the best first; none when it knows nothing of this one.
   * Absent: a checksum could only be had by reading.
   */
  checksums?(path: ByteString, options?: { signal?: AbortSignal }): Promise<readonly ContentChecksum[]>;
  /**
   * What copies many files of another tree into this one, sooner than one by one; undefined, or absent: nothing does, for
   * these two trees. The root is there.
   */
  openCopier?(source: FileTree, told: CopyTold, signal: AbortSignal): TreeCopier | undefined;
  /**
   * What of an entry's metadata the tree can keep, all else made equal for all entries: whole seconds, no owners. What
   * differs in nothing of this is up to date. Doing it twice changes nothing. Absent: everything, and owners if this
   * process may give files away.
   */
  keeps?(entry: FileEntry): KeptMetadata;
  close(): Promise<void>;
}

/** Told of each file that was given to a `TreeCopier`, in no certain order. */
export interface CopyTold {
  /** @param sizeBytes Of a link 0. */
  onCopied(path: ByteString, sizeBytes: number): void;
  /** Nothing of it was left. Copied by itself it shows why, and a file that only changed meanwhile is copied all the same. */
  onFailed(path: ByteString): void;
}

/** Each file is copied atomically, as by `FileTree.replace`; `close` must be called. */
export interface TreeCopier {
  /**
   * Takes a file or link, as the walk of the source told of it, and in its order; waits only while too much is under way. Its
   * folder is there, or one that `makeFolder` was asked for.
   */
  copy(entry: FileEntry, metadata: EntryMetadata): Promise<void>;
  /**
   * A folder into which only this copier will write before `settle`: it can be found under its name, and is durable, after that, or
   * when one of its files is told of. One that is there already is left as it is.
   */
  makeFolder(path: ByteString, mode: number): Promise<void>;
  /** When it returns, all were told of, and what was copied is durable. */
  settle(): Promise<void>;
  /** Leaves nothing half-done behind. */
  close(): Promise<void>;
}
