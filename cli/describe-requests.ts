/** What was asked of a remote storage, for people: by the classes of operations that its provider bills. */
import { formatBytes } from '../common/sizes.ts';
import type { StorageCounts } from '../storage/storage.ts';
import { count } from './display.ts';

/** `21 writes and lists (4.2 MiB), 130 reads (17 MiB), 1 removal`. */
export function describeRequests(counts: StorageCounts): string {
  const dear = `${count(counts.writes + counts.lists, 'write or list', 'writes and lists')} (${formatBytes(counts.bytesWritten)})`;
  const cheap = `${count(counts.reads + counts.stats, 'read')} (${formatBytes(counts.bytesRead)})`;
  return `${dear}, ${cheap}, ${count(counts.removes, 'removal')}`;
}
