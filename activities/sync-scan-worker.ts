/** The thread that lists one side of a local sync, with the policy's choice of what belongs to it. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ByteString } from '../common/byte-string.ts';
import { LocalScan } from '../files/local-scan.ts';
import { transferablesOf } from '../files/packed-listings.ts';
import { ScanControl } from '../files/scan-control.ts';
import { createSyncFilter, type SyncFilterSettings } from './sync-filter.ts';

/** Given to the thread when it starts. */
export interface SyncScanTask {
  side: 'source' | 'target';
  /** Absolute. */
  root: ByteString;
  filter: SyncFilterSettings;
  addedMode: { dir: number; file: number };
  owners: boolean;
  /** `ScanControl.memory`. */
  control: SharedArrayBuffer;
  maxEntriesAhead: number;
}

if (parentPort === null) throw new Error('sync-scan-worker is the module of a worker thread');
const port = parentPort;
const { side, root, filter, addedMode, owners, control, maxEntriesAhead } = workerData as SyncScanTask;
const chosen = createSyncFilter(filter);
const include = side === 'source' ? chosen.ofSource : chosen.ofTarget;
new LocalScan({
  root,
  // What the sync keeps for itself lies in the root.
  includeIn: (folder) => (folder === '' || !chosen.choosesAll ? include : undefined),
  addedMode,
  owners,
  control: new ScanControl(maxEntriesAhead, control),
  send: (packed) => port.postMessage(packed, transferablesOf(packed)),
}).run();
