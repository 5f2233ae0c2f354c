/** One directory of a sync and its copy, walked together. */
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';
import type { SyncSettings } from '../domain/action.ts';
import type { FindingList } from '../domain/findings.ts';
import { createDecisions, planSync, type SyncDecision, type SyncRules } from '../domain/sync-plan.ts';
import { displayPath, parentPath } from '../files/byte-path.ts';
import type { FileEntry, FileTree, WalkOptions } from '../files/file-tree.ts';
import { hasMoreEntries } from '../files/local-walk.ts';
import type { FoldedTree } from '../files/folded-tree.ts';
import type { ScanRecording } from './scan-recording.ts';
import { noteUnreadable } from './sync-copy.ts';
import { asKept } from './kept-entry.ts';
import { ownMode, withOwnMode } from './own-mode.ts';
import { isSyncMarker } from './sync-own-names.ts';
import type { SyncFilter } from './sync-filter.ts';
import { scanDecisions, type EqualEntries, type ScanOptions } from './sync-scan.ts';

/** Smaller trees are walked sooner than threads for them are started. */
const LEAST_ENTRIES_FOR_THREADS = 3000;

export interface SyncPair {
  settings: SyncSettings;
  source: FileTree;
  /** Absent: there is nothing, which a guard has let pass. */
  sourceRoot: FileEntry | undefined;
  target: FileTree;
  /** The target, where it does not tell all names apart. */
  folded?: FoldedTree;
  /** The copy is a location's root, in which the lock of its syncs lies. */
  isLocationRoot: boolean;
  /** Owners are kept: only root can. */
  owners: boolean;
  /** Permissions do not hold this process back: only root's do not. */
  overrides: boolean;
  filter: SyncFilter;
  /** As `isListedByThreads` says. */
  isScanned: boolean;
}

export interface WalkContext {
  signal: AbortSignal;
  findings: FindingList;
  /** Told the paths of the source that cannot be read. */
  onUnreadable?: (path: ByteString) => void;
  /** Told of each entry of the source that cannot even be named. */
  onNameless?: () => void;
  /** May be told of whole folders in which nothing differs, whose entries then have no decisions but for folders above others. */
  onEqual?: (equal: EqualEntries) => void;
  /** Of two folders of this machine: gets what is listed. */
  recording?: ScanRecording;
  /** Is taken for what is there, instead of looking again. */
  recorded?: ScanRecording | undefined;
  /** Nothing is there, which need not be looked at. */
  isNewTarget?: boolean;
}

/**
 * All decisions of the pair, in walk order. What of the source cannot be read becomes findings; its copy, and that of
 * what the source leaves out for its size, device or a marker file, is protected from removal.
 */
export function walkPair(pair: SyncPair, context: WalkContext): AsyncGenerator<SyncDecision<FileEntry>> {
  const { signal, findings, onUnreadable, onNameless } = context;
  const leftOut = new Set<ByteString>();
  const unseen = (path: ByteString): boolean => isWithinAny(path, leftOut);
  const onError = (path: ByteString, error: unknown): void => {
    // A server that fails shows nothing more, and nothing of that may be taken for gone.
    if (pair.source.isRemote === true && !isOfOneEntry(error)) throw error;
    leftOut.add(path);
    onUnreadable?.(path);
    noteUnreadable({ source: pair.source, findings }, path, error);
  };
  if (context.recorded !== undefined || pair.isScanned) {
    const decide = createDecisions(rulesOf(pair), unseen);
    return scanPair(pair, context, { decide, onLeftOut: (path) => void leftOut.add(path), onUnreadable: onError });
  }
  const source = walkSource(pair, {
    signal,
    include(entry) {
      const included = pair.filter.ofSource(entry);
      if (!included) leftOut.add(entry.path);
      return included;
    },
    onError,
    onForeign(path, why) {
      leftOut.add(path);
      onNameless?.();
      noteNotKept({ source: pair.source, findings }, path, why);
    },
  });
  const target = walkTarget(pair, { signal, findings });
  const entries = readable(pair, source);
  return planSync(pair.folded?.announce(entries) ?? entries, target, rulesOf(pair), unseen);
}

