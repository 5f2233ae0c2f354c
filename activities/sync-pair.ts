/** One directory of a sync and its copy: walked together, and surveyed before anything is changed. */
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { Progress } from '../common/progress.ts';
import type { SyncSettings } from '../domain/action.ts';
import type { FindingList } from '../domain/findings.ts';
import { createDecisions, planSync, type SyncCounts, type SyncDecision, type SyncRules } from '../domain/sync-plan.ts';
import { MAX_PLANNED_DECISIONS } from '../domain/run-record.ts';
import { createRenameFinder, type RenameCandidate } from '../domain/sync-renames.ts';
import { createSyncLag, type SyncLag } from '../domain/sync-lag.ts';
import { displayPath, parentPath } from '../files/byte-path.ts';
import type { FileEntry, FileTree, WalkOptions } from '../files/file-tree.ts';
import { hasMoreEntries } from '../files/local-walk.ts';
import type { FoldedTree } from '../files/folded-tree.ts';
import { compareChecksums } from './compare-content.ts';
import { ScanRecording } from './scan-recording.ts';
import { isPending } from './sync-lag.ts';
import { requireAnswer, troubleOf } from './source-error.ts';
import { noteUnreadable } from './sync-copy.ts';
import { asKept } from './kept-entry.ts';
import { ownMode, withOwnMode } from './own-mode.ts';
import { isSyncMarker } from './sync-marker.ts';
import type { SyncFilter } from './sync-filter.ts';
import { scanDecisions, type EqualEntries, type ScanOptions } from './sync-scan.ts';

/** Smaller trees are walked sooner than threads for them are started. */
const LEAST_ENTRIES_FOR_THREADS = 3000;

/** Decisions that are remembered for the run itself, some 20 MiB; of a plan with more the trees are walked again. */
const MAX_REMEMBERED = 64_000;

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
}

/** What a plan would do, and what the guards have to know. */
export interface SyncSurvey {
  counts: SyncCounts;
  /** Files and links. */
  filesExamined: number;
  bytesTotal: number;
  /** The topmost paths that go. */
  removals: Set<ByteString>;
  /** What was probably renamed in the source, by the new path. */
  renames: Map<ByteString, RenameCandidate>;
  /** Whether anything is to be copied, changed or compared. */
  hasChanges: boolean;
  /** Files and links that are copied. */
  copies: number;
  filesUnchanged: number;
  /** What threads have listed of both sides, when it is not too much; and when no threads have, all decisions, if not too many. */
  recording: ScanRecording;
  remembered: SyncDecision<FileEntry>[] | undefined;
  /** Of `filesUnchanged`, those of equal folders. */
  filesPassedOver: number;
  /** What of the source the target lacks, and what of the source cannot be read. */
  lag: SyncLag;
  unreadable: ByteString[];
  /** Of a dry run. */
  planned: {
    filesCopied: number;
    bytesCopied: number;
    filesRemoved: number;
    filesUnchanged: number;
    metadataUpdated: number;
    filesRenamed: number;
  };
  decisions: { step: string; path: string; reason: string }[];
}

export interface WalkContext {
  signal: AbortSignal;
  findings: FindingList;
  /** Told the paths of the source that cannot be read. */
  onUnreadable?: (path: ByteString) => void;
  /** May be told of whole folders in which nothing differs, whose entries then have no decisions but for folders above others. */
  onEqual?: (equal: EqualEntries) => void;
  /** Of two folders of this machine: gets what is listed. */
  recording?: ScanRecording;
  /** Is taken for what is there, instead of looking again. */
  recorded?: ScanRecording | undefined;
}

/**
 * All decisions of the pair, in walk order. What of the source cannot be read becomes findings; its copy, and that of
 * what the source leaves out for its size, device or a marker file, is protected from removal.
 */
