/** A scan of a backup's sources in a thread of its own, ahead of whoever compares and stores what is there. */
import { ScanControl } from '../files/scan-control.ts';
import { MAX_ENTRIES_AHEAD, ScanThread } from '../files/scan-thread.ts';
import type { ScanSettings } from './folder-scan.ts';
import { unpackFolders, type PackedFolders, type ScannedFolder } from './packed-folders.ts';
import type { ScanTask } from './scan-worker.ts';
import type { AwaitedThread } from '../files/awaited-thread.ts';
import { startScan } from './start-scan.ts';
import { SourceNodes } from './source-node.ts';
import { SourceSelection } from './source-selection.ts';
import type { SourceFolder } from './source-tree.ts';

/**
 * Begins at once and goes on until so much is known that it waits to be asked. `next` gives the folders in pre-order: the
 * root (or the folder that the sources have in common), then for each folder among its entries, in their order, that folder
 * and all below it.
 */
export class SourceScan {
  readonly #startedAt = performance.now();
  readonly #settings: ScanSettings;
  readonly #thread: ScanThread<PackedFolders, ScannedFolder>;
  #nodes: SourceNodes | undefined;

  /**
   * @param settings `maxEntriesAhead`: default 60,000. Throws a Usage error for malformed patterns.
   * @param started The thread, started ahead; belongs to the scan when it was made. Default: it is started now.
   */
  constructor(plan: SourceFolder, settings: ScanSettings, started?: AwaitedThread) {
    // The thread makes one of its own; but what is wrong with the patterns must be said before anything begins.
    void new SourceSelection(settings.selection);
    this.#settings = settings;
    const { maxEntriesAhead = MAX_ENTRIES_AHEAD } = settings;
    const control = new ScanControl(maxEntriesAhead);
    const task: ScanTask = { plan, settings: { ...settings, maxEntriesAhead }, control: control.memory };
    this.#thread = new ScanThread({
      thread: started?.take(task) ?? startScan(task),
      control,
      unpack: unpackFolders,
      sizeOf: ({ size }) => size,
    });
  }

  /** Resolves when all has been looked at, or the scan was stopped, and its thread is no more. */
  get ended(): Promise<void> {
    return this.#thread.ended;
  }

  /** Milliseconds since it began. */
  get age(): number {
    return performance.now() - this.#startedAt;
  }

  /** What makes the nodes of single entries that are looked at again. */
  get nodes(): SourceNodes {
    this.#nodes ??= new SourceNodes({ withAtime: this.#settings.withAtime });
    return this.#nodes;
  }

  /** The next folder; a promise only where it is not there yet. Throws what made the scan fail. */
  next(): ScannedFolder | Promise<ScannedFolder> {
    return this.#thread.next();
  }

  /** Ends the scan, if it is not at its end; whoever waits for a folder gets InterruptedError. */
  stop(): void {
    this.#thread.stop();
  }
}
