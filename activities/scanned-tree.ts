/** A local tree of a sync that a thread of its own lists, ahead of whoever plans with it. */
import { InterruptedError } from '../common/errors.ts';
import { unpackListings, type FolderListing, type PackedListings } from '../files/packed-listings.ts';
import { ScanControl } from '../files/scan-control.ts';
import { MAX_ENTRIES_AHEAD, SCAN_THREAD_LIMITS, ScanThread } from '../files/scan-thread.ts';
import { workerModule } from '../files/worker-module.ts';
import { startThread } from '../files/v8-flags.ts';
import type { ListingSource, ScanRecording } from './scan-recording.ts';
import type { SyncScanTask } from './sync-scan-worker.ts';

export class ScannedTree implements ListingSource {
  readonly #thread: ScanThread<PackedListings, FolderListing>;
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.#thread.fail(new InterruptedError());

  /** @param recording Gets what the thread lists. */
  constructor(
    task: Omit<SyncScanTask, 'control' | 'maxEntriesAhead'>,
    signal: AbortSignal,
    recording: ScanRecording | undefined,
  ) {
    const control = new ScanControl(MAX_ENTRIES_AHEAD);
    this.#thread = new ScanThread({
      thread: startThread(workerModule('./sync-scan-worker', import.meta.url), {
        ...SCAN_THREAD_LIMITS,
        workerData: { ...task, control: control.memory, maxEntriesAhead: MAX_ENTRIES_AHEAD } satisfies SyncScanTask,
      }),
      control,
      unpack: unpackListings,
      sizeOf: ({ counts }) => counts.size,
      onMessage: (packed) => recording?.add(task.side, packed),
    });
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
    if (signal.aborted) this.#onAbort();
  }

  /** A promise only where the listing is not there yet. Throws what made the scan fail, and InterruptedError after the signal. */
  next(): FolderListing | Promise<FolderListing> {
    return this.#thread.next();
  }

  /** Ends the thread, if it is not at its end. */
  stop(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#thread.stop();
  }
}
