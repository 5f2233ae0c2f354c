/** The thread of a backup's scan: what it finds goes to the main thread, packed. */
import { parentPort, workerData } from 'node:worker_threads';
import { FolderScan, type ScanSettings } from './folder-scan.ts';
import { transferables } from './packed-folders.ts';
import { receiveSettings, type Awaiting } from '../files/awaited-thread.ts';
import { ScanControl } from '../files/scan-control.ts';
import type { SourceFolder } from './source-tree.ts';

/** Given to the thread when it starts, or later. */
export interface ScanTask {
  plan: SourceFolder;
  settings: ScanSettings & { maxEntriesAhead: number };
  /** `ScanControl.memory`. */
  control: SharedArrayBuffer;
}

if (parentPort === null) throw new Error('scan-worker is the module of a worker thread');
const port = parentPort;
const { plan, settings, control } = receiveSettings<ScanTask, Awaiting>(workerData as ScanTask | Awaiting);
const scan = new FolderScan(settings, new ScanControl(settings.maxEntriesAhead, control), (packed) =>
  port.postMessage(packed, transferables(packed)),
);
scan.run(plan);
