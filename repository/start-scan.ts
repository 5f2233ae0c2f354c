/** Starts the thread of a backup's scan: with its task, or before there is one. */
import type { Worker } from 'node:worker_threads';
import { AwaitedThread } from '../files/awaited-thread.ts';
import { SCAN_THREAD_LIMITS } from '../files/scan-thread.ts';
import { workerModule } from '../files/worker-module.ts';
import { startThread } from '../files/v8-flags.ts';
import type { ScanTask } from './scan-worker.ts';

/** It loads its code while others find out what is to be scanned. Hand it to `scanSources`, or close it. */
export function startScanAhead(): AwaitedThread {
  return new AwaitedThread(scanModule(), {}, SCAN_THREAD_LIMITS);
}

export function startScan(workerData: ScanTask): Worker {
  return startThread(scanModule(), { ...SCAN_THREAD_LIMITS, workerData });
}

function scanModule(): URL {
  return workerModule('./scan-worker', import.meta.url);
}
