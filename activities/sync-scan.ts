/** The decisions of a sync between two folders of this machine, each listed by a thread of its own: equal folders are passed over as a whole. */
import type { ByteString } from '../common/byte-string.ts';
import { throwIfAborted } from '../common/errors.ts';
import type { SyncDecision } from '../domain/sync-plan.ts';
import { displayPath, joinPath } from '../files/byte-path.ts';
import { translateFileError } from '../files/file-errors.ts';
import type { FileEntry } from '../files/file-tree.ts';
import type { FolderListing, ListingError } from '../files/packed-listings.ts';
import type { ListingSource, ScanRecording } from './scan-recording.ts';
import { ScannedTree } from './scanned-tree.ts';
import type { SyncFilterSettings } from './sync-filter.ts';

/** What of a folder's entries is the same on both sides. */
export interface EqualEntries {
  /** Folders, files and links. */
  entries: number;
  /** Files and links. */
  files: number;
  /** Of files. */
  bytes: number;
}

export interface ScanOptions {
  source: ByteString;
  /** undefined: it is not there yet. */
  target: ByteString | undefined;
  filter: SyncFilterSettings;
  /** Bits that a source's mode has in any case. */
  addedMode: { dir: number; file: number };
  owners: boolean;
  signal: AbortSignal;
  decide: (source: FileEntry | undefined, target: FileEntry | undefined) => SyncDecision<FileEntry>;
  onLeftOut: (path: ByteString) => void;
  onUnreadable: (path: ByteString, error: Error) => void;
  /** Gets what is listed. */
  recording?: ScanRecording | undefined;
  /** Is taken for what is there; absent: it is listed. */
  recorded?: ScanRecording | undefined;
  /** Told of folders whose entries are all equal; absent: there is a decision for each entry. */
  onEqual: ((equal: EqualEntries) => void) | undefined;
}

interface Frame {
  path: ByteString;
  source: FolderListing | undefined;
  target: FolderListing | undefined;
  /** The next entry of each. */
  atSource: number;
  atTarget: number;
  isEqual: boolean;
  /** Of a folder among equal entries: how it is told of, should something below it differ. */
  untold: (() => SyncDecision<FileEntry>) | undefined;
}

/**
 * The decisions in walk order, as `planSync` makes them; where `onEqual` is given, of equal entries only those of folders in which,
 * or below which, something differs. Throws when the root or something of the target cannot be read.
 */
export async function* scanDecisions(options: ScanOptions): AsyncGenerator<SyncDecision<FileEntry>> {
  const { signal } = options;
  const { source, target } = openSources(options);
  const open = async (path: ByteString, sides: { source: boolean; target: boolean }): Promise<Frame> => {
    const fromSource = sides.source ? source.next() : undefined;
    const listed = fromSource instanceof Promise ? await fromSource : fromSource;
    const fromTarget = sides.target ? target?.next() : undefined;
    return openFrame(options, path, listed, fromTarget instanceof Promise ? await fromTarget : fromTarget);
  };
  const stack: Frame[] = [];
  try {
    stack.push(await open('' as ByteString, { source: true, target: true }));
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      throwIfAborted(signal);
      if (!frame.isEqual) yield* tellUntold(stack);
      const step = frame.isEqual ? stepEqual(options, frame) : stepUnequal(options, frame);
      if (step === undefined) {
        stack.pop();
        continue;
      }
      if (step.decision !== undefined) yield step.decision;
      if (step.below !== undefined) {
        const below = await open(joinPath(frame.path, step.below.name), step.below);
        below.untold = step.below.untold;
        stack.push(below);
      }
    }
  } finally {
    source.stop();
    target?.stop();
  }
}

