/** Compares a sync's files after the run: all by size and time, a share of them by content. */
import type { ByteString } from '../common/byte-string.ts';
import { forEachConcurrently } from '../common/concurrency.ts';
import { throwIfAborted } from '../common/errors.ts';
import { isTurnOf } from '../domain/turns.ts';
import type { SyncDecision } from '../domain/sync-plan.ts';
import { displayPath } from '../files/byte-path.ts';
import type { FileEntry } from '../files/file-tree.ts';
import { compareContent } from './compare-content.ts';
import { troubleOf } from './source-error.ts';
import type { SyncRun } from './sync-copy.ts';
import { asKept, statSource } from './kept-entry.ts';

const CONCURRENT_COMPARISONS = 4;

export interface VerifyOptions {
  /** All decisions that a plan of the finished sync holds. */
  decisions: AsyncIterable<SyncDecision<FileEntry>>;
  /** This run's turn, and into how many turns the files are divided; 0: no content is compared. */
  turn: number;
  turns: number;
  /** Nanoseconds: what changed in the source after this may differ, and will be copied by the next run. */
  startedAtNs: bigint;
}

/** After a run: all files agree by size and time, and this turn's share by content. Differences are findings. */
export async function verifySync(run: SyncRun, options: VerifyOptions): Promise<void> {
  await forEachConcurrently(options.decisions, CONCURRENT_COMPARISONS, async ({ path, step, source, reason }) => {
    throwIfAborted(run.signal);
    if (source === undefined || source.isImplied === true || run.failed.has(path)) return;
    const differs = ['copy', 'replace', 'folder', 'clear'].includes(step);
    if (differs && source.ctimeNs < options.startedAtNs) noteIncomplete(run, path, reason);
    if (source.type !== 'file' || !['keep', 'compare'].includes(step)) return;
    if (options.turns === 0 || !isTurnOf(path, options.turn, options.turns)) return;
    await verifyContent(run, path);
  });
}

async function verifyContent(run: SyncRun, path: ByteString): Promise<void> {
  try {
    const comparison = await compareContent(run, path);
    run.figures.filesVerified++;
    run.progress.report({ phase: 'verifying', files: run.figures.filesVerified });
    if (comparison === 'damaged')
      noteDamaged(run, path, 'critical', 'Check the disk of the target, then sync once with "checksum: true".');
    if (comparison === 'different' && (await isUnchanged(run, path))) noteMismatch(run, path);
  } catch (error) {
    throwIfAborted(run.signal);
    await troubleOf(run.source, error);
  }
}

/** A file that was written during the comparison says nothing about its copy. */
async function isUnchanged(run: SyncRun, path: ByteString): Promise<boolean> {
  const [source, stored] = await Promise.all([statSource(run, path), run.target.stat(path)]);
  const target = stored && asKept(run, stored);
  return source?.mtimeNs === target?.mtimeNs && source?.sizeBytes === target?.sizeBytes;
}

function noteMismatch(run: SyncRun, path: ByteString): void {
  const subject = `${run.target.description}/${displayPath(path)}`;
  run.findings.add({
    code: 'sync/mismatch',
    severity: 'critical',
    subject,
    message: `${subject} has other content than the source, with the same size and time`,
    hint: 'Check the disk of the target, then sync once with "checksum: true".',
  });
}

/** @param hint What to do about it. */
export function noteDamaged(
  run: Pick<SyncRun, 'target' | 'findings'>,
  path: ByteString,
  severity: 'critical' | 'warning',
  hint: string,
): void {
  const subject = `${run.target.description}/${displayPath(path)}`;
  const message = `${subject} is damaged: it fails its authentication`;
  run.findings.add({ code: 'sync/damaged', severity, subject, message, hint });
}

function noteIncomplete(run: SyncRun, path: ByteString, reason: string): void {
  const subject = `${run.target.description}/${displayPath(path)}`;
  const message = `${subject} still differs from the source after the sync (${reason})`;
  run.findings.add({
    code: 'sync/incomplete',
    severity: 'warning',
    subject,
    message,
    hint: 'Look who else writes there.',
  });
}
