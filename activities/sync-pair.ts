/** One directory of a sync and its copy: walked together, and surveyed before anything is changed. */
import type { ByteString } from '../common/byte-string.ts';
import { throwIfAborted } from '../common/errors.ts';
import type { Progress } from '../common/progress.ts';
import type { SyncSettings } from '../domain/action.ts';
import type { FindingList } from '../domain/findings.ts';
import { planSync, type SyncCounts, type SyncDecision } from '../domain/sync-plan.ts';
import { createRenameFinder, type RenameCandidate } from '../domain/sync-renames.ts';
import { displayPath, parentPath } from '../files/byte-path.ts';
import type { FileEntry, FileTree } from '../files/file-tree.ts';
import type { FoldedTree } from '../files/folded-tree.ts';
import type { SourceFilter } from './source-filter.ts';
import { compareChecksums } from './compare-content.ts';
import { SourceError } from './source-error.ts';
import { noteUnreadable } from './sync-copy.ts';
import { isSyncMarker } from './sync-marker.ts';
import { isSyncLock } from './sync-target.ts';

/** Decisions that a dry run shows. */
const MAX_DECISIONS = 200;

export interface SyncPair {
  settings: SyncSettings;
  /** Absolute. */
  directory: string;
  source: FileTree;
  sourceRoot: FileEntry | undefined;
  target: FileTree;
  /** The target, where it does not tell all names apart. */
  folded?: FoldedTree;
  /** Absolute. */
  targetPath: string;
  /** Owners are kept: only root can. */
  owners: boolean;
  /** Permissions do not hold this process back: only root's do not. */
  overrides: boolean;
  filter: SourceFilter;
}

/** What a plan would do, and what the guards have to know. */
export interface SyncSurvey {
  counts: SyncCounts;
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

interface WalkContext {
  signal: AbortSignal;
  findings: FindingList;
  /** Told the paths of the source that cannot be read. */
  onUnreadable?: (path: ByteString) => void;
}

/**
 * All decisions of the pair, in walk order. What of the source cannot be read becomes findings; its copy, and that of
 * what the source leaves out for its size, device or a marker file, is protected from removal.
 */
export function walkPair(
  pair: SyncPair,
  { signal, findings, onUnreadable }: WalkContext,
): AsyncGenerator<SyncDecision<FileEntry>> {
  const leftOut = new Set<ByteString>();
  const source = pair.source.walk({
    signal,
    include(entry) {
      const included = pair.filter.ofSource(entry);
      if (!included) leftOut.add(entry.path);
      return included;
    },
    onError(path, error) {
      leftOut.add(path);
      onUnreadable?.(path);
      noteUnreadable({ directory: pair.directory, findings }, path, error);
    },
  });
  const { mode, checksum } = pair.settings;
  const refuses = (entry: FileEntry): string | undefined => pair.target.refuses?.(entry);
  const rules = { mode, checksum, owners: pair.owners, refuses };
  const target = walkTarget(pair, { signal, findings });
  const entries = readable(pair, source);
  return planSync(pair.folded?.announce(entries) ?? entries, target, rules, (path) => isWithinAny(path, leftOut));
}

/**
 * An account that permissions hold back must be able to read its own copies at the next run: what it could read in the
 * source it lets its owner read in the target.
 */
async function* readable(pair: SyncPair, entries: AsyncIterable<FileEntry>): AsyncGenerator<FileEntry> {
  for await (const entry of entries) {
    const wanted = pair.overrides || entry.type === 'symlink' ? 0 : entry.type === 'dir' ? 0o500 : 0o400;
    yield (entry.mode & wanted) === wanted ? entry : { ...entry, mode: entry.mode | wanted };
  }
}

function isWithinAny(path: ByteString, set: ReadonlySet<ByteString>): boolean {
  if (set.size === 0) return false;
  for (let current = path; current !== ''; current = parentPath(current)) if (set.has(current)) return true;
  return false;
}

/** A target that is not there yet is empty. */
async function* walkTarget(pair: SyncPair, { signal, findings }: WalkContext): AsyncGenerator<FileEntry> {
  if ((await pair.target.stat('' as ByteString)) === undefined) return;
  const isRoot = pair.targetPath === pair.settings.to.local.path;
  const isLock = (path: ByteString): boolean => isRoot && isSyncLock(path);
  yield* pair.target.walk({
    signal,
    include: (entry) => !isLock(entry.path) && pair.filter.ofCopy(entry),
    onForeign: (storedPath) =>
      isLock(storedPath) || isSyncMarker(storedPath) || noteForeign(pair, findings, storedPath),
  });
}

function noteForeign(pair: SyncPair, findings: FindingList, storedPath: ByteString): void {
  const subject = `${pair.targetPath}/${displayPath(storedPath)}`;
  findings.add({
    code: 'sync/foreign',
    severity: 'warning',
    subject,
    message: `${subject} is none of the encrypted copies: its name cannot be decrypted, and it is left alone`,
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
  for await (const decision of walkPair(pair, context)) {
    throwIfAborted(context.signal);
    count(survey, decision);
    noteNotable(pair, context.findings, decision);
    finder.see(decision);
    if (decision.step === 'remove' && !(lastRemoval !== undefined && decision.path.startsWith(`${lastRemoval}/`))) {
      lastRemoval = decision.path;
      survey.removals.add(decision.path);
    }
    if (context.dryRun) await showPlanned(pair, survey, decision, context.signal);
    context.progress.report({ phase: 'planning', files: survey.filesExamined, bytes: survey.bytesTotal });
  }
  survey.renames = finder.candidates();
  if (context.dryRun) showRenames(survey);
  return survey;
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
    const subject = `${pair.directory}/${displayPath(path)}`;
    findings.add({ code: 'source/special', severity: 'notice', subject, message: `${subject} is left out: ${reason}` });
  }
  if (notable === 'refused') {
    const subject = `${pair.directory}/${displayPath(path)}`;
    const severity = source?.type === 'symlink' ? 'notice' : 'warning';
    findings.add({ code: 'sync/not-kept', severity, subject, message: `${subject} is left out: ${reason}` });
  }
  if (notable === 'obstructed') {
    const subject = `${pair.targetPath}/${displayPath(path)}`;
    findings.add({
      code: 'sync/obstructed',
      severity: 'warning',
      subject,
      message: `${subject} could not take the source's place: ${reason}`,
      hint: 'Move it away by hand, or use mode mirror.',
    });
  }
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
  if (step === 'keep' || survey.decisions.length >= MAX_DECISIONS) return;
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
    if (error instanceof SourceError) return 'leave';
    throw error;
  }
}
