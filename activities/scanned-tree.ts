/** A local tree of a sync that a thread of its own lists, ahead of whoever plans with it. */
import { Worker } from 'node:worker_threads';
import { InterruptedError } from '../common/errors.ts';
import { unpackListings, type FolderListing, type PackedListings } from '../files/packed-listings.ts';
import { ScanControl } from '../files/scan-control.ts';
import { workerModule } from '../files/worker-module.ts';
import type { ListingSource, ScanRecording } from './scan-recording.ts';
import type { SyncScanTask } from './sync-scan-worker.ts';

/** Some hundred bytes each. */
const MAX_ENTRIES_AHEAD = 60_000;
/** What the thread makes of an entry lives until it is packed. */
const YOUNG_GENERATION_MIB = 4;

export class ScannedTree implements ListingSource {
  readonly #control = new ScanControl(MAX_ENTRIES_AHEAD);
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.#fail(new InterruptedError());
  /** What has come and was not taken: messages, and the listings of the first of them. */
  readonly #messages: PackedListings[] = [];
  #listings: FolderListing[] = [];
  #taken = 0;
  #failure: Error | undefined;
  #wanted: PromiseWithResolvers<void> | undefined;

  /** @param recording Gets what the thread lists. */
  constructor(
    task: Omit<SyncScanTask, 'control' | 'maxEntriesAhead'>,
    signal: AbortSignal,
    recording: ScanRecording | undefined,
  ) {
    const workerData: SyncScanTask = { ...task, control: this.#control.memory, maxEntriesAhead: MAX_ENTRIES_AHEAD };
    const thread = new Worker(workerModule('./sync-scan-worker', import.meta.url), {
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    });
    thread.on('message', (packed: PackedListings) => {
      recording?.add(task.side, packed);
      this.#messages.push(packed);
      this.#wake();
    });
    thread.on('error', (error) => this.#fail(error));
    // Nothing comes any more: whoever wants more than there was waits in vain.
    thread.on('exit', () => this.#fail(new Error('the thread that lists a tree has ended')));
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
    if (signal.aborted) this.#onAbort();
  }

  /** A promise only where the listing is not there yet. Throws what made the scan fail, and InterruptedError after the signal. */
  next(): FolderListing | Promise<FolderListing> {
    if (this.#taken === this.#listings.length && this.#messages.length > 0) {
      this.#listings = unpackListings(this.#messages.shift()!);
      this.#taken = 0;
    }
    const listing = this.#listings[this.#taken];
    if (listing === undefined) return this.#wait();
    this.#taken++;
    this.#control.took(listing.counts.size + 1);
    return listing;
  }

  /** Ends the thread, if it is not at its end. */
  stop(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#control.stop();
  }

  async #wait(): Promise<FolderListing> {
    while (this.#messages.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      this.#wanted ??= Promise.withResolvers();
      await this.#wanted.promise;
    }
    return this.next();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  #wake(): void {
    this.#wanted?.resolve();
    this.#wanted = undefined;
  }
}
