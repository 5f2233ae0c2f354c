/** A thread that looks at folders ahead of whoever reads them, and sends them packed. */
import type { Worker } from 'node:worker_threads';
import { InterruptedError } from '../common/errors.ts';
import type { ScanControl } from './scan-control.ts';

/** Some 400 bytes each. */
export const MAX_ENTRIES_AHEAD = 60_000;

/** Of such a thread's `Worker`: what it makes of an entry lives until it is packed. */
export const SCAN_THREAD_LIMITS = { resourceLimits: { maxYoungGenerationSizeMb: 12 } };

export interface ScanThreadOptions<Packed, Folder> {
  /** At work: it has been told what to look at. */
  thread: Worker;
  control: ScanControl;
  unpack: (packed: Packed) => Folder[];
  /** Number of entries. */
  sizeOf: (folder: Folder) => number;
  onMessage?: (packed: Packed) => void;
}

/** Begins at once and goes on until so much is known that it waits to be asked. */
export class ScanThread<Packed, Folder> {
  /** Resolves when all has been looked at, or the scan was stopped, and the thread is no more. */
  readonly ended: Promise<void>;
  readonly #options: ScanThreadOptions<Packed, Folder>;
  /** What has come and was not taken: messages, and the folders of the first of them. */
  readonly #messages: Packed[] = [];
  #folders: Folder[] = [];
  #taken = 0;
  #failure: Error | undefined;
  #isStopped = false;
  /** Somebody waits for a folder. */
  #wanted: PromiseWithResolvers<void> | undefined;

  constructor(options: ScanThreadOptions<Packed, Folder>) {
    this.#options = options;
    const { thread } = options;
    thread.on('message', (packed: Packed) => this.#receive(packed));
    thread.on('error', (error) => this.fail(error));
    thread.on('messageerror', (error) => this.fail(error));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    thread.on('exit', () => {
      // Nothing comes any more: whoever wants more than there was waits in vain.
      this.fail(new Error('the thread that looks at folders has ended'));
      resolve();
    });
  }

  /** The next folder; a promise only where it is not there yet. Throws what made the scan fail. */
  next(): Folder | Promise<Folder> {
    if (this.#taken === this.#folders.length && this.#messages.length > 0) {
      this.#folders = this.#options.unpack(this.#messages.shift()!);
      this.#taken = 0;
    }
    const folder = this.#folders[this.#taken];
    if (folder === undefined) return this.#wait();
    this.#taken++;
    this.#options.control.took(this.#options.sizeOf(folder) + 1);
    return folder;
  }

  /** Whoever wants more than has come gets the error. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wanted?.resolve();
  }

  /** Ends the scan, if it is not at its end; whoever waits for a folder gets InterruptedError. */
  stop(): void {
    this.#isStopped = true;
    this.#options.control.stop();
    this.#wanted?.resolve();
  }

  async #wait(): Promise<Folder> {
    while (this.#messages.length === 0) {
      if (this.#isStopped) throw new InterruptedError();
      if (this.#failure !== undefined) throw this.#failure;
      this.#wanted = Promise.withResolvers();
      await this.#wanted.promise;
    }
    return this.next();
  }

  #receive(packed: Packed): void {
    if (this.#isStopped) return;
    this.#options.onMessage?.(packed);
    this.#messages.push(packed);
    this.#wanted?.resolve();
  }
}
