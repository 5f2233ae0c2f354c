/** Reader threads that start before a repository is open: they load their code while the password is made a key. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { SETTINGS_SENT, UNUSED, type AwaitedSettings, type ReaderSettings } from './reader-messages.ts';
import { workerModule } from '../files/worker-module.ts';

const MAX_THREADS = 4;
/** What tasks make is small and short-lived; the blobs lie elsewhere. */
const YOUNG_GENERATION_MIB = 4;

/** How many threads read, at most: more would only wait for the storage. */
export function readerThreads(): number {
  return Math.min(availableParallelism(), MAX_THREADS);
}

interface StartedThread {
  worker: Worker;
  state: Int32Array;
  hasFailed: boolean;
}

/** `close` must be called; it ends those that were not taken. */
export class StartedThreads {
  readonly #threads: StartedThread[];

  /** @param work What they get ready for. */
  constructor(work: AwaitedSettings['work']) {
    this.#threads = Array.from({ length: readerThreads() }, () => {
      const state = new SharedArrayBuffer(4);
      const worker = startReader({ state, work } satisfies AwaitedSettings);
      const thread = { worker, state: new Int32Array(state), hasFailed: false };
      // Whoever takes it listens, too. Until then nobody has to know: another thread is started, and fails likewise.
      worker.once('error', () => (thread.hasFailed = true));
      return thread;
    });
  }

  /** A thread that belongs to the caller from now on; undefined when there is none left. */
  take(settings: ReaderSettings): Worker | undefined {
    const thread = this.#threads.shift();
    if (thread === undefined || thread.hasFailed) return undefined;
    thread.worker.postMessage(settings);
    signalState(thread.state, SETTINGS_SENT);
    return thread.worker;
  }

  async close(): Promise<void> {
    const ended = this.#threads.splice(0).map(async ({ worker, state }) => {
      if (worker.threadId === -1) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      worker.once('exit', () => resolve());
      signalState(state, UNUSED);
      await promise;
    });
    await Promise.all(ended);
  }
}

/** A reader thread, ready for tasks when it has its settings. */
export function startReader(workerData: ReaderSettings | AwaitedSettings): Worker {
  return new Worker(workerModule('./reader-worker', import.meta.url), {
    workerData,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
  });
}

function signalState(state: Int32Array, value: number): void {
  Atomics.store(state, 0, value);
  Atomics.notify(state, 0);
}
