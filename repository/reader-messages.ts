/** What the main thread and the reader threads tell each other. */
import type { Awaiting } from '../files/awaited-thread.ts';
import type { Compression } from './compression.ts';
import type { FinishedPack } from './open-packs.ts';
import type { IndexedBlob } from './repository.ts';
import type { CompareBatch, EntryBatch, FilePart, PlaceState, RestoreAnswer } from './restore-messages.ts';
import type { PackedReferences } from './tree-references.ts';
import type { VerifyBatch } from './verify-entries.ts';
import type { VerifyPackAnswer, VerifyPackTask } from './verify-pack.ts';

export interface ReaderSettings {
  key: { encrypt: Uint8Array; macK: Uint8Array; macR: Uint8Array };
  compression: Compression;
  version: number;
  packSizeBytes: number;
  /** The repository for which `repack` makes packs; absent: the one that is read. */
  target?: { key: ReaderSettings['key']; compression: Compression; version: number; packSizeBytes: number };
  /** An Int32 that is not 0 once the thread is to end. */
  end: SharedArrayBuffer;
}

/** What a thread gets instead of settings when they are still to come. */
export interface AwaitedSettings extends Awaiting {
  /** What it will be for: it loads what that needs. */
  work: 'check' | 'restore';
}

/** Stored blobs of one pack, cut out of `content`, which begins at `contentOffset` of the pack. */
export interface BlobBatch {
  packId: string;
  blobs: IndexedBlob[];
  content: Uint8Array;
  contentOffset: number;
}

export interface BlobProblem {
  id: string;
  message: string;
}

/** The work that threads do, by name: what goes in, what comes out. */
export interface ReaderTasks {
  /** Reads a whole pack and compares it with what the index says. */
  'verify-pack': { input: VerifyPackTask; output: VerifyPackAnswer };
  /** Decrypts trees, and finds out what they point to. */
  'read-trees': { input: BlobBatch; output: { trees: PackedReferences; problems: BlobProblem[] } };
  /** Verifies blobs and puts them into new packs; returns those that became full. A blob with a problem is in none. */
  repack: {
    input: BlobBatch & { compressAll?: boolean };
    output: { finished: FinishedPack[]; problems: BlobProblem[] };
  };
  /** What stands in the places of entries, one answer each. */
  'compare-entries': { input: CompareBatch; output: { states: PlaceState[] } };
  /** Makes the entries of a snapshot in the target; what goes wrong is in the answer. */
  'restore-entries': { input: EntryBatch; output: RestoreAnswer };
  'restore-part': { input: FilePart; output: RestoreAnswer };
  'verify-entries': { input: VerifyBatch; output: RestoreAnswer };
  /** The packs that are still open. */
  'finish-repack': { input: Record<never, never>; output: { finished: FinishedPack[] } };
}

export type TaskName = keyof ReaderTasks;

export interface TaskMessage<Name extends TaskName = TaskName> {
  number: number;
  name: Name;
  input: ReaderTasks[Name]['input'];
}

/** The last message to a thread. */
export interface EndMessage {
  name: 'end';
}

export type ResultMessage =
  | { number: number; output: unknown }
  /** `integrity`: the stored bytes are to blame; else it is an error of the program. */
  | { number: number; failure: { message: string; integrity: boolean } };
