/** What a sync of one directory would do: surveyed before anything is changed, or, in an empty place, while it is. */
import type { ByteString } from '../common/byte-string.ts';
import { throwIfAborted } from '../common/errors.ts';
import type { Progress } from '../common/progress.ts';
import type { FindingList } from '../domain/findings.ts';
import type { SyncCounts, SyncDecision } from '../domain/sync-plan.ts';
import { MAX_PLANNED_DECISIONS } from '../domain/run-record.ts';
import { createRenameFinder, type RenameCandidate } from '../domain/sync-renames.ts';
import { createSyncLag, type SyncLag } from '../domain/sync-lag.ts';
import { displayPath } from '../files/byte-path.ts';
import type { FileEntry } from '../files/file-tree.ts';
import { compareChecksums } from './compare-content.ts';
import { ScanRecording } from './scan-recording.ts';
import { isPending } from './sync-lag.ts';
import { requireAnswer, troubleOf } from './source-error.ts';
import type { EqualEntries } from './sync-scan.ts';
import { noteNotKept, walkPair, type SyncPair, type WalkContext } from './sync-pair.ts';

/** Decisions that are remembered for the run itself, some 20 MiB; of a plan with more the trees are walked again. */
const MAX_REMEMBERED = 64_000;

/** What a plan would do, and what the guards have to know. */
export interface SyncSurvey {
  /** It is made before anything is changed; false: while the changes are made. */
  isAhead: boolean;
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

/** Goes through the whole plan, and changes nothing. */
export async function planPair(
  pair: SyncPair,
  survey: SyncSurvey,
  context: WalkContext & { progress: Progress; dryRun: boolean },
): Promise<void> {
  const finder = createRenameFinder();
  for await (const decision of surveyPair(pair, survey, { ...context, recording: survey.recording })) {
    remember(survey, decision);
    finder.see(decision);
    if (context.dryRun) await showPlanned(pair, survey, decision, context.signal);
    context.progress.report({ phase: 'planning', files: survey.filesExamined, bytes: survey.bytesTotal });
  }
  if (survey.unreadable.length > 0) await requireAnswer(pair.source);
  survey.renames = finder.candidates();
  if (context.dryRun) showRenames(survey);
}

export function createSyncSurvey(): SyncSurvey {
  return {
    isAhead: true,
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
}

/** The decisions of the pair, each noted in the survey before it is handed on. */
export async function* surveyPair(
  pair: SyncPair,
  survey: SyncSurvey,
  context: WalkContext,
): AsyncGenerator<SyncDecision<FileEntry>> {
  let lastRemoval: ByteString | undefined;
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
  const onNameless = (): void => survey.lag.addUndated();
  for await (const decision of walkPair(pair, { ...context, onEqual, onUnreadable, onNameless })) {
    throwIfAborted(context.signal);
    count(survey, decision);
    noteNotable(pair, context.findings, decision);
    if (decision.step === 'remove' && !(lastRemoval !== undefined && decision.path.startsWith(`${lastRemoval}/`))) {
      lastRemoval = decision.path;
      survey.removals.add(decision.path);
    }
    yield decision;
  }
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

/** How the reason begins of both halves of what is taken for one file: only the run itself compares the contents. */
export const PROBABLY_RENAMED = 'probably renamed';

/** A copy and a removal that are one file by size and time: told as such. */
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
      Object.assign(decision, { step: 'rename', reason: `${PROBABLY_RENAMED} from ${copied.get(path)}` });
    if (step === 'remove' && removed.has(path)) decision.reason = `${PROBABLY_RENAMED} to ${removed.get(path)}`;
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