/** Whether both are folders of this machine, and one of them is large. Asked once for a run: it takes a hundredth of a second. */
export function isListedByThreads({ source, target }: Pick<SyncPair, 'source' | 'target'>): boolean {
  const roots = [source.localRoot, target.localRoot].filter((root) => root !== undefined);
  return roots.length === 2 && roots.some((root) => hasMoreEntries(root, LEAST_ENTRIES_FOR_THREADS));
}

function rulesOf({ settings: { mode, checksum }, owners, target }: SyncPair): SyncRules<FileEntry> {
  return { mode, checksum, owners, refuses: (entry) => target.refuses?.(entry) };
}

function walkSource({ source, sourceRoot }: SyncPair, options: WalkOptions): AsyncIterable<FileEntry> {
  return sourceRoot === undefined ? (async function* () {})() : source.walk(options);
}

function isOfOneEntry(error: unknown): boolean {
  return error instanceof HoldfastError && (error.code === 'AccessDenied' || error.code === 'NotFound');
}

/** Of two folders of this machine. */
async function* scanPair(
  pair: SyncPair,
  { signal, onEqual, recording, recorded, isNewTarget = false }: WalkContext,
  told: Pick<ScanOptions, 'decide' | 'onLeftOut' | 'onUnreadable'>,
): AsyncGenerator<SyncDecision<FileEntry>> {
  const isThere = !isNewTarget && (recorded?.hasTarget ?? (await pair.target.stat('' as ByteString)) !== undefined);
  yield* scanDecisions({
    ...told,
    recording,
    recorded,
    source: pair.source.localRoot!,
    target: isThere ? pair.target.localRoot : undefined,
    filter: pair.filter.settings,
    addedMode: ownMode(pair),
    owners: pair.owners,
    signal,
    // Where contents decide, equal sizes and times say nothing.
    onEqual: pair.settings.checksum ? undefined : onEqual,
  });
}

/** As the target is to have them. */
async function* readable(pair: SyncPair, entries: AsyncIterable<FileEntry>): AsyncGenerator<FileEntry> {
  for await (const entry of entries) yield asKept(pair, withOwnMode(pair, entry));
}

function isWithinAny(path: ByteString, set: ReadonlySet<ByteString>): boolean {
  if (set.size === 0) return false;
  for (let current = path; current !== ''; current = parentPath(current)) if (set.has(current)) return true;
  return false;
}

/** A target that is not there yet is empty. */
async function* walkTarget(pair: SyncPair, { signal, findings }: WalkContext): AsyncGenerator<FileEntry> {
  if ((await pair.target.stat('' as ByteString)) === undefined) return;
  const entries = pair.target.walk({
    signal,
    include: (entry) => pair.filter.ofTarget(entry),
    onForeign: (storedPath, why) =>
      pair.filter.isLock(storedPath) || isSyncMarker(storedPath) || noteForeign(pair, findings, storedPath, why),
  });
  if (pair.target.keeps === undefined) yield* entries;
  else for await (const entry of entries) yield asKept(pair, entry);
}

function noteForeign(pair: SyncPair, findings: FindingList, storedPath: ByteString, why: string): void {
  const subject = `${pair.target.description}/${displayPath(storedPath)}`;
  findings.add({
    code: 'sync/foreign',
    severity: 'warning',
    subject,
    message: `${subject} is none of the copies, and left alone: ${why}`,
    hint: 'Move it away if nobody needs it there.',
  });
}

/**
 * Whether a large folder goes to a place where nothing is that a plan could name. No guard can refuse such a plan, and nothing in it is
 * removed or renamed: it can be carried out while it is made.
 */
export async function isFirstFilling(
  pair: SyncPair,
  context: Pick<WalkContext, 'signal' | 'findings'>,
): Promise<boolean> {
  if (!pair.isScanned) return false;
  const entries = walkTarget(pair, context);
  try {
    return (await entries.next()).done === true;
  } finally {
    await entries.return(undefined);
  }
}

export function noteNotKept(
  { source, findings }: Pick<SyncPair, 'source'> & { findings: FindingList },
  path: ByteString,
  reason: string,
  severity: 'notice' | 'warning' = 'warning',
): void {
  const subject = `${source.description}/${displayPath(path)}`;
  findings.add({ code: 'sync/not-kept', severity, subject, message: `${subject} is left out: ${reason}` });
}