function openSources(options: ScanOptions): { source: ListingSource; target: ListingSource | undefined } {
  const { filter, owners, signal, recording, recorded, source: from, target: to, addedMode } = options;
  if (recorded !== undefined) {
    return { source: recorded.replay('source'), target: to === undefined ? undefined : recorded.replay('target') };
  }
  const source = new ScannedTree({ filter, owners, side: 'source', root: from, addedMode }, signal, recording);
  if (to === undefined) return { source, target: undefined };
  const asItIs = { filter, owners, side: 'target', root: to, addedMode: { dir: 0, file: 0 } } as const;
  return { source, target: new ScannedTree(asItIs, signal, recording) };
}

function* tellUntold(stack: readonly Frame[]): Generator<SyncDecision<FileEntry>> {
  for (const frame of stack) {
    if (frame.untold === undefined) continue;
    const { untold } = frame;
    frame.untold = undefined;
    yield untold();
  }
}

function openFrame(
  options: ScanOptions,
  path: ByteString,
  source: FolderListing | undefined,
  target: FolderListing | undefined,
): Frame {
  for (const left of source?.notes.leftOut ?? []) options.onLeftOut(left);
  for (const { path: at, error } of source?.notes.unreadable ?? []) {
    const translated = toError(error, at === '' ? options.source : at);
    if (at === '') throw translated;
    options.onUnreadable(at, translated);
  }
  for (const { path: at, error } of target?.notes.unreadable ?? []) {
    throw toError(error, at === '' ? options.target! : at);
  }
  const isEqual =
    options.onEqual !== undefined &&
    source !== undefined &&
    target !== undefined &&
    source.counts.special === 0 &&
    source.equals(target);
  if (isEqual) {
    const { size, folders, bytes } = source.counts;
    options.onEqual?.({ entries: size, files: size - folders, bytes });
  }
  return { path, source, target, atSource: 0, atTarget: 0, isEqual, untold: undefined };
}

function toError({ message, code }: ListingError, path: ByteString): Error {
  return translateFileError(Object.assign(new Error(message), { code }), 'read', displayPath(path));
}

interface Below {
  name: ByteString;
  /** Which sides have a folder there. */
  source: boolean;
  target: boolean;
  untold: (() => SyncDecision<FileEntry>) | undefined;
}

interface Step {
  decision: SyncDecision<FileEntry> | undefined;
  below: Below | undefined;
}

/** To the next folder in a folder whose entries are all equal; undefined at its end. */
function stepEqual({ decide }: ScanOptions, frame: Frame): Step | undefined {
  const { path, source, target } = frame;
  for (let index = frame.atSource; index < source!.counts.size; index++) {
    if (!source!.isFolder(index)) continue;
    frame.atSource = index + 1;
    const untold = (): SyncDecision<FileEntry> => decide(source!.entry(path, index), target!.entry(path, index));
    return { decision: undefined, below: { name: source!.name(index), source: true, target: true, untold } };
  }
  return undefined;
}

/** The next entry; undefined at the end of the folder. */
function stepUnequal({ decide }: ScanOptions, frame: Frame): Step | undefined {
  const { path, source, target } = frame;
  const sourceName = nameAt(source, frame.atSource);
  const targetName = nameAt(target, frame.atTarget);
  if (sourceName === undefined && targetName === undefined) return undefined;
  const isOfSource = sourceName !== undefined && (targetName === undefined || sourceName <= targetName);
  const isOfTarget = targetName !== undefined && (sourceName === undefined || targetName <= sourceName);
  const sourceEntry = isOfSource ? source!.entry(path, frame.atSource++) : undefined;
  const targetEntry = isOfTarget ? target!.entry(path, frame.atTarget++) : undefined;
  const sides = { source: sourceEntry?.type === 'dir', target: targetEntry?.type === 'dir' };
  const name = isOfSource ? sourceName : targetName!;
  const below = sides.source || sides.target ? { name, ...sides, untold: undefined } : undefined;
  return { decision: decide(sourceEntry, targetEntry), below };
}

function nameAt(listing: FolderListing | undefined, index: number): ByteString | undefined {
  return listing === undefined || index === listing.counts.size ? undefined : listing.name(index);
}
