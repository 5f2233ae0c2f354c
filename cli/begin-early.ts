/** What takes long to start begins before anything else of the program is loaded. */
import { keepYoungGeneration } from '../files/young-generation.ts';
import type { AwaitedThread } from '../files/awaited-thread.ts';
import { startScanAhead } from '../repository/start-scan.ts';

/** Backups that read no folders, and what only tells about the command. */
const WITHOUT_SCAN = new Set(['--stdin', '--stdin-from-command', '--help', '-h']);

let scan: AwaitedThread | undefined;

/** @param argv Without node and the program. What is wrong with it is found later. */
export function beginEarly(argv: readonly string[]): void {
  const isBackup = argv.find((word) => !word.startsWith('-')) === 'backup';
  // Where nothing has changed, all work is this thread's and the scan's: collecting a small one over and over would be a tenth
  // of it. It grows until the threads that store something start.
  if (!isBackup) keepYoungGeneration();
  if (isBackup && !argv.some((word) => WITHOUT_SCAN.has(word))) scan = startScanAhead();
}

/** For the one scan of the command, if it was begun. */
export function scanThread(): AwaitedThread | undefined {
  return scan;
}

/** What nobody took ends: the process must not end in the middle of its start. */
export async function endEarly(): Promise<void> {
  await scan?.close();
}
