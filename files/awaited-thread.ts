/** A thread that starts before it is known what for: it loads its code, and waits for its settings. */
import { parentPort, receiveMessageOnPort, type Worker, type WorkerOptions } from 'node:worker_threads';
import { startThread } from './v8-flags.ts';

const WAITING = 0;
const SETTINGS_SENT = 1;
const UNUSED = 2;

/** What such a thread gets as `workerData`, instead of its settings. */
export interface Awaiting {
  /** An Int32: waiting until the settings are in the thread's port, or it is to end. */
  awaited: SharedArrayBuffer;
}

/** `close` must be called; after `take` it does nothing. */
export class AwaitedThread {
  readonly #worker: Worker;
  readonly #state: Int32Array;
  #hasFailed = false;
  #isTaken = false;

  /** @param data Goes along with `Awaiting`. */
  constructor(module: URL, data: object, options: Omit<WorkerOptions, 'workerData'>) {
    const awaited = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#worker = startThread(module, { ...options, workerData: { ...data, awaited } satisfies Awaiting });
    this.#state = new Int32Array(awaited);
    // Whoever takes it listens, too. Until then nobody has to know: another thread is started, and fails likewise.
    this.#worker.once('error', () => (this.#hasFailed = true));
  }

  /** The thread with its settings, which belongs to the caller from now on; undefined when it has failed. */
  take(settings: object): Worker | undefined {
    if (this.#hasFailed) return undefined;
    this.#isTaken = true;
    this.#worker.postMessage(settings);
    this.#signal(SETTINGS_SENT);
    return this.#worker;
  }

  /** Resolves when it has ended. */
  async close(): Promise<void> {
    if (this.#isTaken || this.#worker.threadId === -1) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#worker.once('exit', () => resolve());
    this.#signal(UNUSED);
    await promise;
  }

  #signal(value: number): void {
    Atomics.store(this.#state, 0, value);
    Atomics.notify(this.#state, 0);
  }
}

/**
 * In the thread: its settings, which are there at once unless it was started ahead. Then it waits for them, after `load`, and
 * ends when there will be none.
 */
export function receiveSettings<Settings extends object, Data extends Awaiting>(
  given: Settings | Data,
  load: (data: Data) => void = () => undefined,
): Settings {
  if (!('awaited' in given)) return given;
  load(given);
  const state = new Int32Array(given.awaited);
  Atomics.wait(state, 0, WAITING);
  // Of this thread alone.
  if (Atomics.load(state, 0) === UNUSED) process.exit();
  return receiveMessageOnPort(parentPort!)!.message as Settings;
}
