/** What takes long to start begins before anything else of the program is loaded. */
// Before any library looks at stdout: it notes how the process got it.
import './end-process.ts';
import type { AwaitedThread } from '../files/awaited-thread.ts';
import { startScanAhead } from '../repository/start-scan.ts';
import { StartedThreads } from '../repository/started-threads.ts';

/** What only tells about the command. */
const TELLING = ['--help', '-h'];

/** Backups that read no folders, and restores that write none. */
const WITHOUT_THREADS = new Map([
  ['backup', new Set(['--stdin', '--stdin-from-command', ...TELLING])],
  ['restore', new Set(['--dry-run', '-n', ...TELLING])],
  ['check', new Set(TELLING)],
]);

let scan: AwaitedThread | undefined;
let readers: StartedThreads | undefined;

/** @param argv Without node and the program. What is wrong with it is found later. */
export function beginEarly(argv: readonly string[]): void {
  const command = argv.find((word) => !word.startsWith('-'));
  const without = WITHOUT_THREADS.get(command ?? '');
  const needsThreads = without !== undefined && !argv.some((word) => without.has(word));
  if (!needsThreads) return;
  if (command === 'backup') scan = startScanAhead();
  else if (command === 'restore' || command === 'check') readers = new StartedThreads(command);
}

/** For the one scan of the command, if it was begun. */
export function scanThread(): AwaitedThread | undefined {
  return scan;
}

/** For the one restore or check of the command, if they were begun. */
export function readerThreads(): StartedThreads | undefined {
  return readers;
}

/** What nobody took ends: the process must not end in the middle of its start. */
export async function endEarly(): Promise<void> {
  await Promise.all([scan?.close(), readers?.close()]);
}
