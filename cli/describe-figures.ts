/** What a run did, in a few words: its figures for people. */
import { formatDuration } from '../common/durations.ts';
import { formatBytes } from '../common/sizes.ts';
import type { RunFigures, SyncFigures } from '../domain/run-record.ts';
import { count, displayTime } from './display.ts';

/** `isPlan`: of a dry run, which takes files for renamed whose contents nobody has compared. */
export function describeFigures(figures: RunFigures, { isPlan }: { isPlan: boolean }): string {
  switch (figures.kind) {
    case 'sync':
      return describeSync(figures, isPlan);
    case 'backup': {
      const changed = `${figures.filesNew} new, ${figures.filesChanged} changed`;
      const unreadable = figures.filesUnreadable === 0 ? '' : `, ${figures.filesUnreadable} unreadable`;
      return `${formatBytes(figures.bytesProcessed)}, ${changed}${unreadable}; ${formatBytes(figures.bytesStored)} stored`;
    }
    case 'copy': {
      const { snapshotsCopied, snapshotsPresent, snapshotsPassedOver, newestSnapshotTime } = figures;
      const passedOver = snapshotsPassedOver === 0 ? '' : `, ${snapshotsPassedOver} that retention would forget`;
      const newest = newestSnapshotTime === undefined ? '' : `; the newest is of ${displayTime(newestSnapshotTime)}`;
      return `${count(snapshotsCopied, 'snapshot')} copied (${formatBytes(figures.bytesStored)} stored), ${snapshotsPresent} there already${passedOver}${newest}`;
    }
    case 'retention':
      return `${count(figures.kept, 'snapshot')} kept, ${figures.forgotten} forgotten`;
    case 'prune':
      return `${formatBytes(figures.bytesFreed)} freed, ${formatBytes(figures.bytesUnused)} of ${formatBytes(figures.bytesTotal)} unused`;
    case 'check':
      return `${count(figures.problems, 'problem')} in ${count(figures.packs, 'pack')}; ${formatBytes(figures.bytesRead)} read`;
    case 'access-check':
      return `${count(figures.entriesExamined, 'entry', 'entries')} examined, ${count(figures.principals, 'account')}`;
    case 'restore-test': {
      if (figures.snapshotTime === '') return 'no snapshot to test, not proven';
      const estimate = formatDuration(Math.ceil(figures.estimatedFullRestoreSeconds));
      const verdict = figures.proven ? 'proven' : 'not proven';
      return `${count(figures.filesCompared, 'file')} of ${figures.filesTotal} compared (${formatBytes(figures.bytesRestored)}), ${verdict}; all would take ${estimate}`;
    }
    case 'audit':
      if (figures.expected === 0) return 'no scheduled run was due yet';
      return `${figures.succeeded} of ${count(figures.expected, 'run')} good, ${figures.attention > 0 ? `${figures.attention} with findings, ` : ''}${figures.failed} failed, ${figures.missed} missed`;
  }
}

function describeSync(figures: SyncFigures, isPlan: boolean): string {
  const {
    filesCopied,
    bytesCopied,
    filesRemoved,
    filesUnchanged,
    filesRenamed = 0,
    filesKept = 0,
    filesExpired = 0,
  } = figures;
  const renamed = filesRenamed === 0 ? '' : `, ${filesRenamed} ${isPlan ? 'probably ' : ''}renamed`;
  const kept = filesKept === 0 ? '' : `, ${filesKept} kept aside`;
  const expired = filesExpired === 0 ? '' : `, ${filesExpired} kept ones expired`;
  return `${count(filesCopied, 'file')} copied (${formatBytes(bytesCopied)}), ${filesRemoved} removed, ${filesUnchanged} unchanged${renamed}${kept}${expired}${describeLag(figures)}`;
}

/** Nothing where all is in the copy; older records do not say. */
function describeLag({ filesPending = 0, oldestPendingAt, lagSeconds = 0 }: SyncFigures): string {
  if (filesPending === 0) return '';
  const missing = `; ${count(filesPending, 'change')} missing`;
  return oldestPendingAt === undefined
    ? missing
    : `${missing}, the oldest made ${formatDuration(lagSeconds)} before its end`;
}
