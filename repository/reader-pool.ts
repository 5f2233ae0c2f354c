/** The threads that read packs for check and prune, so that the main thread only moves bytes. */
import type { Worker } from 'node:worker_threads';
import { IntegrityError, InterruptedError, throwIfAborted } from '../common/errors.ts';
import { endThread } from '../files/end-thread.ts';
import { DEFAULT_PACK_SIZE_BYTES } from './pack.ts';
import type {
  EndMessage,
  ReaderSettings,
  ReaderTasks,
  ResultMessage,
  TaskMessage,
  TaskName,
} from './reader-messages.ts';
import type { Repository } from './repository.ts';
import { readerThreads, startReader, type StartedThreads } from './started-threads.ts';

/** A thread has the next task at hand when it finishes one. */
const TASKS_PER_THREAD = 2;

/** Of a task in the measure of who has least to do: trees are read in between, other work is done one after the other. */
const WEIGHT: Partial<Record<TaskName, number>> = { 'read-trees': 1 };
const USUAL_WEIGHT = 1000;

interface Waiting {
  weight: number;
  resolve: (output: unknown) => void;
  reject: (error: unknown) => void;
}

interface Thread {
  worker: Worker;
  waiting: Map<number, Waiting>;
  /** Weights of what waits. */
  load: number;
  /** Set when it was asked to end. */
  ended?: Promise<void>;
}

export interface ReaderPoolOptions {
  signal?: AbortSignal | undefined;
  threads?: number;
  packSizeBytes?: number | undefined;
  /** Taken before others are started. */
  started?: StartedThreads | undefined;
  /** Packs are made for it; default: the repository that is read. */
  target?: Repository;
}

const END: EndMessage = { name: 'end' };

/**
 * Threads start with their first task. Callers bound what is under way (`concurrency`). When the signal fires, or a
 * thread dies, the threads are ended and all that waits is rejected. `close` must be called.
 */
export class ReaderPool {
  /** At most. */
  readonly threads: number;
  /** How many tasks to have under way at once. */
  readonly concurrency: number;
  readonly #settings: ReaderSettings;
  readonly #started: StartedThreads | undefined;
  readonly #threads: Thread[] = [];
  readonly #end = new SharedArrayBuffer(4);
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#fail(new InterruptedError());
  #number = 0;
  #failure: Error | undefined;

  constructor(repository: Repository, options: ReaderPoolOptions = {}) {
    this.threads = options.threads ?? readerThreads();
    this.concurrency = this.threads * TASKS_PER_THREAD;
    this.#settings = {
      key: repository.key,
      compression: repository.compression,
      version: repository.config.version,
      packSizeBytes: options.packSizeBytes ?? DEFAULT_PACK_SIZE_BYTES,
      end: this.#end,
      ...(options.target === undefined ? {} : { target: targetSettings(options.target, options.packSizeBytes) }),
    };
    this.#started = options.started;
    this.#signal = options.signal;
    this.#signal?.addEventListener('abort', this.#onAbort);
  }

  /** Starts all threads now, so that they are ready when the first task comes. */
  start(): void {
    while (this.#threads.length < this.threads) this.#start();
  }

  /**
   * Runs a task in the thread that has least to do, or in the one of this number (from 0), of those that `start` has started.
   * `content` of the input is handed over: do not use it afterwards.
   */
  run<Name extends TaskName>(
    name: Name,
    input: ReaderTasks[Name]['input'],
    number?: number,
  ): Promise<ReaderTasks[Name]['output']> {
    const chosen = number === undefined ? undefined : this.#threads[number];
    if (chosen !== undefined) return this.#send(chosen, name, input);
    const idlest = this.#threads.toSorted((a, b) => a.load - b.load)[0];
    const full = this.#threads.length >= this.threads;
    return this.#send(idlest !== undefined && (full || idlest.load === 0) ? idlest : this.#start(), name, input);
  }

  /** Runs a task once in every thread that has started. */
  runInAll<Name extends TaskName>(
    name: Name,
    input: ReaderTasks[Name]['input'],
  ): Promise<ReaderTasks[Name]['output'][]> {
    return Promise.all(this.#threads.map((thread) => this.#send(thread, name, input)));
  }

  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#fail(new Error('the reader threads were closed'));
    await Promise.all(this.#threads.map((thread) => (thread.ended ??= endThread(thread.worker, END))));
  }

  async #send<Name extends TaskName>(
    thread: Thread,
    name: Name,
    input: ReaderTasks[Name]['input'],
  ): Promise<ReaderTasks[Name]['output']> {
    throwIfAborted(this.#signal);
    const failure = this.#failure;
    if (failure !== undefined) throw failure;
    const number = this.#number++;
    return new Promise((resolve, reject) => {
      const weight = WEIGHT[name] ?? USUAL_WEIGHT;
      thread.load += weight;
      thread.waiting.set(number, { weight, resolve: resolve as (output: unknown) => void, reject });
      thread.worker.postMessage({ number, name, input } satisfies TaskMessage, ownedMemory(input));
    });
  }

  #start(): Thread {
    const worker = this.#started?.take(this.#settings) ?? startReader(this.#settings);
    const thread: Thread = { worker, waiting: new Map(), load: 0 };
    worker.on('message', (message: ResultMessage) => {
      const waiting = thread.waiting.get(message.number);
      thread.waiting.delete(message.number);
      thread.load -= waiting?.weight ?? 0;
      if ('output' in message) return waiting?.resolve(message.output);
      const { message: text, integrity } = message.failure;
      waiting?.reject(integrity ? new IntegrityError(text) : new Error(`a reader thread failed: ${text}`));
    });
    worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    worker.on('messageerror', (error) => this.#fail(error));
    worker.on('exit', (code) => this.#fail(new Error(`a reader thread ended with code ${code}`)));
    this.#threads.push(thread);
    return thread;
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    Atomics.store(new Int32Array(this.#end), 0, 1);
    for (const thread of this.#threads) {
      const { worker, waiting } = thread;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
      thread.ended = endThread(worker, END);
    }
  }
}

function targetSettings(
  { key, compression, config }: Repository,
  packSizeBytes: number | undefined,
): NonNullable<ReaderSettings['target']> {
  return { key, compression, version: config.version, packSizeBytes: packSizeBytes ?? DEFAULT_PACK_SIZE_BYTES };
}

/** Memory that belongs to the content alone crosses without a copy; a view into Node's shared pool must be copied. */
function ownedMemory(input: object): ArrayBuffer[] {
  if (!('content' in input) || !(input.content instanceof Uint8Array)) return [];
  const { buffer, byteLength } = input.content;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}
