/** Reader threads that start before a repository is open: they load their code while the password is made a key. */
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { AwaitedThread, type Awaiting } from '../files/awaited-thread.ts';
import { workerModule } from '../files/worker-module.ts';
import { startThread } from '../files/v8-flags.ts';
import type { AwaitedSettings, ReaderSettings } from './reader-messages.ts';

const MAX_THREADS = 4;
/** What tasks make is small and short-lived; the blobs lie elsewhere. */
const OPTIONS = { resourceLimits: { maxYoungGenerationSizeMb: 4 } };

/** How many threads read, at most: more would only wait for the storage. */
export function readerThreads(): number {
  return Math.min(availableParallelism(), MAX_THREADS);
}

/** `close` must be called; it ends those that were not taken. */
export class StartedThreads {
  readonly #threads: AwaitedThread[];

  /** @param work What they get ready for. */
  constructor(work: AwaitedSettings['work']) {
    const data = { work } satisfies Omit<AwaitedSettings, keyof Awaiting>;
    this.#threads = Array.from({ length: readerThreads() }, () => new AwaitedThread(readerModule(), data, OPTIONS));
  }

  /** A thread that belongs to the caller from now on; undefined when there is none left. */
  take(settings: ReaderSettings): Worker | undefined {
    return this.#threads.shift()?.take(settings);
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.close()));
  }
}

/** A reader thread, ready for tasks. */
export function startReader(workerData: ReaderSettings): Worker {
  return startThread(readerModule(), { ...OPTIONS, workerData });
}

function readerModule(): URL {
  return workerModule('./reader-worker', import.meta.url);
}
