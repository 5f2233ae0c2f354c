/** What `holdfast backup` says: each entry on demand, and in the end what was made. */
import { formatBytes } from '../common/sizes.ts';
import { displayPath } from '../files/byte-path.ts';
import type { ArchiveResult } from '../repository/archive.ts';
import type { ArchivedEntry } from '../repository/archive-report.ts';
import type { StorageCounts } from '../storage/storage.ts';
import type { CliContext } from './command.ts';
import { count, displayMessage, shortId } from './display.ts';
import { describePath } from './node-lines.ts';

/** restic's words. */
const ACTIONS: Record<ArchivedEntry['outcome'], string> = {
  new: 'new',
  changed: 'modified',
  unmodified: 'unchanged',
  excluded: 'excluded',
};

/** With `-vv`, and `--json -v`: tells each entry as restic does. undefined when it is not asked for. */
export function entryTeller({ output, json, verbosity }: CliContext): ((entry: ArchivedEntry) => void) | undefined {
  if (verbosity < (json ? 1 : 2)) return undefined;
  return ({ outcome, path, sizeBytes }) => {
    const action = ACTIONS[outcome];
    if (json) {
      const { path: item, path_raw } = describePath(path);
      output.json({ message_type: 'verbose_status', action, item, item_raw: path_raw, size: sizeBytes });
      return;
    }
    const size = sizeBytes === undefined || outcome === 'unmodified' ? '' : `, ${formatBytes(sizeBytes)}`;
    output.say(`${action.padEnd(9)} ${displayPath(path)}${size}`);
  };
}

/** Until the lock is held, a backup may be for nothing: its entries are kept, and told then. */
export function tellWhenHeld<Entry>(
  tell: ((entry: Entry) => void) | undefined,
  held: Promise<void>,
): ((entry: Entry) => void) | undefined {
  if (tell === undefined) return undefined;
  let isHeld = false;
  let waiting: Entry[] = [];
  held.then(
    () => {
      isHeld = true;
      for (const entry of waiting) tell(entry);
      waiting = [];
    },
    () => undefined,
  );
  return (entry) => {
    if (isHeld) tell(entry);
    else waiting.push(entry);
  };
}

/** `requests`: of a remote storage, so far. */
export function tellResult(
  context: CliContext,
  result: ArchiveResult,
  { dryRun, requests }: { dryRun: boolean; requests: StorageCounts | undefined },
): void {
  const { output, json } = context;
  const { figures, unreadable, changedWhileRead, notices, parentId, summary } = result;
  if (json) {
    const { kind: _, ...numbers } = figures;
    output.json({
      message_type: 'summary',
      dryRun,
      snapshotId: dryRun || result.skipped ? undefined : result.snapshotId,
      skipped: result.skipped,
      parentId,
      ...numbers,
      foldersNew: summary.dirs_new,
      foldersChanged: summary.dirs_changed,
      foldersUnmodified: summary.dirs_unmodified,
      dataBlobs: summary.data_blobs,
      treeBlobs: summary.tree_blobs,
      unreadable,
      changedWhileRead,
      notices,
      requests,
    });
  }
  for (const notice of notices) output.note(displayMessage(notice));
  for (const { path, message } of unreadable) output.warn(`not backed up: ${path}: ${displayMessage(message)}`);
  for (const { path } of changedWhileRead) output.warn(`changed while it was read: ${path}`);
  const { filesNew, filesChanged, filesUnmodified, bytesProcessed, bytesStored, bytesAdded } = figures;
  output.detail(
    `${count(summary.dirs_new ?? 0, 'new folder')}, ${summary.dirs_changed} changed, ${summary.dirs_unmodified} unchanged; ` +
      `${count(summary.data_blobs ?? 0, 'new data blob')}, ${count(summary.tree_blobs ?? 0, 'new tree blob')}`,
  );
  output.say(
    `${count(filesNew, 'new file')}, ${filesChanged} changed, ${filesUnmodified} unchanged; ${formatBytes(bytesProcessed)} in all, ` +
      `${formatBytes(bytesAdded)} new, stored as ${formatBytes(bytesStored)}`,
  );
  output.say(outcomeOf(result, dryRun));
}

function outcomeOf({ skipped, parentId, snapshotId }: ArchiveResult, dryRun: boolean): string {
  const after = parentId === undefined ? '' : ` (after ${shortId(parentId)})`;
  if (skipped) return `nothing has changed since snapshot ${shortId(snapshotId)}: no snapshot was made`;
  return dryRun ? 'nothing was written' : `snapshot ${shortId(snapshotId)}${after}`;
}