export function walkPair(pair: SyncPair, context: WalkContext): AsyncGenerator<SyncDecision<FileEntry>> {
  const { signal, findings, onUnreadable } = context;
  const leftOut = new Set<ByteString>();
  const unseen = (path: ByteString): boolean => isWithinAny(path, leftOut);
  const onError = (path: ByteString, error: unknown): void => {
    // A server that fails shows nothing more, and nothing of that may be taken for gone.
    if (pair.source.isRemote === true && !isOfOneEntry(error)) throw error;
    leftOut.add(path);
    onUnreadable?.(path);
    noteUnreadable({ source: pair.source, findings }, path, error);
  };
  if (context.recorded !== undefined || isScanned(pair)) {
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
    onForeign: (path, why) => noteNotKept({ source: pair.source, findings }, path, why),
  });
  const target = walkTarget(pair, { signal, findings });
  const entries = readable(pair, source);
  return planSync(pair.folded?.announce(entries) ?? entries, target, rulesOf(pair), unseen);
}

function isScanned({ source, target }: SyncPair): boolean {
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
  { signal, onEqual, recording, recorded }: WalkContext,
  told: Pick<ScanOptions, 'decide' | 'onLeftOut' | 'onUnreadable'>,
): AsyncGenerator<SyncDecision<FileEntry>> {
  const isThere = recorded?.hasTarget ?? (await pair.target.stat('' as ByteString)) !== undefined;
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

/** Goes through the whole plan, and changes nothing. */
export async function planPair(
  pair: SyncPair,
  context: WalkContext & { progress: Progress; dryRun: boolean },
): Promise<SyncSurvey> {
  const survey: SyncSurvey = {
    counts: { sourceEntries: 0, targetFiles: 0, removals: 0 },
    filesExamined: 0,
    bytesTotal: 0,
    removals: new Set(),
    renames: new Map(),
    hasChanges: false,
    copies: 0,
    filesUnchanged: 0,
    recording: new ScanRecording(),
    remembered: [],
    filesPassedOver: 0,
    lag: createSyncLag(),
    unreadable: [],
    planned: {
      filesCopied: 0,
      bytesCopied: 0,
      filesRemoved: 0,
      filesUnchanged: 0,
      metadataUpdated: 0,
      filesRenamed: 0,
    },
    decisions: [],
  };
  let lastRemoval: ByteString | undefined;
  const finder = createRenameFinder();
  const onEqual = ({ entries, files, bytes }: EqualEntries): void => {
    survey.counts.sourceEntries += entries;
    survey.counts.targetFiles += files;
    survey.filesExamined += files;
    survey.filesUnchanged += files;
    survey.filesPassedOver += files;
    survey.planned.filesUnchanged += files;
    survey.bytesTotal += bytes;
  };
  const onUnreadable = (path: ByteString): void => void survey.unreadable.push(path);
  for await (const decision of walkPair(pair, { ...context, onEqual, onUnreadable, recording: survey.recording })) {
    throwIfAborted(context.signal);
    count(survey, decision);
    remember(survey, decision);
    noteNotable(pair, context.findings, decision);
    finder.see(decision);
    if (decision.step === 'remove' && !(lastRemoval !== undefined && decision.path.startsWith(`${lastRemoval}/`))) {
      lastRemoval = decision.path;
      survey.removals.add(decision.path);
    }
    if (context.dryRun) await showPlanned(pair, survey, decision, context.signal);
    context.progress.report({ phase: 'planning', files: survey.filesExamined, bytes: survey.bytesTotal });
  }
  if (survey.unreadable.length > 0) await requireAnswer(pair.source);
  survey.renames = finder.candidates();
  if (context.dryRun) showRenames(survey);
  return survey;
}

function remember(survey: SyncSurvey, decision: SyncDecision<FileEntry>): void {
  if (isPending(decision)) survey.lag.add(decision.path, decision.source!.ctimeNs);
  if (survey.recording.isUsed) survey.remembered = undefined;
  if (survey.remembered !== undefined && survey.remembered.push(decision) > MAX_REMEMBERED) {
    survey.remembered = undefined;
  }
}

function count(survey: SyncSurvey, { step, source, target }: SyncDecision<FileEntry>): void {
  if (source !== undefined) survey.counts.sourceEntries++;
  if (step !== 'keep' && step !== 'leave' && step !== 'remove') survey.hasChanges = true;
  if (step === 'copy' || step === 'replace') survey.copies++;
  if (source !== undefined && source.type !== 'dir') {
    survey.filesExamined++;
    if (step === 'keep') survey.filesUnchanged++;
    if (source.type === 'file') survey.bytesTotal += source.sizeBytes;
  }
  if (target !== undefined && target.type !== 'dir') {
    survey.counts.targetFiles++;
    if (step === 'remove' || step === 'clear') survey.counts.removals++;
  }
}

function noteNotable(
  pair: SyncPair,
  findings: FindingList,
  { notable, path, reason, source }: SyncDecision<FileEntry>,
): void {
  if (notable === 'special') {
    const subject = `${pair.source.description}/${displayPath(path)}`;
    findings.add({ code: 'source/special', severity: 'notice', subject, message: `${subject} is left out: ${reason}` });
  }
  if (notable === 'refused') {
    noteNotKept({ source: pair.source, findings }, path, reason, source?.type === 'symlink' ? 'notice' : 'warning');
  }
  if (notable === 'obstructed') {
    const subject = `${pair.target.description}/${displayPath(path)}`;
    findings.add({
      code: 'sync/obstructed',
      severity: 'warning',
      subject,
      message: `${subject} could not take the source's place: ${reason}`,
      hint: 'Move it away by hand, or use mode mirror.',
    });
  }
}

function noteNotKept(
  { source, findings }: Pick<SyncPair, 'source'> & { findings: FindingList },
  path: ByteString,
  reason: string,
  severity: 'notice' | 'warning' = 'warning',
): void {
  const subject = `${source.description}/${displayPath(path)}`;
  findings.add({ code: 'sync/not-kept', severity, subject, message: `${subject} is left out: ${reason}` });
}

async function showPlanned(
  pair: SyncPair,
  survey: SyncSurvey,
  decision: SyncDecision<FileEntry>,
  signal: AbortSignal,
): Promise<void> {
  const { planned } = survey;
  const step = decision.step === 'compare' ? await settleComparison(pair, decision.path, signal) : decision.step;
  const isFolder = (decision.source ?? decision.target)?.type === 'dir';
  if (step === 'copy' || step === 'replace' || (step === 'clear' && !isFolder)) {
    planned.filesCopied++;
    planned.bytesCopied += decision.source?.type === 'file' ? decision.source.sizeBytes : 0;
  }
  if ((step === 'remove' || step === 'clear') && decision.target?.type !== 'dir') planned.filesRemoved++;
  if (step === 'keep' && !isFolder && decision.source !== undefined) planned.filesUnchanged++;
  if (step === 'metadata') planned.metadataUpdated++;
  if (step === 'keep' || survey.decisions.length >= MAX_PLANNED_DECISIONS) return;
  survey.decisions.push({ step, path: displayPath(decision.path), reason: decision.reason });
}

/** A copy and a removal that are one file: told as such, though only the run itself compares their contents. */
function showRenames({ renames, planned, decisions }: SyncSurvey): void {
  const copied = new Map([...renames].map(([path, { from }]) => [displayPath(path), displayPath(from)]));
  const removed = new Map([...copied].map(([path, from]) => [from, path]));
  for (const { sizeBytes } of renames.values()) {
    planned.filesRenamed++;
    planned.filesCopied--;
    planned.filesRemoved--;
    planned.bytesCopied -= sizeBytes;
  }
  for (const decision of decisions) {
    const { step, path } = decision;
    if (step === 'copy' && copied.has(path))
      Object.assign(decision, { step: 'rename', reason: `renamed from ${copied.get(path)}` });
    if (step === 'remove' && removed.has(path)) decision.reason = `renamed to ${removed.get(path)}`;
  }
}

async function settleComparison(
  pair: SyncPair,
  path: ByteString,
  signal: AbortSignal,
): Promise<'keep' | 'replace' | 'leave'> {
  try {
    return (await compareChecksums({ ...pair, signal }, path)) === 'equal' ? 'keep' : 'replace';
  } catch (error) {
    await troubleOf(pair.source, error);
    return 'leave';
  }
}
