/** A scan of a backup's sources in a thread of its own, ahead of whoever compares and stores what is there. */
import { Worker } from 'node:worker_threads';
import { InterruptedError } from '../common/errors.ts';
import type { ScanSettings } from './folder-scan.ts';
import { unpackFolders, type PackedFolders, type ScannedFolder } from './packed-folders.ts';
import { ScanControl } from '../files/scan-control.ts';
import type { ScanTask } from './scan-worker.ts';
import { SourceNodes } from './source-node.ts';
import { SourceSelection } from './source-selection.ts';
import type { SourceFolder } from './source-tree.ts';
import { workerModule } from '../files/worker-module.ts';

/** Some 400 bytes each. */
const MAX_ENTRIES_AHEAD = 60_000;
/** What the thread makes of an entry lives until it is packed. */
const YOUNG_GENERATION_MIB = 4;

/**
 * Begins at once and goes on until so much is known that it waits to be asked. `next` gives the folders in pre-order: the
 * root (or the folder that the sources have in common), then for each folder among its entries, in their order, that folder
 * and all below it.
 */
export class SourceScan {
  /** Resolves when all has been looked at, or the scan was stopped, and its thread is no more. */
  readonly ended: Promise<void>;
  readonly #startedAt = performance.now();
  readonly #settings: ScanSettings;
  readonly #control: ScanControl;
  #nodes: SourceNodes | undefined;
  /** What has come and was not taken: messages, and the folders of the first of them. */
  readonly #messages: PackedFolders[] = [];
  #folders: ScannedFolder[] = [];
  #taken = 0;
  #failure: Error | undefined;
  #stopped = false;
  /** Somebody waits for a folder. */
  #wanted: PromiseWithResolvers<void> | undefined;

  /** @param settings `maxEntriesAhead`: default 60,000. Throws a Usage error for malformed patterns. */
  constructor(plan: SourceFolder, settings: ScanSettings) {
    // The thread makes one of its own; but what is wrong with the patterns must be said before anything begins.
    void new SourceSelection(settings.selection);
    this.#settings = settings;
    const { maxEntriesAhead = MAX_ENTRIES_AHEAD } = settings;
    this.#control = new ScanControl(maxEntriesAhead);
    const workerData: ScanTask = { plan, settings: { ...settings, maxEntriesAhead }, control: this.#control.memory };
    const thread = new Worker(workerModule('./scan-worker', import.meta.url), {
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    });
    thread.on('message', (packed: PackedFolders) => this.#receive(packed));
    thread.on('error', (error) => this.#fail(error));
    thread.on('messageerror', (error) => this.#fail(error));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    thread.on('exit', () => {
      // Nothing comes any more: whoever wants more than there was waits in vain.
      this.#fail(new Error('the thread that looks at the sources has ended'));
      resolve();
    });
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
    if (this.#taken === this.#folders.length && this.#messages.length > 0) {
      this.#folders = unpackFolders(this.#messages.shift()!);
      this.#taken = 0;
    }
    const folder = this.#folders[this.#taken];
    if (folder === undefined) return this.#wait();
    this.#taken++;
    this.#control.took(folder.size + 1);
    return folder;
  }

  /** Ends the scan, if it is not at its end; whoever waits for a folder gets InterruptedError. */
  stop(): void {
    this.#stopped = true;
    this.#control.stop();
    this.#wanted?.resolve();
  }

  async #wait(): Promise<ScannedFolder> {
    while (this.#messages.length === 0) {
      if (this.#stopped) throw new InterruptedError();
      if (this.#failure !== undefined) throw this.#failure;
      this.#wanted = Promise.withResolvers();
      await this.#wanted.promise;
    }
    return this.next();
  }

  #receive(packed: PackedFolders): void {
    if (this.#stopped) return;
    this.#messages.push(packed);
    this.#wanted?.resolve();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wanted?.resolve();
  }
}
