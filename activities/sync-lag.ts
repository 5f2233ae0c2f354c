/** What of the source the target still lacks after a sync: seen by the walk that verifies it. */
import type { ByteString } from '../common/byte-string.ts';
import type { Action } from '../domain/action.ts';
import { dateOfNs, lagFinding, lagSecondsAt, type SyncLag } from '../domain/sync-lag.ts';
import type { SyncDecision } from '../domain/sync-plan.ts';
import { displayPath } from '../files/byte-path.ts';
import type { FileEntry } from '../files/file-tree.ts';
import type { SyncRun } from './sync-copy.ts';

/** Unreadable folders that are asked for the time of their last change. */
const MAX_FOLDERS = 1000;

/** Whether the target lacks something of the source. What no sync copies is missing in no copy: special files, and links where the format has none. */
export function isPending({ step, notable, source }: SyncDecision<FileEntry>): boolean {
  // Of a folder that is there for what lies in it alone, that is told of.
  if (source === undefined || source.isImplied === true) return false;
  if (step === 'leave') return notable !== 'special' && !(notable === 'refused' && source.type === 'symlink');
  return ['copy', 'replace', 'folder', 'clear'].includes(step);
}

/** Hands the decisions on, and counts those that say that the target lacks something. */
export async function* watchLag(
  run: SyncRun,
  lag: SyncLag,
  decisions: AsyncIterable<SyncDecision<FileEntry>>,
): AsyncGenerator<SyncDecision<FileEntry>> {
  for await (const decision of decisions) {
    const { source, path } = decision;
    if (source !== undefined && (isPending(decision) || run.failed.has(path))) lag.add(path, source.ctimeNs);
    yield decision;
  }
}

/** A folder that cannot be read hides when its files changed; until its own last change it could be read. */
export async function addUnreadable(run: SyncRun, lag: SyncLag, paths: readonly ByteString[]): Promise<void> {
  for (const path of paths.slice(0, MAX_FOLDERS)) {
    const entry = await run.source.stat(path).catch(() => undefined);
    if (entry !== undefined) lag.add(path, entry.ctimeNs);
  }
}

/** Puts the lag of one pair into the figures of the whole run, and compares it with the RPO. */
export function reportLag(run: SyncRun, lag: SyncLag, action: Action, now: Date): void {
  const { figures } = run;
  figures.filesPending = (figures.filesPending ?? 0) + lag.files();
  figures.lagSeconds ??= 0;
  const oldest = lag.oldest();
  if (oldest === undefined) return;
  const since = dateOfNs(oldest.changedNs);
  if (figures.oldestPendingAt === undefined || since.getTime() < Date.parse(figures.oldestPendingAt)) {
    figures.oldestPendingAt = since.toISOString();
    figures.lagSeconds = lagSecondsAt(since, now);
  }
  const rpoSeconds = action.objectives?.rpoSeconds;
  if (rpoSeconds === undefined) return;
  const finding = lagFinding(
    `${run.source.description}/${displayPath(oldest.path)}`,
    lagSecondsAt(since, now),
    rpoSeconds,
  );
  if (finding !== undefined) run.findings.add(finding);
}
